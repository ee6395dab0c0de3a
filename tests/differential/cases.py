"""Playbooks to compare, and what their headers say of them."""

from __future__ import annotations

import hashlib
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
PLAYBOOKS = HERE / "playbooks"
# Runs of a playbook, in this order; a difference is declared for one aspect of one of them.
PHASES = ("check", "first", "second")
ASPECTS = ("status", "counts", "hosts", "local")
_DIFFERS = re.compile(r"differs (\w+) (\w+): (.+)")


class BadHeader(Exception):
    """A line of a header that says nothing that the harness knows."""


@dataclass(frozen=True)
class Case:
    """One playbook. about: its first comment; differs: (phase, aspect) -> why the two tools are not the same there."""

    path: Path
    about: str
    arguments: tuple[str, ...]
    differs: dict[tuple[str, str], str]
    quick: bool

    @property
    def section(self) -> str:
        """The folder, a section of Ansible's documentation."""
        return self.path.parent.name

    @property
    def name(self) -> str:
        """SECTION/NAME."""
        return f"{self.section}/{self.path.stem}"

    def key(self, salt: str) -> str:
        """A hash of all that the result can depend on: this playbook, its section's other files, and the salt."""
        made = hashlib.sha256(salt.encode())
        for path in sorted(self.path.parent.rglob("*")):
            if path.is_file() and (path == self.path or not _is_playbook(path)):
                made.update(f"{path.relative_to(self.path.parent)}\0".encode() + path.read_bytes())
        return made.hexdigest()


def find(names: list[str], quick: bool = False) -> list[Case]:
    """Cases by name or section (all, when none is named), sorted."""
    found = [read(path) for path in sorted(PLAYBOOKS.glob("*/*.yml")) if _is_playbook(path)]
    chosen = [case for case in found if not names or case.name in names or case.section in names]
    return [case for case in chosen if case.quick or not quick]


def read(path: Path) -> Case:
    """A playbook's header: comments before the first play. Raises BadHeader."""
    about: list[str] = []
    arguments: tuple[str, ...] = ()
    differs: dict[tuple[str, str], str] = {}
    quick = False
    for line in path.read_text().splitlines():
        if not line.startswith("#"):
            break
        text = line.lstrip("# ").strip()
        if text == "quick":
            quick = True
        elif text.startswith("arguments: "):
            arguments = tuple(shlex.split(text.removeprefix("arguments: ")))
        elif match := _DIFFERS.fullmatch(text):
            if match[1] not in PHASES or match[2] not in ASPECTS:
                raise BadHeader(f"{path}: {line}")
            differs[match[1], match[2]] = match[3]
        else:
            about.append(text)
    if not about:
        raise BadHeader(f"{path}: the first line says what the playbook shows")
    return Case(path, " ".join(about), arguments, differs, quick)


def _is_playbook(path: Path) -> bool:
    """Files for imports and includes begin with an underscore."""
    return path.suffix == ".yml" and path.parent.parent == PLAYBOOKS and not path.name.startswith("_")
