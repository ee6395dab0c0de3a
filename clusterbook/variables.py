"""The one precedence table of variables, and who sets what: layers with names and positions, lowest first.

The order is Ansible's ("Understanding variable precedence"); `cluster`, what the store says of a cluster, is ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from clusterbook.errors import Position
from clusterbook.model import Block, Node, Play, Project, Reader, RoleUse, Task, Value, Variables
from clusterbook.records import dataclass
from clusterbook.source import SourceMapping, position_of

PRECEDENCE = (
    "role defaults",
    "cluster",
    "inventory group all",
    "inventory group",
    "inventory group_vars/all",
    "playbook group_vars/all",
    "inventory group_vars",
    "playbook group_vars",
    "inventory host",
    "inventory host_vars",
    "playbook host_vars",
    "facts",
    "play vars",
    "play vars_prompt",
    "play vars_files",
    "role vars",
    "block vars",
    "task vars",
    "include_vars",
    "set_fact and register",
    "role parameters",
    "include parameters",
    "extra vars",
)


# What each place is, for the documentation.
ABOUT = {
    "role defaults": "`defaults/main.yml` of a role, and of its dependencies",
    "cluster": "what `cluster.yaml` and the store say of the command's cluster; Ansible has no such place",
    "inventory group all": "`vars` of the group `all` in the inventory",
    "inventory group": "`vars` of other groups in the inventory; of parents and children the child wins",
    "inventory group_vars/all": "`group_vars/all` beside the inventory",
    "playbook group_vars/all": "`group_vars/all` beside the playbook",
    "inventory group_vars": "`group_vars/GROUP` beside the inventory",
    "playbook group_vars": "`group_vars/GROUP` beside the playbook",
    "inventory host": "variables of the host in the inventory",
    "inventory host_vars": "`host_vars/HOST` beside the inventory",
    "playbook host_vars": "`host_vars/HOST` beside the playbook",
    "facts": "what `setup` and modules find on the host",
    "play vars": "`vars` of the play",
    "play vars_prompt": "what was typed for `vars_prompt`",
    "play vars_files": "files of `vars_files`",
    "role vars": "`vars/main.yml` of a role",
    "block vars": "`vars` of a block, or of a role in `roles:`",
    "task vars": "`vars` of the task",
    "include_vars": "files that `include_vars` read so far",
    "set_fact and register": "what tasks of this host set and returned so far",
    "role parameters": "other keys of a role in `roles:`, and `vars` of `include_role`",
    "include parameters": "`vars` of `include_tasks`",
    "extra vars": "`--extra-vars`",
}


@dataclass(frozen=True)
class Layer:
    """Variables that were set together. kind: one of PRECEDENCE; name: which group, role or play."""

    kind: str
    name: str
    values: Variables

    def position(self, variable: str) -> Position:
        """Where the variable is set, as far as it is known."""
        if isinstance(self.values, SourceMapping):
            return self.values.keys_at.get(variable, self.values.position)
        return Position("")

    def title(self) -> str:
        """The layer in words."""
        return f"{self.kind} {self.name}" if self.name else self.kind


@dataclass(frozen=True)
class Setting:
    """One place that sets a variable. wins: it is the one that counts."""

    value: Value
    layer: Layer
    position: Position
    wins: bool


def merge(layers: Iterable[Layer]) -> dict[str, Value]:
    """The variables that remain when later layers win."""
    return {name: value for layer in layers for name, value in layer.values.items()}


def explain(variable: str, layers: Iterable[Layer]) -> list[Setting]:
    """Every place that sets a variable, the winning one first."""
    ordered = sorted(layers, key=lambda layer: PRECEDENCE.index(layer.kind))
    found = [layer for layer in ordered if variable in layer.values]
    return [
        Setting(layer.values[variable], layer, layer.position(variable), layer is found[-1])
        for layer in reversed(found)
    ]


def project_layers(project: Project) -> Iterator[Layer]:
    """What plays, roles, blocks and tasks set, in the order of the files."""
    for role in project.roles.values():
        yield Layer("role defaults", role.name, role.defaults)
        yield Layer("role vars", role.name, role.variables)
        yield from _use_layers(role.dependencies)
        for nodes in (*role.task_files.values(), role.handlers):
            yield from _node_layers(nodes, project.reader, Path(role.path))
    for play in project.plays:
        yield from _play_layers(play, project.reader)
    for file, nodes in project.task_files.items():
        yield from _node_layers(nodes, project.reader, Path(file).parent)


def _play_layers(play: Play, reader: Reader | None) -> Iterator[Layer]:
    yield Layer("play vars", _text(play.name), play.variables)
    for number, prompt in enumerate(play.keywords.get("vars_prompt") or ()):
        place = SourceMapping(position_of(play.keywords["vars_prompt"], number))
        place[str(prompt["name"])] = "asked for when the run begins"
        yield Layer("play vars_prompt", _text(play.name), place)
    for values in play.vars_files:
        if isinstance(values, Mapping):
            yield Layer("play vars_files", _text(play.name), values)
    yield from _use_layers(play.roles)
    nodes = (*play.pre_tasks, *play.tasks, *play.post_tasks, *play.handlers)
    yield from _node_layers(nodes, reader, Path(play.position.file).parent)


def _use_layers(uses: Iterable[RoleUse]) -> Iterator[Layer]:
    for use in uses:
        yield Layer("role parameters", use.name, use.parameters)
        yield Layer("block vars", use.name, use.keywords.get("vars") or {})


_INCLUDES = {"ansible.builtin.include_role": "role parameters", "ansible.builtin.include_tasks": "include parameters"}


def _node_layers(nodes: Iterable[Node], reader: Reader | None, folder: Path) -> Iterator[Layer]:
    for node in nodes:
        values = node.keywords.get("vars")
        kind = "block vars" if isinstance(node, Block) else _INCLUDES.get(node.module, "task vars")
        if isinstance(values, Mapping) and values:
            yield Layer(kind, _text(node.name), values)
        if isinstance(node, Block):
            yield from _node_layers((*node.body, *node.rescue, *node.always), reader, folder)
        else:
            yield from _set_by(node, reader, folder)


def _set_by(task: Task, reader: Reader | None, folder: Path) -> Iterator[Layer]:
    """What a task sets for the rest of the run."""
    arguments = task.arguments if isinstance(task.arguments, Mapping) else {}
    if task.module == "ansible.builtin.set_fact":
        yield Layer("set_fact and register", _text(task.name), arguments)
    if task.keywords.get("register"):
        place = SourceMapping(position_of(task.keywords, "register", task.position))
        place[str(task.keywords["register"])] = f"the result of {task.module}"
        yield Layer("set_fact and register", _text(task.name), place)
    if task.module == "ansible.builtin.include_vars" and reader is not None:
        name = arguments.get("file", arguments.get("_raw_params"))
        found = next((path for path in (folder / "vars" / str(name), folder / str(name)) if path.is_file()), None)
        if isinstance(name, str) and found is not None:
            values = reader.variables(str(found.resolve()))
            values = {arguments["name"]: values} if "name" in arguments else values
            yield Layer("include_vars", _text(task.name), values)


def _text(name: Value) -> str:
    return str(getattr(name, "text", name) or "")
