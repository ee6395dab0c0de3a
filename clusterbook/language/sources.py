"""Values that come from the local machine when a step uses them: secrets, other hosts' variables, template files."""

from __future__ import annotations

import datetime
import os
from typing import Any, Callable, Mapping, Optional, Sequence

from jinja2.utils import missing

from clusterbook.language.company import Company, HostVariables
from clusterbook.language.environment import ExpressionError, Expressions
from clusterbook.language.lookups import LookupFailed, Lookups
from clusterbook.language.program import HostPart, Program, Step
from clusterbook.language.runtime import Refused, Runtime
from clusterbook.language.scope import guarded
from clusterbook.language.state import own_groups
from clusterbook.language.template_header import DELIMITERS, without_header
from clusterbook.language.values import OMIT, Template, decode, encode

_TEMPLATE_SETTINGS = ("trim_blocks", "lstrip_blocks", *DELIMITERS, "newline_sequence")


class Sources:
    """Everything that a scope gets from outside the program."""

    def __init__(self, program: Program, host: HostPart, runtime: Runtime) -> None:
        """See Interpreter."""
        self._program = program
        self._runtime = runtime
        self.company = Company(runtime, program.grows)
        self._secrets: dict[str, str] = {}
        self.step: Optional[Step] = None
        self.variable_names: Callable[[], Sequence[str]] = tuple
        # Steps that used a secret of the local machine.
        self.secretive: set[int] = set()
        self.lookups = Lookups(self._local, lambda: self.variable_names(), self._template_lookup, self._warn)
        self._around = ""
        self._texts: dict[str, tuple[Template, dict[str, Any]]] = {}
        self._engines: dict[tuple[Any, ...], Expressions] = {}
        everyone = tuple(program.magic.get("groups", {}).get("all", ()))
        self._hostvars = HostVariables(host, everyone, runtime, program.grows)
        self.own_host = self._hostvars.own
        self._magic = {
            "inventory_hostname": host.name,
            "inventory_hostname_short": host.name.split(".")[0],
            "group_names": own_groups(host.groups),
            "hostvars": self._hostvars,
            "omit": OMIT,
        }

    def begin(self, step: Step) -> None:
        """What other hosts are and know is asked for anew by each step."""
        if self.step is not step:
            self.company = Company(self._runtime, self._program.grows)
            self._hostvars.forget()
        self.step = step

    def magic(self) -> dict[str, Any]:
        """Magic variables that differ between hosts."""
        return self._magic

    def names(self) -> dict[str, Any]:
        """Functions of the language."""
        return self.lookups.functions()

    def secret(self, name: str) -> str:
        """A secret's value; asked once, when a step uses it."""
        if name not in self._secrets:
            self._secrets[name] = str(self._runtime.ask("secret", name=name))
        return self._secrets[name]

    @property
    def tells_secrets(self) -> bool:
        """Whether the step has used a secret of the local machine."""
        return self.step is not None and self.step.id in self.secretive

    def expressions(self) -> Expressions:
        """The step's expressions."""
        return Expressions(self.names(), local=self._local)

    def beside(self, step: Step, arguments: Mapping[str, Any], resolve: Callable[[str], Any]) -> dict[str, Any]:
        """What modules get beside their arguments: a template's text, the certificate of who signs today."""
        if step.module == "ansible.builtin.template":
            return {"_content": self.template(step, arguments, resolve)}
        if step.module == "certificate":
            return {"_authority_certificate": str(self._runtime.ask("authority", name=arguments.get("authority")))}
        return {}

    def template(self, step: Step, arguments: Mapping[str, Any], resolve: Callable[[str], Any]) -> str:
        """Render a template file. arguments: those of the template module; resolve: names of the step's scope."""
        return str(self._rendered(step, arguments, resolve, Expressions.text))

    def _rendered(
        self, step: Step, arguments: Mapping[str, Any], resolve: Callable[[str], Any], how: Callable[..., Any]
    ) -> Any:
        name = str(arguments.get("src", ""))
        key = f"{step.role}:{name}"
        known = self._texts.get(key)
        if known is None:
            answer = self._runtime.ask("template", step=step.id, name=name)
            known = (Template(answer["text"], answer["file"], 0, 0), _origin(answer))
            if not answer.get("secret"):  # else each step asks, so that the local machine knows which ones use it
                self._texts[key] = known
        settings: dict[str, Any] = {"trim_blocks": True}
        settings.update({name: arguments[name] for name in _TEMPLATE_SETTINGS if name in arguments})
        if "newline_sequence" in settings:  # also as it is written between single quotes
            written = str(settings["newline_sequence"])
            settings["newline_sequence"] = written.replace("\\r", "\r").replace("\\n", "\n")
        source, origin = known
        text, own = guarded(source, lambda: without_header(source.text))
        settings.update(own)
        engine_key = tuple(sorted(settings.items()))
        if engine_key not in self._engines:
            self._engines[engine_key] = Expressions(self.names(), settings, self._local, self._load)
        self._around = name
        names: dict[str, Any] = {
            **origin,
            "template_run_date": datetime.datetime.now(),
            "ansible_managed": "Ansible managed",
            "template_path": source.file,
            "template_fullpath": source.file,
            "template_destpath": arguments.get("dest", ""),
        }
        engine = self._engines[engine_key]

        def with_own_names(key: str) -> Any:
            if key == "ansible_managed" and (value := resolve(key)) is not missing:
                return value
            return names[key] if key in names else resolve(key)

        return guarded(source, lambda: how(engine, text, with_own_names))

    def _load(self, name: str) -> Optional[str]:
        """A template that the one being rendered names: from the step's directories, or beside it."""
        assert self.step is not None
        for path in (name, os.path.join(os.path.dirname(self._around), name)):
            try:
                return str(self._runtime.ask("template", step=self.step.id, name=path)["text"])
            except Refused:
                continue
        return None

    def _local(self, kind: str, word: str, arguments: Sequence[Any], options: Mapping[str, Any]) -> Any:
        """language.local_words.Local: ask; what is secret in the answer hides the step's values."""
        if self.step is None:
            raise ExpressionError(f"the {kind} {word!r} has no step here")
        answer = self._runtime.ask(
            "local", step=self.step.id, of=kind, word=word, arguments=encode(list(arguments)),
            options=encode(dict(options)),
        )
        if "failed" in answer:
            raise LookupFailed(str(answer["failed"]))
        if answer.get("secret"):
            self.secretive.add(self.step.id)
        return decode(answer["value"])

    def _template_lookup(self, name: str, options: Mapping[str, Any], resolve: Callable[[str], Any]) -> Any:
        """The lookup `template`: as the module renders it, but a single expression keeps its type."""
        assert self.step is not None
        own = options.get("template_vars") or {}

        def with_own(key: str) -> Any:
            return own[key] if key in own else resolve(key)

        settings = {name: value for name, value in options.items() if name in _TEMPLATE_SETTINGS}
        return self._rendered(self.step, {"src": name, **settings}, with_own, Expressions.native)

    def _warn(self, text: str) -> None:
        self._runtime.emit({"type": "warning", "id": self.step.id if self.step else None, "msg": text})


def _origin(answer: Mapping[str, Any]) -> dict[str, Any]:
    """What Ansible tells a template of its file; a local machine that says nothing of it leaves these undefined."""
    names = {"template_host": "host", "template_uid": "owner"}
    found = {name: answer[key] for name, key in names.items() if key in answer}
    if "modified" in answer:
        found["template_mtime"] = datetime.datetime.fromtimestamp(answer["modified"])
    return found
