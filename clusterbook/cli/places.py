"""Where playbooks, roles, schemas and inventories are: the person's own folder first, then what clusterbook brings."""

from __future__ import annotations

import difflib
import os
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

import clusterbook
from clusterbook.errors import Failed, InvalidInput
from clusterbook.lab.spec import STATE as LABS

_PACKAGE = Path(clusterbook.__file__).parent
INVENTORY_VARIABLE = "CLUSTERBOOK_INVENTORY"
INVENTORY_HELP = f"name of an inventory, or its file (default: {INVENTORY_VARIABLE}, the project's only one, or lab)"
THIS_MACHINE = "here"  # the inventory of a new project to try playbooks on
MACHINES = "vagrant"  # and that of the virtual machines of its Vagrantfile
# Names of inventories that every project has: no person's own cluster is called so.
BROUGHT_INVENTORIES = (THIS_MACHINE, "lab", "aws", "eks", MACHINES)
_SUFFIXES = ("", ".yml", ".yaml", ".ini")


def brought() -> Path:
    """The folder with clusterbook's own playbooks/, roles/, inventory/: in the installed package, or the clone."""
    installed = _PACKAGE / "project_files"
    return installed if installed.is_dir() else _PACKAGE.parent


def installed_program() -> str:
    """The program clusterbook of this installation, wherever the caller found it. Failed when it has none."""
    beside = Path(sys.executable).with_name("clusterbook")
    found = str(beside) if os.access(beside, os.X_OK) else shutil.which("clusterbook")
    if found is None:
        raise Failed("the program clusterbook is not on the path, so nothing else can be told to start it",
                     next_step="Install it, such as: pipx install clusterbook")  # fmt: skip
    return str(Path(found).absolute())


def own(directory: Path | None = None) -> Path:
    """The person's project: the nearest folder upwards that has playbooks/ or inventory/, else where they are."""
    here = (directory or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / "playbooks").is_dir() or (folder / "inventory").is_dir():
            return folder
    return here


def playbook(name: str, directory: Path | None = None) -> Path:
    """The file of a playbook given as a path, or as a name from playbooks/. InvalidInput with the names that exist."""
    folders = [root / "playbooks" for root in _roots(directory)]
    return _found("playbook", name, folders, directory)


def inventory(name: str = "", directory: Path | None = None) -> Path:
    """The file of an inventory given as a path, as a name from inventory/, or as the name of a lab that is up."""
    name = name or default_inventory(directory)
    if not name:
        raise InvalidInput(
            f"this project has several inventories: {', '.join(_inventories(own(directory)))}",
            next_step=f"Choose one with --inventory NAME, or for every command: export {INVENTORY_VARIABLE}=NAME",
        )
    made = LABS / name / "inventory.yml"
    folders = [root / "inventory" for root in _roots(directory)]
    try:
        return _found("inventory", name, folders, directory)
    except InvalidInput:
        if "/" not in name and made.is_file():
            return made
        raise


def default_inventory(directory: Path | None = None) -> str:
    """The inventory that a command without --inventory means; empty where it may be one of several.

    The one that CLUSTERBOOK_INVENTORY names, or the only one of the person's project; the lab's where there is none.
    """
    if named := os.environ.get(INVENTORY_VARIABLE):
        return named
    mine = _inventories(own(directory))
    if len(mine) == 1:
        return mine[0]
    return "lab" if not mine or "lab" in mine else ""


def _inventories(root: Path) -> list[str]:
    """Names of a project's inventories. What a new project brings counts only as far as there is no other."""
    files = [path for path in (root / "inventory").glob("*") if path.suffix in _SUFFIXES[1:]]
    found = sorted({path.stem for path in files} - {THIS_MACHINE})
    return [name for name in found if name != MACHINES] or found


def role_folders(directory: Path | None = None) -> list[Path]:
    """Folders in which roles are looked up, in order."""
    return [folder for folder in (root / "roles" for root in _roots(directory)) if folder.is_dir()]


def write(path: Path, text: str) -> None:
    """Readable by its owner only: it holds what files on hosts hold."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise InvalidInput(
            f"cannot write {str(path)!r}: {str(error.strerror).lower()}", next_step="Name a file in a folder of yours."
        ) from error
    print(f"wrote {shown(path.resolve())}  ({len(text.encode()) / 1024:.0f} KiB)")


def shown(path: Path) -> str:
    """A path as seen from here, when that is shorter."""
    seen = os.path.relpath(path)
    return str(path) if seen.startswith("..") else seen


def _roots(directory: Path | None) -> list[Path]:
    return list(dict.fromkeys((own(directory), brought())))


def _found(noun: str, name: str, folders: Iterable[Path], directory: Path | None) -> Path:
    for place in [(directory or Path.cwd()), *folders]:
        for suffix in _SUFFIXES:
            path = place / f"{name}{suffix}"
            if path.is_file():
                return path.resolve()
    known = sorted({path.stem for folder in folders for path in folder.glob("*.y*ml")})
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    listed = ", ".join(known) or "none"
    raise InvalidInput(
        f"there is no {noun} {name!r}{hint}",
        next_step=f"Give the path of a file, or one of these names: {listed}.",
    )
