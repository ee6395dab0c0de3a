"""Which file an inventory's name means."""

from __future__ import annotations

from pathlib import Path

from clusterbook.errors import InvalidInput
from clusterbook.schema import suggestion

ENDINGS = (".yml", ".yaml", ".ini", "")
LABS = Path("/var/lib/clusterbook/lab")


def locate(name: str, root: Path, labs: Path = LABS) -> Path | str:
    """The project's inventory/NAME.yml, else a path, else the inventory of a lab that is up.

    root: the project's directory. A list "host,host" is given back as it is. Raises InvalidInput.
    """
    if "," in name:
        return name
    for ending in ENDINGS:
        path = root / "inventory" / f"{name}{ending}"
        if path.exists() and path != root / "inventory":
            return path
    if Path(name).exists():
        return Path(name)
    lab = labs / name / "inventory.yml"
    if "/" not in name and lab.is_file():
        return lab
    directory = root / "inventory"
    known = sorted(path.stem for path in directory.glob("*.*")) if directory.is_dir() else []
    raise InvalidInput(
        f"there is no inventory {name!r}{suggestion(name, known)}",
        next_step=f"Give a path, or one of: {', '.join(known) or 'none'}.",
    )
