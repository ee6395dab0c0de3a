"""The one precedence table of variables, and who sets what: layers with names and positions, lowest first.

The order is Ansible's ("Understanding variable precedence"); `cluster`, what the store says of a cluster, is ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from clusterbook.errors import Position
from clusterbook.model import Block, Node, Play, Project, Value, Variables
from clusterbook.source import SourceMapping

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


def project_layers(project: Project, host_groups: Iterable[str] = ()) -> Iterator[Layer]:
    """What plays, roles, blocks and tasks set, in the order of the files. host_groups is kept for callers' filters."""
    for role in project.roles.values():
        yield Layer("role defaults", role.name, role.defaults)
        yield Layer("role vars", role.name, role.variables)
        for nodes in role.task_files.values():
            yield from _node_layers(nodes)
    for play in project.plays:
        yield from _play_layers(play)


def _play_layers(play: Play) -> Iterator[Layer]:
    yield Layer("play vars", _text(play.name), play.variables)
    for values in play.vars_files:
        if isinstance(values, Mapping):
            yield Layer("play vars_files", _text(play.name), values)
    for use in play.roles:
        yield Layer("role parameters", use.name, use.parameters)
        yield Layer("block vars", use.name, use.keywords.get("vars") or {})
    yield from _node_layers((*play.pre_tasks, *play.tasks, *play.post_tasks))


def _node_layers(nodes: Iterable[Node]) -> Iterator[Layer]:
    for node in nodes:
        values = node.keywords.get("vars")
        kind = "block vars" if isinstance(node, Block) else "task vars"
        if isinstance(values, Mapping) and values:
            yield Layer(kind, _text(node.name), values)
        if isinstance(node, Block):
            yield from _node_layers((*node.body, *node.rescue, *node.always))


def _text(name: Value) -> str:
    return str(getattr(name, "text", name) or "")
