"""Where the files that a step names are looked up on the local machine: Ansible's search order."""

from __future__ import annotations

from pathlib import Path


def directories(folder: str, bases: tuple[str, ...]) -> tuple[str, ...]:
    """The directories in which a relative name is looked up, first one first.

    folder: 'templates' or 'files'; bases: of the role, of the task file and of the playbook.
    """
    found: list[str] = []
    for base in bases:
        found.extend((str(Path(base) / folder), base))
    return tuple(dict.fromkeys(found))


def find(name: str, places: tuple[str, ...]) -> Path | None:
    """The first existing file or directory of that name."""
    if Path(name).is_absolute():
        return Path(name) if Path(name).exists() else None
    for place in places:
        candidate = Path(place) / name
        if candidate.exists():
            return candidate
    return None


def inside(path: Path, places: tuple[str, ...]) -> bool:
    """Whether a path, links followed, lies in one of the directories."""
    real = path.resolve()
    return any(real.is_relative_to(Path(place).resolve()) for place in places)
