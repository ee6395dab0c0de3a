"""Values that come from the local machine when a step uses them: secrets, other hosts' variables, template files."""

from __future__ import annotations

import datetime
from typing import Any, Iterator, Mapping

from clusterbook.language.environment import Expressions
from clusterbook.language.program import HostPart, Program, Step, from_wire
from clusterbook.language.runtime import Runtime
from clusterbook.language.scope import OMIT, Scope
from clusterbook.language.values import Template, decode

_TEMPLATE_SETTINGS = (
    "trim_blocks", "lstrip_blocks", "block_start_string", "block_end_string", "variable_start_string",
    "variable_end_string", "comment_start_string", "comment_end_string", "newline_sequence",
)


class OtherHost(Mapping[str, Any]):
    """The variables of another host, asked for one by one unless they were sent ahead."""

    def __init__(self, name: str, known: Mapping[str, Any], runtime: Runtime) -> None:
        """known: what the compiler saw that the play needs."""
        self._name = name
        self._known = dict(known)
        self._runtime = runtime

    def __getitem__(self, key: str) -> Any:
        if key not in self._known:
            answer = self._runtime.ask("hostvar", host=self._name, name=key)
            if answer is None:
                raise KeyError(key)
            self._known[key] = decode(answer["value"])
        return self._known[key]

    def __contains__(self, key: object) -> bool:
        try:
            self[str(key)]
        except KeyError:
            return False
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


class HostVariables(Mapping[str, Any]):
    """`hostvars`."""

    def __init__(self, host: HostPart, names: tuple[str, ...], runtime: Runtime) -> None:
        """names: every host of the inventory."""
        self._names = names
        self._hosts = {name: OtherHost(name, host.hostvars.get(name, {}), runtime) for name in names}

    def __getitem__(self, key: str) -> OtherHost:
        return self._hosts[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class Sources:
    """Everything that a scope gets from outside the program."""

    def __init__(self, program: Program, host: HostPart, runtime: Runtime) -> None:
        """See Interpreter."""
        self._program = program
        self._runtime = runtime
        self._secrets: dict[str, str] = {}
        self._texts: dict[str, Template] = {}
        self._engines: dict[tuple[Any, ...], Expressions] = {}
        everyone = tuple(program.magic.get("groups", {}).get("all", ()))
        self._magic = {
            "inventory_hostname": host.name,
            "inventory_hostname_short": host.name.split(".")[0],
            "group_names": sorted(name for name in host.groups if name not in ("all", "ungrouped")),
            "hostvars": HostVariables(host, everyone, runtime),
            "omit": OMIT,
        }

    def magic(self) -> dict[str, Any]:
        """Magic variables that differ between hosts."""
        return self._magic

    def names(self) -> dict[str, Any]:
        """Functions of the language."""
        return {"lookup": self._lookup, "query": self._query, "q": self._query, "now": _now}

    def secret(self, name: str) -> str:
        """A secret's value; asked once, when a step uses it."""
        if name not in self._secrets:
            self._secrets[name] = str(self._runtime.ask("secret", name=name))
        return self._secrets[name]

    def include(self, step: Step, scope: Scope) -> tuple[Any, ...]:
        """The steps of an include whose name is only known now."""
        arguments = scope.evaluate(step.arguments)
        return tuple(from_wire(self._runtime.ask("include", step=step.id, arguments=arguments)))

    def template(self, step: Step, arguments: Mapping[str, Any], scope: Scope) -> str:
        """Render the template module's source file."""
        name = str(arguments.get("src", ""))
        key = f"{step.role}:{name}"
        if key not in self._texts:
            answer = self._runtime.ask("template", step=step.id, name=name)
            self._texts[key] = Template(answer["text"], answer["file"], 0, 0)
        settings = {"trim_blocks": True, "keep_trailing_newline": True}
        settings.update({name: arguments[name] for name in _TEMPLATE_SETTINGS if name in arguments})
        engine_key = tuple(sorted(settings.items()))
        if engine_key not in self._engines:
            self._engines[engine_key] = Expressions(self.names(), settings)
        source = self._texts[key]
        names = {
            "ansible_managed": "Ansible managed",
            "template_path": source.file,
            "template_fullpath": source.file,
            "template_destpath": arguments.get("dest", ""),
        }
        return scope.text(source, self._engines[engine_key], names)

    def _lookup(self, kind: str, *terms: Any, **options: Any) -> Any:
        values = self._query(kind, *terms, **options)
        return ",".join(values) if all(isinstance(value, str) for value in values) else values

    def _query(self, kind: str, *terms: Any, **options: Any) -> list[Any]:
        answer = self._runtime.ask("lookup", plugin=kind, terms=list(terms), options=options)
        return list(decode(answer))


def _now(utc: bool = False, fmt: str = "") -> Any:
    moment = datetime.datetime.now(datetime.timezone.utc if utc else None)
    return moment.strftime(fmt) if fmt else moment


