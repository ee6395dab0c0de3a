"""What includes and imports name: a file of tasks, or a role with the files to take from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clusterbook.language.values import Template
from clusterbook.model import Node, Task
from clusterbook.records import dataclass

IMPORTS = ("ansible.builtin.import_tasks", "ansible.builtin.import_role")
INCLUDES = ("ansible.builtin.include_tasks", "ansible.builtin.include_role")
ENDINGS = (".yml", ".yaml", "", ".json")
# What an agent may fill in of an include; everything else stays as the play says it.
NAMED = ("file", "_raw_params", "name", "tasks_from", "vars_from", "defaults_from", "handlers_from")


@dataclass(frozen=True)
class RoleEntry:
    """A role and which of its files to take. specs: the entry point whose argument specs count, or empty."""

    name: str
    tasks: str = "main"
    variables: str = "main"
    defaults: str = "main"
    handlers: str = "main"
    public: bool = True
    duplicates: bool = True
    specs: str = "main"
    included: bool = False


def arguments_of(task: Task) -> Mapping[str, Any]:
    """The task's arguments; a text is the name of a file."""
    return task.arguments if isinstance(task.arguments, Mapping) else {"_raw_params": task.arguments}


def is_dynamic(task: Task) -> bool:
    """Whether a name is only known on the host."""
    arguments = arguments_of(task)
    return any(isinstance(arguments.get(name), Template) for name in NAMED)


def file_name(task: Task) -> str:
    """The file that include_tasks and import_tasks name."""
    arguments = arguments_of(task)
    return str(arguments.get("file", arguments.get("_raw_params")) or "").strip()


def role_entry(task: Task) -> RoleEntry:
    """The role that include_role and import_role name. An included role's variables stay its own unless public."""
    arguments = arguments_of(task)
    included = task.module in INCLUDES
    return RoleEntry(
        str(arguments.get("name", arguments.get("role")) or ""),
        _stem(arguments.get("tasks_from")),
        _stem(arguments.get("vars_from")),
        _stem(arguments.get("defaults_from")),
        _stem(arguments.get("handlers_from")),
        _flag(arguments.get("public"), not included),
        _flag(arguments.get("allow_duplicates"), True),
        str(arguments.get("tasks_from") or "main") if _flag(arguments.get("rolespec_validate"), True) else "",
        included,
    )


def task_file(files: Mapping[str, Any], stem: str) -> tuple[Node, ...] | None:
    """The file with that path, with or without an ending."""
    for ending in ENDINGS:
        if stem + ending in files:
            found: tuple[Node, ...] = files[stem + ending]
            return found
    return None


def _stem(name: Any) -> str:
    return str(name or "main").removesuffix(".yml").removesuffix(".yaml")


def _flag(value: Any, default: bool) -> bool:
    if value is None or isinstance(value, Template):
        return default
    return str(value).lower() in ("yes", "true", "on", "1")
