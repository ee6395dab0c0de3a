"""For the site: links to files of the repository outside docs/ lead to where the repository is read."""

import re
from pathlib import Path
from typing import Any

_OUTSIDE = re.compile(r"\[([^\]]+)\]\(\.\./([^)#\s]+)(#[^)\s]*)?\)")


def on_page_markdown(markdown: str, *, page: Any, config: Any, files: Any) -> str:
    """mkdocs' hook. Without a repo_url the file's name stands behind the text: a link would lead nowhere."""
    base = str(config.get("repo_url") or "").rstrip("/")

    def link(found: re.Match[str]) -> str:
        text, path, place = found.group(1), found.group(2), found.group(3) or ""
        if base:
            return f"[{text}]({base}/blob/main/{path}{place})"
        return text if path in text else f"{text} (`{path}`)"

    return _OUTSIDE.sub(link, markdown)


def on_files(files: Any, config: Any) -> Any:
    """This file, and what Python makes of it, is no page."""
    for file in [file for file in files if Path(file.src_uri).suffix in (".py", ".pyc")]:
        files.remove(file)
    return files
