"""Variables that say how hosts are reached: a wrong one would be found only host by host, while connecting."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from clusterbook.compile.plan import Plan
from clusterbook.errors import InvalidInput, Position
from clusterbook.language.environment import ExpressionError, Expressions
from clusterbook.language.scope import Scope
from clusterbook.language.values import holds_template
from clusterbook.lookups.expressions import local_expressions
from clusterbook.model import Host
from clusterbook.source import SourceMapping
from clusterbook.transport.protocol import Options
from clusterbook.transport.settings import become_of, settings_of
from clusterbook.variables import Layer


def problems(plan: Plan, layers: Mapping[str, Sequence[Layer]]) -> Iterator[InvalidInput]:
    """One problem for each place that sets a wrong value, with the first host that has it."""
    seen: set[tuple[Position | None, str]] = set()
    done: set[str] = set()
    expressions = local_expressions()
    for play in plan.plays:
        for host in play.hosts.values():
            if host.name in done:
                continue
            done.add(host.name)
            for problem in _of_host(host, layers.get(host.name, ()), expressions):
                key = (problem.where, problem.message.split(" ", 1)[0])
                if key not in seen:
                    seen.add(key)
                    yield problem


def _of_host(host: Host, layers: Sequence[Layer], expressions: Expressions) -> Iterator[InvalidInput]:
    ways = {name: value for name, value in host.variables.items() if str(name).startswith("ansible_")}
    if any(holds_template(value) for value in ways.values()):
        ways = _evaluated(host, ways, expressions)
    known = replace(host, variables=ways)
    for check in (_connects, _becomes):
        try:
            check(known)
        except InvalidInput as problem:
            yield _placed(problem, layers)


def _connects(host: Host) -> None:
    settings_of(host, Options(), lambda address, user: {})


def _becomes(host: Host) -> None:
    become_of({**host.variables, "ansible_become": host.variables.get("ansible_become", True)}, {}, host.name)


def _evaluated(host: Host, ways: Mapping[str, Any], expressions: Expressions) -> dict[str, Any]:
    """Those that the inventory alone gives; the others are looked at when the host is connected to."""
    scope = Scope([host.variables, {"inventory_hostname": host.name}], expressions, _closed)
    found: dict[str, Any] = {}
    for name, value in ways.items():
        try:
            found[name] = scope.evaluate(value)
        except ExpressionError:
            continue
    return found


def _closed(name: str) -> str:
    raise ExpressionError(f"the secret {name!r} is not opened here")


def _placed(problem: InvalidInput, layers: Sequence[Layer]) -> InvalidInput:
    """The problem at the value that it speaks of."""
    name = problem.message.split(" ", 1)[0]
    for layer in reversed(layers):
        if name in layer.values:
            if isinstance(layer.values, SourceMapping):
                return InvalidInput(problem.message, where=layer.values.values_at.get(name, layer.position(name)),
                                    next_step=problem.next_step)  # fmt: skip
            break
    return problem
