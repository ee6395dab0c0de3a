"""Magic variables that are the same for every host of a play."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from clusterbook import __version__
from clusterbook.compile.plan import Selection
from clusterbook.compile.rolebook import RoleBook
from clusterbook.model import Host, Inventory, Play, Role


def magic_of(play: Play, inventory: Inventory, selection: Selection, name: str, book: RoleBook) -> dict[str, Any]:
    """All but the hosts of the play and of the groups, which may change while it runs."""
    used = [book.role(use.name, use.position) for use in play.roles]
    dependent = list(dict.fromkeys(_dependencies(used, book)))
    imported = [part.name for part in book.parts if part.public]
    roles = list(dict.fromkeys([*(role.name for role in used), *(name for name in imported if name not in dependent)]))
    return {
        "ansible_play_name": name,
        "ansible_playbook_python": sys.executable,
        "playbook_dir": str(Path(play.position.file).parent),
        "ansible_inventory_sources": list(inventory.sources),
        "ansible_check_mode": selection.check,
        "ansible_diff_mode": selection.diff,
        "ansible_verbosity": selection.verbosity,
        "ansible_forks": selection.forks or 5,
        **({"ansible_limit": selection.limit} if selection.limit else {}),
        "ansible_run_tags": list(selection.tags or ("all",)),
        "ansible_skip_tags": list(selection.skip_tags),
        "ansible_config_file": selection.config_file,
        "ansible_play_role_names": roles,
        "ansible_dependent_role_names": dependent,
        "ansible_role_names": list(dict.fromkeys([*roles, *dependent])),
        "role_names": roles,
        "ansible_version": {"full": "2.19.0", "major": 2, "minor": 19, "revision": 0, "string": "2.19.0"},
        "clusterbook_version": __version__,
    }


def in_inventory(sources: Sequence[str], host: Host | None = None) -> dict[str, str | None]:
    """Where the host is first named; without one, or where no file names it, the first source."""
    named = Path(host.position.file).resolve() if host is not None and host.position.file else None
    path = named if named is not None and named.is_file() else Path(sources[0]) if sources else Path()
    if not path.exists() or not sources:  # hosts that were listed with commas
        return {"inventory_file": sources[0] if sources else None, "inventory_dir": None}
    return {"inventory_file": str(path), "inventory_dir": str(path if path.is_dir() else path.parent)}


def _dependencies(roles: Iterable[Role], book: RoleBook) -> Iterable[str]:
    for role in roles:
        for use in role.dependencies:
            yield from _dependencies([book.role(use.name, use.position)], book)
            yield use.name
