"""The step with which a role begins that says what it takes: its inputs are compared with its argument specs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clusterbook.compile.names import RoleEntry
from clusterbook.compile.walk import VALIDATION
from clusterbook.errors import Position
from clusterbook.model import Role, Task


def input_checks(role: Role, entry: RoleEntry, given: Mapping[str, Any], where: Position) -> tuple[Task, ...]:
    """The task for this entry of the role; none without specs, or with `rolespec_validate: false`.

    given: the parameters of the role's use; a name among them that the specs lack is refused. where: the use.
    """
    spec = role.argument_specs.get(entry.specs)
    if not isinstance(spec, Mapping) or not spec:
        return ()
    summary = spec.get("short_description")
    name = f"Validating arguments against arg spec '{entry.specs}'" + (f" - {summary}" if summary else "")
    arguments = {
        "argument_spec": spec.get("options") or {},
        "provided_arguments": given,
        "validate_args_context": {
            "type": "role", "name": role.name, "argument_spec_name": entry.specs, "path": role.path,
        },
    }
    return (Task(name, VALIDATION, arguments, {"tags": ["always"]}, where),)
