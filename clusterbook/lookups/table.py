"""The lookups that the local machine answers, by name. `template` is rendered where the variables are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from clusterbook.lookups.files import file, fileglob, first_found, unvault
from clusterbook.lookups.passwords import password
from clusterbook.lookups.programs import env, lines, pipe, url
from clusterbook.lookups.settings import config, inventory_hostnames
from clusterbook.lookups.surroundings import Surroundings
from clusterbook.lookups.tables import csvfile, ini

Lookup = Callable[[Surroundings, Sequence[Any], Mapping[str, Any]], list[Any]]

LOOKUPS: Mapping[str, Lookup] = {
    "config": config, "csvfile": csvfile, "env": env, "file": file, "fileglob": fileglob, "first_found": first_found,
    "ini": ini, "inventory_hostnames": inventory_hostnames, "lines": lines, "password": password, "pipe": pipe,
    "unvault": unvault, "url": url,
}
