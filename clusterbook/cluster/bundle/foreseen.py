"""What a compiled play will fetch on each host: programs, images and Debian packages, without asking a host.

A step that a host's own variables rule out is left out; one whose condition only a run can tell counts as if it ran.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Any

from clusterbook.compile import Plan
from clusterbook.compile.plan import PlayPlan
from clusterbook.compile.reach import texts
from clusterbook.errors import InvalidInput, Position
from clusterbook.language.environment import ExpressionError
from clusterbook.language.loops import loop_variables
from clusterbook.language.program import Group, HostPart, Program, Step
from clusterbook.language.scope import Scope, Unknown
from clusterbook.language.state import HostState, layers_for, own_groups
from clusterbook.lookups.expressions import local_expressions
from clusterbook.records import dataclass

# What an address in the variable `artifacts` looks like while it is only foreseen.
SCHEME = "bundle:"
_PACKAGES = ("ansible.builtin.apt", "ansible.builtin.package")
_DOWNLOAD = "ansible.builtin.get_url"
_TEMPLATE = "ansible.builtin.template"
_IMAGE = re.compile(r"\bimages\.(\w+)|\bimages\['([\w-]+)'\]")
_OTHER_IMAGE = re.compile(r"\b(\w+_image)\b")
_REFERENCE = re.compile(r"[a-z0-9.-]+\.[a-z0-9.-]+/[\w./-]+[:@][\w.:-]+")


@dataclass(frozen=True)
class System:
    """What a host runs. release: debian-12; architecture as Go names it."""

    release: str
    architecture: str

    @property
    def facts(self) -> dict[str, str]:
        """What the host's own facts will say of it."""
        name, _, number = self.release.partition("-")
        return {"distribution": name.capitalize(), "distribution_major_version": number, "os_family": "Debian",
                "pkg_mgr": "apt"}  # fmt: skip


@dataclass
class Foreseen:
    """What the hosts need. artifacts and images: names in the variables; others: references nobody supplies here."""

    artifacts: set[str] = field(default_factory=set)
    images: set[str] = field(default_factory=set)
    others: dict[str, str] = field(default_factory=dict)
    packages: dict[System, set[str]] = field(default_factory=lambda: defaultdict(set))


def foresee(plan: Plan, systems: Mapping[str, System]) -> Foreseen:
    """What the whole plan will fetch. systems: by host. InvalidInput for a step whose words cannot be known before."""
    found = Foreseen()
    for play in plan.plays:
        for name, part in play.parts.items():
            _Host(play, part, systems[name], found).look()
    return found


class _Host:
    """One play on one host."""

    def __init__(self, play: PlayPlan, part: HostPart, system: System, found: Foreseen) -> None:
        self._program: Program = play.program
        self._part, self._system, self._found = part, system, found
        self._state = HostState()
        self._state.learn_facts(system.facts)
        self._expressions = local_expressions()

    def look(self) -> None:
        for step, loop in self._steps((*self._program.instructions, *self._program.handlers)):
            if step.module in _PACKAGES:
                self._packages(step, loop)
            elif step.module == _DOWNLOAD:
                self._downloads(step, loop)
            self._images(step, loop)

    def _steps(self, instructions: Iterable[Any]) -> Iterator[tuple[Step, list[Scope]]]:
        """Steps that may run, each with the scopes of its items."""
        for instruction in instructions:
            if isinstance(instruction, Group):
                yield from self._steps((*instruction.body, *instruction.rescue, *instruction.always))
            elif isinstance(instruction, Step):
                scopes = [scope for scope in self._scopes(instruction) if _may_run(instruction, scope)]
                if scopes:
                    yield instruction, scopes
                    yield from self._steps(instruction.body or ())

    def _scopes(self, step: Step) -> list[Scope]:
        """One for each item of the step's loop; items that only a run knows are none."""
        plain = self._scope(step, {})
        if step.loop is None:
            return [plain]
        try:
            items = plain.evaluate(step.loop.items)
            items = list(items) if isinstance(items, list | tuple) else [items]
            return [self._scope(step, loop_variables(step.loop, items, index)) for index in range(len(items))]
        except (ExpressionError, Unknown):
            return [plain]

    def _scope(self, step: Step, extra: Mapping[str, Any]) -> Scope:
        names = {"inventory_hostname": self._part.name, "group_names": own_groups(self._part.groups),
                 "hostvars": self._part.hostvars}  # fmt: skip
        layers = layers_for(step, self._program, self._part, self._state, [extra, names])
        return Scope(layers, self._expressions, lambda name: "")

    def _packages(self, step: Step, scopes: Sequence[Scope]) -> None:
        for scope in scopes:
            arguments = self._known(step, scope, ("name", "pkg", "package", "state"))
            wanted = arguments.get("name") or arguments.get("pkg") or arguments.get("package") or ()
            if arguments.get("state", "present") != "absent":
                self._found.packages[self._system].update([wanted] if isinstance(wanted, str) else map(str, wanted))

    def _downloads(self, step: Step, scopes: Sequence[Scope]) -> None:
        for scope in scopes:
            address = str(self._known(step, scope, ("url",)).get("url", ""))
            if not address.startswith(SCHEME):
                raise InvalidInput(
                    f"{self._part.name} fetches {address!r}, which no bundle holds", where=_place(step),
                    next_step="Fetch what the variable artifacts names, or leave that role out.",
                )  # fmt: skip
            self._found.artifacts.add(address.removeprefix(SCHEME))

    def _images(self, step: Step, scopes: Sequence[Scope]) -> None:
        """Images by the names that a step's words and its template call them by."""
        words = "\n".join([*texts([step.arguments, step.layers]), *self._template(step, scopes)])
        self._found.images.update(first or second for first, second in _IMAGE.findall(words))
        for name in dict.fromkeys(_OTHER_IMAGE.findall(words)):
            try:
                reference = str(scopes[0].resolve(name))
            except (ExpressionError, Unknown):
                continue
            if _REFERENCE.fullmatch(reference):
                self._found.others.setdefault(reference, str(_place(step)))

    def _template(self, step: Step, scopes: Sequence[Scope]) -> Iterator[str]:
        if step.module != _TEMPLATE or step.role is None:
            return
        folder = Path(self._program.roles[step.role].path, "templates")
        for scope in scopes:
            path = folder / str(self._known(step, scope, ("src",)).get("src", ""))
            if path.is_file():
                yield path.read_text(encoding="utf-8", errors="replace")

    def _known(self, step: Step, scope: Scope, names: Sequence[str]) -> dict[str, Any]:
        """These arguments of the step, evaluated."""
        given = step.arguments if isinstance(step.arguments, Mapping) else {}
        try:
            return {name: scope.evaluate(given[name]) for name in names if name in given}
        except (ExpressionError, Unknown) as error:
            what = f"what {step.module.rpartition('.')[2]} fetches on {self._part.name}"
            raise InvalidInput(
                f"{what} is known during a run only: {error}",
                where=_place(step), next_step="Let it follow from the inventory's variables.",
            ) from error  # fmt: skip


def _may_run(step: Step, scope: Scope) -> bool:
    for condition in step.when:
        try:
            if not scope.condition(condition):
                return False
        except (ExpressionError, Unknown):
            continue
    return True


def _place(step: Step) -> Position:
    return Position(*step.place)
