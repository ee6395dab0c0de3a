"""For the site: what pages say of files of the repository outside docs/.

ARCHITECTURE.md and the README of each role are pages, too; a link to another file leads to where the repository is
read, or is the file's name where nobody said where that is.
"""

import posixpath
import re
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parents[1]
_LINK = re.compile(r"\[([^\]]+)\]\((?!https?:|mailto:)([^)#\s]+)(#[^)\s]*)?\)")
_ROLES = sorted(path.parent.name for path in _ROOT.glob("roles/*/README.md"))
# Files outside docs/ that are pages: from the project's folder -> in the site.
PAGES = {"ARCHITECTURE.md": "architecture.md", **{f"roles/{name}/README.md": f"roles/{name}.md" for name in _ROLES}}


def on_page_markdown(markdown: str, *, page: Any, config: Any, files: Any) -> str:
    """mkdocs' hook."""
    here = page.file.src_uri
    source = next((path for path, made in PAGES.items() if made == here), f"docs/{here}")
    base = str(config.get("repo_url") or "").rstrip("/")

    def link(found: re.Match[str]) -> str:
        text, place = found.group(1), found.group(3) or ""
        if source.startswith("docs/") and not found.group(2).startswith("../"):
            return found.group()
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), found.group(2)))
        target = PAGES.get(path) or (path.removeprefix("docs/") if path.startswith("docs/") else "")
        if target:
            return f"[{text}]({posixpath.relpath(target, posixpath.dirname(here) or '.')}{place})"
        if base:
            return f"[{text}]({base}/blob/main/{path}{place})"
        return text if path in text else f"{text} (`{path}`)"

    return _LINK.sub(link, markdown)


def on_files(files: Any, config: Any) -> Any:
    """The pages from outside docs/; this file, and what Python makes of it, is none."""
    from mkdocs.structure.files import File  # of the site's own environment

    for file in [file for file in files if Path(file.src_uri).suffix in (".py", ".pyc")]:
        files.remove(file)
    for path, page in PAGES.items():
        files.append(File.generated(config, page, content=(_ROOT / path).read_text()))
    return files
