"""Answers to what a host asks. Only what the compiled play names is answered; anything else is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from clusterbook.compile.hosts import sent_variables
from clusterbook.compile.patience import MAY_LEAVE
from clusterbook.compile.plan import PlayPlan, StepInfo
from clusterbook.compile.walk import steps_of
from clusterbook.execute.asking import PASSED_OVER, TaskAsker
from clusterbook.execute.delegation import Delegation
from clusterbook.execute.fetched import Fetched
from clusterbook.execute.gates import Gates
from clusterbook.execute.included import expansion_answer, learn_variables, variables_answer
from clusterbook.execute.joining import join
from clusterbook.execute.local_files import LocalFiles
from clusterbook.execute.services import Services
from clusterbook.execute.session import Refusal
from clusterbook.execute.signatures import AUTHORITIES, Signatures
from clusterbook.execute.words import Words
from clusterbook.language.environment import ExpressionError, Expressions
from clusterbook.language.flow import meta_action
from clusterbook.language.program import EVERY_NAME, HostPart, Step
from clusterbook.language.scope import Scope
from clusterbook.language.state import HostState, is_connection_variable, layers_for, own_groups
from clusterbook.language.values import decode, encode
from clusterbook.lookups.expressions import local_expressions
from clusterbook.modules import certificate, registry
from clusterbook.modules.parameters import coerce

# host -> name -> value on the wire
Learnt = Mapping[str, Mapping[str, Any]]


class Answers:
    """Answers one host's questions during one play."""

    def __init__(
        self, plan: PlayPlan, host: str, gates: Gates, services: Services,
        delegation: Callable[[Answers], Delegation] | None, learnt: Learnt,
        know: Callable[[Mapping[int, StepInfo]], None] = lambda steps: None, asker: TaskAsker | None = None,
        given: Callable[[str], Mapping[str, Any]] = lambda host: {}, warn: Callable[[str], None] = lambda text: None,
    ) -> None:
        """delegation(self): evaluates and runs delegated steps; learnt: what hosts have reported so far.

        know(steps) tells the reports of steps that only now were compiled; asker: who says which tasks run;
        given(host): what steps of other hosts learnt for it since it was asked last; warn(text): of the host.
        """
        self._know = know
        self._asker = asker
        self._given = given
        self._learnt = learnt
        self.plan = self._plan = plan
        self.host = self._host = host
        self._gates = gates
        self._services = services
        # Variables that the host had read from local files: expressions see them, what is signed or connected does not.
        self.read = HostState()
        self._delegation = delegation(self) if delegation is not None else None
        self._fetched = Fetched(host, self._fetch_place)
        self._signatures = Signatures(host, services, self._local_arguments, warn)
        self._steps = {step.id: step for step in steps_of(plan.program)}
        self._words = Words(plan, host, services, partial(self._inventory_scope, state=self.read))
        self.files = LocalFiles(plan, services.decrypt, self._local_arguments, self._words.renders)

    def __call__(self, question: dict[str, Any]) -> Any:
        """The answer's value. Raises Refusal."""
        kind = str(question.get("ask"))
        method = getattr(self, f"_answer_{kind}", None)
        if method is None:
            raise Refusal(f"unknown question {kind!r}")
        try:
            return method(question)
        except OSError as error:
            raise Refusal(f"{error.filename}: {error.strerror}") from error
        except UnicodeError as error:
            raise Refusal(f"a name or a file that is not text: {error}") from error

    def speaks_for_all(self, kind: str, number: int) -> bool:
        """Whether this step may say end_play, clear_host_errors or fatal; a host's word alone steers no other host."""
        try:
            step = self._step({"step": number})
        except Refusal:
            return False
        if kind == "fatal":
            return step.any_errors_fatal is not False
        return step.module == "ansible.builtin.meta" and meta_action(step) == kind

    def certificate(self, step: Step) -> dict[str, Any]:
        """What a certificate step asks for, by the inventory alone. Raises ExpressionError."""
        return self._local_arguments(step, None)

    def _answer_gate(self, question: dict[str, Any]) -> Any:
        verdict = self._decided(question["key"], bool(question["run_once"]))
        given = self._given(self._host)
        return {**(verdict or {}), "given": encode(given)} if given else verdict

    def _decided(self, key: list[int], once: bool) -> dict[str, Any] | None:
        verdict = self._gates.wait(self._host, key, once)
        if verdict is not None or self._asker is None:
            return verdict
        if self._asker.wants(key, self._plan.steps, lambda: bool(self._gates.aborted)):
            return None
        if self._gates.aborted:
            return {"abort": self._gates.aborted}
        if once:
            self._gates.ran_once(self._host, key, dict(PASSED_OVER))
        return {"result": dict(PASSED_OVER)}

    def _answer_company(self, question: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = dict(self._gates.company())
        if self._plan.growing is not None:
            inventory = self._plan.growing.inventory
            more = [name for name in self._plan.growing.joined if name not in self._plan.hosts]
            found["all"], found["play"] = [*self._plan.hosts, *more], [*found["play"], *more]
            found["groups"] = {name: list(members) for name, members in inventory.groups.items()}
            own = inventory.hosts[self._host].groups
            found["group_names"] = own_groups(own)
        return found

    def _answer_join(self, question: dict[str, Any]) -> dict[str, Any]:
        step, item = self._step(question), question.get("item")
        result = join(
            self._plan.growing, step, self._host, dict(question["arguments"]),
            lambda names: self._local_arguments(step, item, names),
        )
        return {"result": result, "variables": self._of_joined_groups() if result["changed"] else {}}

    def _of_joined_groups(self) -> dict[str, Any]:
        """What the groups that this host is in by now set for it; the rest of the play sees it here and there."""
        assert self._plan.growing is not None
        given = sent_variables(self._plan.growing.inventory.hosts[self._host], frozenset({EVERY_NAME}))
        changed = {name: value for name, value in given.items() if self._part.variables.get(name, ...) != value}
        self.__dict__["_part"] = replace(self._part, variables={**self._part.variables, **changed})
        return dict(encode(changed))

    def _answer_ran_once(self, question: dict[str, Any]) -> None:
        if not self._gates.ran_once(self._host, question["key"], dict(question["result"])):
            raise Refusal("another host runs this step for all")

    def _answer_fails_all(self, question: dict[str, Any]) -> None:
        if self._step(question).any_errors_fatal is False:
            raise Refusal("a failure of this step is no other host's")
        self._gates.fails_all(self._host, question["key"])

    def _answer_away(self, question: dict[str, Any]) -> float:
        """The host may go away (see work.py, which knows for how long it has been)."""
        if self._step(question).module not in MAY_LEAVE:
            raise Refusal("only reboot and wait_for_connection may say that the host goes away")
        return 0.0

    def _answer_slot(self, question: dict[str, Any]) -> None:
        self._gates.throttle.enter(int(question["step"]), self._host, max(1, int(question["limit"])))

    def _answer_slot_is_free(self, question: dict[str, Any]) -> None:
        self._gates.throttle.leave(self._host, int(question["step"]))

    def _answer_include(self, question: dict[str, Any]) -> Any:
        answer = expansion_answer(self._plan, self._plan.hosts[self._host], question)
        self._know(self._plan.steps)
        return answer

    def _answer_variables(self, question: dict[str, Any]) -> dict[str, Any]:
        step = self._step(question)
        if step.module != "ansible.builtin.include_vars":
            raise Refusal("only include_vars may ask for variables")
        info, host = self._plan.steps[step.id], self._plan.hosts[self._host]
        arguments = dict(question["arguments"])
        named, known = partial(self.files.is_named, step), partial(self._local_arguments, step, None)
        answer = variables_answer(self._plan.reader, info, host, arguments, named, known)
        values = decode(answer["values"], trusted=True)
        learn_variables(self.read, self._plan.program, step, arguments, values)
        self._words.read(values)
        return answer

    def _answer_secret(self, question: dict[str, Any]) -> str:
        name = str(question["name"])
        if name not in self._plan.secrets or name in self._plan.withheld.get(self._host, ()):
            raise Refusal(f"secret {name!r} is not named by this play")
        return self._services.secret(name)

    def _answer_hostvar(self, question: dict[str, Any]) -> Any:
        """One variable of another host, or all that the play may read of it."""
        host, name = str(question["host"]), str(question["name"])
        known, given = self._plan.parts[self._host].hostvars.get(host, {}), self._plan.program.extra_variables
        reported = {one: value for one, value in self._learnt.get(host, {}).items() if one not in given}
        if name == EVERY_NAME:
            learnt = {one: value for one, value in reported.items() if self._may_read(one)}
            return {"value": {**encode({**self._plan.others(host, self._readable() & {name}), **known}), **learnt}}
        if name not in known and name not in reported:
            known = self._plan.others(host, frozenset({name}) if self._may_read(name) else frozenset())
        found = reported if name in reported else {one: encode(known[one]) for one in known if one == name}
        return {"value": found[name], "lasting": self._plan.lasts(name)} if found else None

    def _may_read(self, name: str) -> bool:
        """Whether the play's own text reads this variable of other hosts."""
        names = self._readable()
        return name in names or (EVERY_NAME in names and not is_connection_variable(name))

    def _readable(self) -> frozenset[str]:
        """The variables of other hosts that texts of the play read, and of files that this host had read."""
        included = self._plan.expander.shared if self._plan.expander else frozenset()
        return self._plan.names | self._words.shared | included

    def _answer_template(self, question: dict[str, Any]) -> dict[str, Any]:
        return self.files.template(self._step(question), question)

    def _answer_local(self, question: dict[str, Any]) -> dict[str, Any]:
        return self._words.answer(self._step(question), question)

    def _answer_source(self, question: dict[str, Any]) -> dict[str, Any]:
        return self.files.source(self._step(question), question)

    def _answer_content(self, question: dict[str, Any]) -> bytes:
        return self.files.content(self._step(question), question)

    def _answer_several(self, question: dict[str, Any]) -> dict[str, Any]:
        return self.files.several(self._step(question), str(question["of"]), question["names"])

    def _answer_contents(self, question: dict[str, Any]) -> bytes:
        return self.files.contents([(self._step({"step": number}), name) for number, name in question["wanted"]])

    def _answer_authority(self, question: dict[str, Any]) -> str:
        name = str(question["name"])
        if name not in AUTHORITIES or not any(step.module == certificate.NAME for step in self._steps.values()):
            raise Refusal(f"this play has no certificate of an authority {name!r}")
        return self._services.authority(name)

    def _answer_sign(self, question: dict[str, Any]) -> str:
        return self._signatures.sign(self._step(question), question)

    def _answer_fetch(self, question: dict[str, Any]) -> dict[str, Any]:
        return self._fetched(question)

    def _fetch_place(self, question: Mapping[str, Any]) -> tuple[Mapping[str, Any], Path]:
        step = self._step(dict(question))
        if step.module != "ansible.builtin.fetch":
            raise Refusal("only fetch steps may hand over files")
        try:
            found = self._local_arguments(step, question.get("item"), ("dest", "flat"))
        except ExpressionError as error:
            raise Refusal(
                f"dest of fetch must come from the inventory or the play alone, but: {error.message}"
            ) from error
        arguments = coerce(registry.specification(step.module), {"src": str(question["src"]), **found})
        return arguments, Path(self._plan.steps[step.id].bases[-1])

    def _answer_delegate(self, question: dict[str, Any]) -> Any:
        if self._delegation is None:
            raise Refusal("nothing is delegated ahead of a play")
        return encode(self._delegation(self._step(question), question))

    def _local_arguments(self, step: Step, item: Any, names: tuple[str, ...] = ()) -> dict[str, Any]:
        """The step's arguments as the inventory alone makes them: no facts, no registered results.

        names: only these, and an item that is only known on the host may be left open.
        """
        expressions = local_expressions()
        extra: dict[str, Any] = {}
        if step.loop is not None and item is not None:
            scope = self._inventory_scope(step, {}, expressions)
            try:
                extra[str(scope.evaluate(step.loop.variable))] = scope.evaluate(step.loop.items)[int(item)]
            except ExpressionError:
                if not names:
                    raise
        wanted = {name: value for name, value in step.arguments.items() if not names or name in names}
        return dict(self._inventory_scope(step, extra, expressions).evaluate(wanted))

    def _inventory_scope(
        self, step: Step, extra: Mapping[str, Any], expressions: Expressions, state: HostState | None = None
    ) -> Scope:
        """What the step sees of the inventory alone: no facts, no registered results."""
        program, part, expander = self._plan.program, self._part, self._plan.expander
        program = replace(program, roles=expander.roles) if expander is not None else program
        magic = {"inventory_hostname": self._host, "hostvars": part.hostvars, "group_names": own_groups(part.groups)}
        layers = layers_for(step, program, part, state or HostState(), (magic, extra))
        return Scope(layers, expressions, self._services.secret)

    @cached_property
    def _part(self) -> HostPart:
        """What the host is told of itself; an include may bring steps that read more than what was known at first."""
        part = self._plan.parts[self._host]
        if not self._plan.dynamic:
            return part
        return replace(part, variables=sent_variables(self._plan.hosts[self._host], frozenset({EVERY_NAME})))

    def _step(self, question: dict[str, Any]) -> Step:
        number = int(question["step"])
        if number in self._steps:
            return self._steps[number]
        found = self._plan.expander.step(number) if self._plan.expander else None
        if found is None:
            raise Refusal(f"this play has no step {number}")
        return found
