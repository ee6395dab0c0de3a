"""Lookups of what this run knows: hosts of the inventory, settings."""

from __future__ import annotations

import getpass
from collections.abc import Mapping, Sequence
from typing import Any

from clusterbook.errors import ClusterbookError
from clusterbook.language.lookups import LookupFailed
from clusterbook.lookups.files import Options
from clusterbook.lookups.surroundings import Surroundings

# Settings of Ansible's that have a meaning here, with the values that hold here.
SETTINGS: Mapping[str, Any] = {
    "DEFAULT_BECOME": False,
    "DEFAULT_BECOME_METHOD": "sudo",
    "DEFAULT_BECOME_USER": "root",
    "DEFAULT_FORKS": 0,
    "DEFAULT_GATHERING": "implicit",
    "DEFAULT_HASH_BEHAVIOUR": "replace",
    "DEFAULT_ROLES_PATH": ["roles"],
    "DEFAULT_TIMEOUT": 10,
    "DEFAULT_TRANSPORT": "ssh",
    "DEFAULT_VAULT_IDENTITY": "default",
    "HOST_KEY_CHECKING": True,
}


def inventory_hostnames(surroundings: Surroundings, terms: Sequence[Any], options: Options) -> list[Any]:
    """The hosts that match patterns."""
    found: dict[str, None] = {}
    for term in terms:
        try:
            found.update(dict.fromkeys(surroundings.hosts(str(term))))
        except ClusterbookError:
            continue  # as in Ansible, a pattern that matches nothing gives nothing
    return list(found)


def config(surroundings: Surroundings, terms: Sequence[Any], options: Options) -> list[Any]:
    """Values of settings. on_missing: error, warn or skip."""
    found = []
    for term in terms:
        name = str(term)
        if name == "DEFAULT_REMOTE_USER":
            found.append(getpass.getuser())
        elif name in SETTINGS:
            found.append(SETTINGS[name])
        elif options.get("on_missing", "error") == "error":
            raise LookupFailed(f"there is no setting {name!r} here; settings are {', '.join(sorted(SETTINGS))}")
    return found
