"""Lookups of what this run knows: hosts of the inventory, settings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from clusterbook.errors import ClusterbookError
from clusterbook.language.lookups import LookupFailed
from clusterbook.lookups.constants import CONSTANTS, constant, variable_of
from clusterbook.lookups.files import Options, truth
from clusterbook.lookups.surroundings import Surroundings
from clusterbook.schema.names import nearest

ON_MISSING = ("error", "warn", "skip")


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
    """Values of Ansible's settings: what the environment says, else the defaults. on_missing: error, warn or skip.

    show_origin: pairs of a value and where it is from.
    """
    missing = options.get("on_missing", "error")
    if missing not in ON_MISSING:
        raise LookupFailed(f"on_missing is {missing!r}, expected one of {', '.join(ON_MISSING)}")
    if options.get("plugin_type") or options.get("plugin_name"):
        raise LookupFailed("settings of plug-ins are not known here, only those that Ansible has for everything")
    found: list[Any] = []
    for term in terms:
        if not isinstance(term, str):
            raise LookupFailed(f"the name of a setting is text, not {type(term).__name__}")
        try:
            value = _setting(term, surroundings)
        except KeyError:
            if missing == "error":
                raise LookupFailed(_unknown(term)) from None
            continue
        found.append([value, _origin(term, surroundings)] if truth(options, "show_origin", False) else value)
    return found


def _setting(name: str, surroundings: Surroundings) -> Any:
    if name == "DEFAULT_REMOTE_USER":
        return surroundings.environment.get(variable_of(name))
    if name == "DEFAULT_ROLES_PATH":
        given = surroundings.environment.get(variable_of(name))
        home = str(Path.home() / ".ansible" / "roles")
        return given.split(":") if given else [home, "/usr/share/ansible/roles", "/etc/ansible/roles"]
    try:
        return constant(name, surroundings.environment)
    except ValueError as error:
        raise LookupFailed(f"{variable_of(name)} is no number: {error}") from error


def _origin(name: str, surroundings: Surroundings) -> str:
    variable = variable_of(name)
    return f"env: {variable}" if variable in surroundings.environment else "default"


def _unknown(name: str) -> str:
    near = nearest(name, CONSTANTS)
    return f"there is no setting {name!r} here" + (f"; did you mean {near}?" if near else "")
