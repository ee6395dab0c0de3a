"""docs/errors.md as data: under each heading the files, the command, and the screen that it must give.

`python -m tests.unit.cli.screens` writes the screens anew; read the difference before you keep it.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from clusterbook.cli.main import main
from clusterbook.cli.places import brought

PAGE = Path(__file__).parents[3] / "docs" / "errors.md"
COMMAND = "clusterbook run play.yml --inventory hosts.yml"
# The folder of a test, and that of clusterbook's own roles, as the page shows them.
SHOWN = "/home/me/project"
INSTALLED = "/opt/clusterbook"
PLAY = "- hosts: all\n  tasks:\n    - ping:\n"
_BLOCK = re.compile(r'```(\w+)(?: title="([^"]+)")?\n(.*?)```\n', re.DOTALL)


@dataclass(frozen=True)
class Screen:
    """One kind of wrong input. files: name -> text; text: the screen as the page has it."""

    heading: str
    files: dict[str, str] = field(default_factory=dict)
    command: str = COMMAND
    text: str = ""


def screens() -> Iterator[Screen]:
    """Every one of the page, with the inventory of its beginning where it has none of its own."""
    top, *sections = re.split(r"^### ", PAGE.read_text("utf-8"), flags=re.MULTILINE)
    common = {name: text for _, name, text in _BLOCK.findall(top) if name}
    for section in sections:
        heading, _, body = section.partition("\n")
        blocks = _BLOCK.findall(re.split(r"^## ", body, flags=re.MULTILINE)[0])
        files = {name: text for _, name, text in blocks if name}
        commands = [text.strip() for kind, name, text in blocks if kind == "sh"]
        shown = [text for kind, name, text in blocks if kind == "text" and not name]
        yield Screen(heading, {"play.yml": PLAY, **common, **files}, (commands or [COMMAND])[0], "".join(shown))


def played(screen: Screen, folder: Path) -> tuple[int, str, str]:
    """(exit status, standard output, standard error) of the command in a folder with the files."""
    for name, text in screen.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return called(screen.command, folder)


def called(command: str, folder: Path) -> tuple[int, str, str]:
    """The same of a command alone."""
    output, errors = io.StringIO(), io.StringIO()
    before = (sys.argv, os.environ.get("CLUSTERBOOK_STATE_STORE"), sys.stdin)
    sys.argv, sys.stdin = shlex.split(command), io.StringIO()
    os.environ["CLUSTERBOOK_STATE_STORE"] = f"file://{folder}/store"
    code: object = 0
    try:
        with contextlib.chdir(folder), contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
            main()
    except SystemExit as ended:
        code = ended.code
    finally:
        sys.argv, sys.stdin = before[0], before[2]
        os.environ.pop("CLUSTERBOOK_STATE_STORE")
        if before[1] is not None:
            os.environ["CLUSTERBOOK_STATE_STORE"] = before[1]
    assert isinstance(code, int)
    shown = errors.getvalue().replace(str(folder.resolve()), SHOWN).replace(str(brought()), INSTALLED)
    return code, output.getvalue(), shown


def write() -> None:
    """Put the screen of today below each heading."""
    text = PAGE.read_text("utf-8")
    for screen in screens():
        with tempfile.TemporaryDirectory() as folder:
            shown = played(screen, Path(folder))[2]
        start = text.index(f"### {screen.heading}\n")
        end = min((at for at in (text.find("\n### ", start + 4), text.find("\n## ", start + 4)) if at > 0),
                  default=len(text))  # fmt: skip
        section = re.sub(r"```text\n.*?```\n", "", text[start:end], flags=re.DOTALL).rstrip()
        text = f"{text[:start]}{section}\n\n```text\n{shown}```\n{text[end:]}"
    PAGE.write_text(text, "utf-8")


if __name__ == "__main__":
    write()
