"""--extra-vars as written on a command line -> variables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from clusterbook import source
from clusterbook.errors import InvalidInput, Position
from clusterbook.project.free_form import parse
from clusterbook.source import Vault

PROVISIONED_HELP = {
    "extra-vars": "those that the hosts were provisioned with: NAME=VALUE, YAML or @FILE (may be repeated)"
}
"""The help of --extra-vars where hosts are held against what they were provisioned with."""


def extra_variables(texts: Sequence[str], vault: Vault | None = None) -> dict[str, Any]:
    """--extra-vars: `a=1 b=2` (texts), a YAML or JSON mapping, or @FILE. Later ones win."""
    found: dict[str, Any] = {}
    for text in texts:
        found |= _extra(text.strip(), vault)
    return found


def _extra(text: str, vault: Vault | None) -> Mapping[str, Any]:
    where = Position("--extra-vars")
    if text.startswith("@"):
        found = source.load(Path(text[1:]), vault)
    elif text.startswith("{"):
        found = source.load_text(text, "--extra-vars", vault)
    else:
        found, rest = parse(text, False, where)
        if rest:
            raise InvalidInput(f"{rest!r} in --extra-vars is no NAME=VALUE", next_step="Write NAME=VALUE, or quote it.")
    if not isinstance(found, Mapping):
        raise InvalidInput(f"--extra-vars {text!r} is not a mapping", next_step="Write NAME=VALUE, or a YAML mapping.")
    return found
