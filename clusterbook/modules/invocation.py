"""What a step gave its module, for playbooks to read: `item.invocation.module_args`, `ansible_failed_task.args`."""

from __future__ import annotations

from typing import Any, Dict, Mapping

from clusterbook.modules import registry
from clusterbook.modules.contract import ModuleFailed
from clusterbook.modules.parameters import by_main_name, coerce

HIDDEN = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"


def complete_arguments(module: str, arguments: Mapping[str, Any]) -> Dict[str, Any]:
    """Every parameter with its type and default; as they were given where they are wrong."""
    specification = registry.specification(module)
    try:
        ready = coerce(specification, arguments)
    except ModuleFailed:
        ready = by_main_name(specification, arguments)
    return shown_arguments(module, ready)


def shown_arguments(module: str, arguments: Mapping[str, Any]) -> Dict[str, Any]:
    """Without what the engine itself adds; secret parameters have a value that says so."""
    specification = registry.specification(module)
    secret = {name for name, parameter in specification.parameters.items() if parameter.secret}
    return {name: HIDDEN if name in secret and value is not None else value
            for name, value in by_main_name(specification, arguments).items()
            if name == "_raw_params" or not name.startswith("_")}
