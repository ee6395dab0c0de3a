"""What add_host and group_by may do to the inventory of the run.

A host may name hosts, groups and plain variables. What steers a connection comes from the play and the inventory alone:
a host must not choose where the local machine connects to as whom, or what it runs there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from clusterbook.compile.plan import Growth
from clusterbook.errors import InvalidProject
from clusterbook.execute.session import Refusal
from clusterbook.language.environment import ExpressionError
from clusterbook.language.program import Step
from clusterbook.language.state import is_connection_variable
from clusterbook.language.values import decode

ADD_HOST, GROUP_BY = "ansible.builtin.add_host", "ansible.builtin.group_by"
_NAME = re.compile(r"[\w.\[\]:@%][\w.\[\]:@%-]*")
_OWN = ("name", "host", "hostname", "groups", "group", "groupname")
# Names of arguments -> their values by the play and the inventory alone. Raises ExpressionError.
Local = Callable[[tuple[str, ...]], Mapping[str, Any]]


def join(growing: Growth | None, step: Step, host: str, told: Mapping[str, Any], local: Local) -> dict[str, Any]:
    """The step's result. told: its arguments as the host evaluated them. Raises Refusal."""
    if growing is None or step.module not in (ADD_HOST, GROUP_BY):
        raise Refusal("this step adds nothing to the inventory")
    try:
        if step.module == GROUP_BY:
            return _group_by(growing, host, told)
        return _add_host(growing, step, told, local)
    except InvalidProject as error:
        raise Refusal("; ".join(str(problem.message) for problem in error.problems)) from error


def _group_by(growing: Growth, host: str, told: Mapping[str, Any]) -> dict[str, Any]:
    group = _safe(told.get("key"), "a group")
    parents = [_safe(name, "a group") for name in _names(told.get("parents", "all"))]
    changed = growing.group_by(host, group, parents)
    return {"changed": changed, "add_group": group, "parent_groups": parents}


def _add_host(growing: Growth, step: Step, told: Mapping[str, Any], local: Local) -> dict[str, Any]:
    name = _safe(next((told[key] for key in _OWN[:3] if key in told), None), "a host")
    groups = [_safe(item, "a group") for key in _OWN[3:] for item in _names(told.get(key))]
    own = {str(key): decode(value) for key, value in told.items() if key not in _OWN and not _steers(str(key))}
    steering = tuple(str(key) for key in (step.arguments or {}) if _steers(str(key)))
    try:
        settings = dict(local(steering)) if steering else {}
    except ExpressionError as error:
        raise Refusal(
            f"add_host: {', '.join(steering)} must come from the play or the inventory alone, but: {error.message}. "
            "Give the host's address as its name, or set these variables for a group in the inventory."
        ) from error
    changed = growing.add_host(name, groups, {**own, **settings})
    return {"changed": changed, "add_host": {"host_name": name, "groups": groups, "host_vars": own}}


def _steers(name: str) -> bool:
    return is_connection_variable(name)


def _names(value: Any) -> list[Any]:
    if value is None:
        return []
    parts = value if isinstance(value, list) else str(value).split(",")
    return [part.strip() if isinstance(part, str) else part for part in parts if part not in ("", None)]


def _safe(name: Any, what: str) -> str:
    text = str(name if name is not None else "").strip().replace(" ", "-")
    if not _NAME.fullmatch(text):
        raise Refusal(f"{text!r} cannot be the name of {what}")
    return text
