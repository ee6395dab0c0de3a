"""Where the files that a step names are looked up on the local machine: Ansible's search order."""

from __future__ import annotations

from pathlib import Path

_FOLDERS = {"ansible.builtin.template": "templates", "ansible.builtin.include_vars": "vars"}


def directories(module: str, role_path: str, task_directory: str, playbook_directory: str) -> tuple[str, ...]:
    """The directories in which a relative name is looked up, first one first."""
    folder = _FOLDERS.get(module, "files")
    found: list[str] = []
    for base in (role_path, task_directory, playbook_directory):
        if base:
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
