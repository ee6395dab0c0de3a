"""Answers to what a host asks. Only what the compiled play names is answered; anything else is refused."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clusterbook.compile.files import directories, find, inside
from clusterbook.compile.plan import PlayPlan, StepInfo
from clusterbook.compile.reach import EVERY_NAME, texts, words
from clusterbook.compile.walk import every_step
from clusterbook.execute.delegation import Delegation
from clusterbook.execute.fetched import Fetched
from clusterbook.execute.gates import Gates
from clusterbook.execute.included import expansion_answer, variables_answer
from clusterbook.execute.joining import join
from clusterbook.execute.session import Refusal
from clusterbook.language.environment import ExpressionError, Expressions
from clusterbook.language.flow import meta_action
from clusterbook.language.program import Step
from clusterbook.language.scope import Scope
from clusterbook.language.state import HostState, is_connection_variable, layers_for
from clusterbook.language.values import encode
from clusterbook.modules import certificate, registry
from clusterbook.modules.parameters import coerce

# Of files up to this size the modules return Ansible's `checksum`, which is SHA-1.
SMALL = 1 << 20
# host -> name -> value on the wire
Learnt = Mapping[str, Mapping[str, Any]]
AUTHORITIES = certificate.PARAMETERS["authority"].choices


def _no_secrets(name: str) -> str:
    raise Refusal(f"secret {name!r}: no store is open for this run")


def _no_signature(arguments: Mapping[str, Any], public_key: str) -> str:
    raise Refusal("certificates cannot be signed: no store is open for this run")


def _unknown_authority(name: str) -> str:
    return ""


@dataclass(frozen=True)
class Services:
    """What the layers above lend to a run. secret(name) -> value; sign(evaluated arguments, public key) -> PEM.

    authority(name) -> PEM of who signs today, so that a certificate of another one is renewed; empty: not known.
    """

    secret: Callable[[str], str] = _no_secrets
    sign: Callable[[Mapping[str, Any], str], str] = _no_signature
    authority: Callable[[str], str] = _unknown_authority


class Answers:
    """Answers one host's questions during one play."""

    def __init__(
        self, plan: PlayPlan, host: str, gates: Gates, services: Services,
        delegation: Callable[[Answers], Delegation] | None, learnt: Learnt,
        know: Callable[[Mapping[int, StepInfo]], None] = lambda steps: None,
    ) -> None:
        """delegation(self): evaluates and runs delegated steps; learnt: what hosts have reported so far.

        know(steps) tells the reports of steps that only now were compiled.
        """
        self._know = know
        self._learnt = learnt
        self.plan = self._plan = plan
        self.host = self._host = host
        self._gates = gates
        self._services = services
        self._delegation = delegation(self) if delegation is not None else None
        self._fetched = Fetched(host, self._fetch_place)
        self._steps = {step.id: step for step in every_step((*plan.program.instructions, *plan.program.handlers))}

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

    def _answer_gate(self, question: dict[str, Any]) -> Any:
        return self._gates.wait(self._host, question["key"], bool(question["run_once"]))

    def _answer_company(self, question: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = dict(self._gates.company())
        if self._plan.growing is not None:
            inventory = self._plan.growing.inventory
            found["groups"] = {name: list(members) for name, members in inventory.groups.items()}
            own = inventory.hosts[self._host].groups
            found["group_names"] = sorted(name for name in own if name not in ("all", "ungrouped"))
        return found

    def _answer_join(self, question: dict[str, Any]) -> dict[str, Any]:
        step, item = self._step(question), question.get("item")
        return join(
            self._plan.growing, step, self._host, dict(question["arguments"]),
            lambda names: self._local_arguments(step, item, names),
        )

    def _answer_ran_once(self, question: dict[str, Any]) -> None:
        if not self._gates.ran_once(self._host, question["key"], dict(question["result"])):
            raise Refusal("another host runs this step for all")

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
        return variables_answer(self._plan.reader, info, host, dict(question["arguments"]))

    def _answer_secret(self, question: dict[str, Any]) -> str:
        name = str(question["name"])
        if name not in self._plan.secrets:
            raise Refusal(f"secret {name!r} is not named by this play")
        return self._services.secret(name)

    def _answer_hostvar(self, question: dict[str, Any]) -> Any:
        host, name = str(question["host"]), str(question["name"])
        reported = self._learnt.get(host, {})
        if name in reported:
            return {"value": reported[name]}
        known = self._plan.parts[self._host].hostvars.get(host, {})
        if name not in known:
            known = self._plan.others(host, frozenset({name}) if self._may_read(name) else frozenset())
        return {"value": encode(known[name])} if name in known else None

    def _may_read(self, name: str) -> bool:
        """Whether the play's own text reads this variable of other hosts."""
        names = self._plan.names | (self._plan.expander.shared if self._plan.expander else frozenset())
        return name in names or (EVERY_NAME in names and not is_connection_variable(name))

    def _answer_template(self, question: dict[str, Any]) -> dict[str, str]:
        path = self._path(question)
        try:
            return {"text": path.read_text(encoding="utf-8"), "file": str(path)}
        except UnicodeDecodeError as error:
            raise Refusal(f"{path} is not UTF-8 text") from error

    def _answer_lookup(self, question: dict[str, Any]) -> list[Any]:
        plugin = str(question["plugin"])
        if plugin == "env":
            return [os.environ.get(self._literal(question, str(term)), "") for term in question["terms"]]
        if plugin == "file":
            paths = [self._path({**question, "name": term}) for term in question["terms"]]
            return [path.read_text(encoding="utf-8").rstrip("\n") for path in paths]
        raise Refusal(f"lookup({plugin!r}) is not supported")

    def _literal(self, question: dict[str, Any], term: str) -> str:
        """A term that the play itself spells out; a host must not choose what is read here."""
        if not any(term in words(text) for text in texts(vars(self._step(question)))):
            raise Refusal(f"{term!r} is not written in this step")
        return term

    def _answer_source(self, question: dict[str, Any]) -> dict[str, Any]:
        path = self._path(question)
        directory = path.is_dir()
        state = path.stat()
        return {
            "kind": "directory" if directory else "file",
            "mode": state.st_mode & 0o7777,
            "size": state.st_size,
            "sha256": "" if directory else _digest(path),
            "sha1": "" if directory or state.st_size > SMALL else _digest(path, "sha1"),
            "entries": sorted(entry.name for entry in path.iterdir()) if directory else [],
        }

    def _answer_content(self, question: dict[str, Any]) -> bytes:
        return self._path(question).read_bytes()

    def _answer_authority(self, question: dict[str, Any]) -> str:
        name = str(question["name"])
        if name not in AUTHORITIES or not any(step.module == certificate.NAME for step in self._steps.values()):
            raise Refusal(f"this play has no certificate of an authority {name!r}")
        return self._services.authority(name)

    def _answer_sign(self, question: dict[str, Any]) -> str:
        step = self._step(question)
        if step.module != certificate.NAME:
            raise Refusal("only certificate steps may ask for a signature")
        try:
            arguments = self._local_arguments(step, question.get("item"))
        except ExpressionError as error:
            raise Refusal(
                f"a certificate is described by inventory variables alone, but: {error.message}"
            ) from error
        return self._services.sign(arguments, str(question["public_key"]))

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
        specification = registry.specification(step.module)
        arguments = coerce(specification, {"src": str(question["src"]), **found})
        return arguments, Path(self._plan.steps[step.id].bases[-1])

    def _answer_delegate(self, question: dict[str, Any]) -> Any:
        if self._delegation is None:
            raise Refusal("nothing is delegated ahead of a play")
        return encode(self._delegation(self._step(question), question))

    def _local_arguments(self, step: Step, item: Any, names: tuple[str, ...] = ()) -> dict[str, Any]:
        """The step's arguments as the inventory alone makes them: no facts, no registered results.

        names: only these, and an item that is only known on the host may be left open.
        """
        program, part = self._plan.program, self._plan.parts[self._host]
        magic = {"inventory_hostname": self._host, "hostvars": part.hostvars}
        extra: dict[str, Any] = dict(magic)
        expressions = Expressions({})
        if step.loop is not None and item is not None:
            scope = Scope(layers_for(step, program, part, HostState(), (extra,)), expressions, self._services.secret)
            try:
                extra[str(scope.evaluate(step.loop.variable))] = scope.evaluate(step.loop.items)[int(item)]
            except ExpressionError:
                if not names:
                    raise
        layers = layers_for(step, program, part, HostState(), (extra,))
        wanted = {name: value for name, value in step.arguments.items() if not names or name in names}
        return dict(Scope(layers, expressions, self._services.secret).evaluate(wanted))

    def _step(self, question: dict[str, Any]) -> Step:
        number = int(question["step"])
        if number in self._steps:
            return self._steps[number]
        found = self._plan.expander.step(number) if self._plan.expander else None
        if found is None:
            raise Refusal(f"this play has no step {number}")
        return found

    def _path(self, question: dict[str, Any]) -> Path:
        """A local file that the step names: anywhere when literal, else inside the step's own directories."""
        step, name = self._step(question), str(question["name"])
        info: StepInfo = self._plan.steps[step.id]
        literal = any(name == fixed or name.startswith(fixed.rstrip("/") + "/") for fixed in info.fixed_names)
        places = directories("templates" if question["ask"] == "template" else "files", info.bases)
        path = find(name, places)
        if path is None:
            raise Refusal(f"{name} was not found; looked in {', '.join(places)}")
        if (".." in Path(name).parts and not literal) or not (literal or inside(path, places)):
            raise Refusal(f"{name} lies outside the directories of this step")
        return path


def _digest(path: Path, algorithm: str = "sha256") -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


