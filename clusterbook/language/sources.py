"""Values that come from the local machine when a step uses them: secrets, other hosts' variables, template files."""

from __future__ import annotations

import datetime
from typing import Any, Callable, Iterator, Mapping, Optional

from jinja2.utils import missing, pass_context

from clusterbook.language.environment import ExpressionError, Expressions, UndefinedName
from clusterbook.language.program import HostPart, Program, Step
from clusterbook.language.runtime import Runtime
from clusterbook.language.scope import OMIT, Unknown, guarded
from clusterbook.language.values import Template, UnknownValue, decode

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
        if isinstance(self._known[key], UnknownValue):
            raise Unknown(self._known[key].reason)
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

    def __init__(self, host: HostPart, names: tuple[str, ...], runtime: Runtime, grows: bool = False) -> None:
        """names: every host of the inventory; grows: more may join while the play runs."""
        self._names = names
        self._grows = grows
        self._runtime = runtime
        self._hosts = {name: OtherHost(name, host.hostvars.get(name, {}), runtime) for name in names}

    def __getitem__(self, key: str) -> OtherHost:
        if self._grows and key not in self._hosts and key in self._everyone():
            self._hosts[key] = OtherHost(key, {}, self._runtime)
        return self._hosts[key]

    def _everyone(self) -> list[str]:
        return list(Company(self._runtime, True)["groups"].get("all", ())) if self._grows else list(self._names)

    def __iter__(self) -> Iterator[str]:
        return iter(self._everyone())

    def __len__(self) -> int:
        return len(self._everyone())


class Company(Mapping[str, Any]):
    """The hosts that are still in the play, asked for when a step names them: they become fewer as hosts fail."""

    _KEYS = {"ansible_play_hosts": "play", "play_hosts": "play", "ansible_play_batch": "batch"}
    _GROWING = {"groups": "groups", "group_names": "group_names"}

    def __init__(self, runtime: Runtime, grows: bool = False) -> None:
        """One for each step. grows: hosts and groups may join, so groups are asked for too."""
        self._runtime = runtime
        self._keys = {**self._KEYS, **(self._GROWING if grows else {})}
        self._found: Optional[Mapping[str, Any]] = None

    def __getitem__(self, key: str) -> Any:
        own = self._keys[key]
        if self._found is None:
            self._found = self._runtime.ask("company") or {}
        return self._found.get(own, [])

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)


class Sources:
    """Everything that a scope gets from outside the program."""

    def __init__(self, program: Program, host: HostPart, runtime: Runtime) -> None:
        """See Interpreter."""
        self._program = program
        self._runtime = runtime
        self.company = Company(runtime, program.grows)
        self._secrets: dict[str, str] = {}
        self.step: Optional[Step] = None
        self._texts: dict[str, Template] = {}
        self._engines: dict[tuple[Any, ...], Expressions] = {}
        everyone = tuple(program.magic.get("groups", {}).get("all", ()))
        self._magic = {
            "inventory_hostname": host.name,
            "inventory_hostname_short": host.name.split(".")[0],
            "group_names": sorted(name for name in host.groups if name not in ("all", "ungrouped")),
            "hostvars": HostVariables(host, everyone, runtime, program.grows),
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

    def beside(self, step: Step, arguments: Mapping[str, Any], resolve: Callable[[str], Any]) -> dict[str, Any]:
        """What modules get beside their arguments: a template's text, the certificate of who signs today."""
        if step.module == "ansible.builtin.template":
            return {"_content": self.template(step, arguments, resolve)}
        if step.module == "certificate":
            return {"_authority_certificate": str(self._runtime.ask("authority", name=arguments.get("authority")))}
        return {}

    def template(self, step: Step, arguments: Mapping[str, Any], resolve: Callable[[str], Any]) -> str:
        """Render a template file. arguments: those of the template module; resolve: names of the step's scope."""
        name = str(arguments.get("src", ""))
        key = f"{step.role}:{name}"
        if key not in self._texts:
            answer = self._runtime.ask("template", step=step.id, name=name)
            self._texts[key] = Template(answer["text"], answer["file"], 0, 0)
        settings = {"trim_blocks": True}
        settings.update({name: arguments[name] for name in _TEMPLATE_SETTINGS if name in arguments})
        engine_key = tuple(sorted(settings.items()))
        if engine_key not in self._engines:
            self._engines[engine_key] = Expressions(self.names(), settings)
        source = self._texts[key]
        names: dict[str, Any] = {
            "ansible_managed": "Ansible managed",
            "template_path": source.file,
            "template_fullpath": source.file,
            "template_destpath": arguments.get("dest", ""),
        }
        engine = self._engines[engine_key]

        def with_own_names(key: str) -> Any:
            return names[key] if key in names else resolve(key)

        return str(guarded(source, lambda: engine.text(source.text, with_own_names)))

    @pass_context
    def _lookup(self, context: Any, kind: str, *terms: Any, **options: Any) -> Any:
        values = self._query(context, kind, *terms, **options)
        if options.get("wantlist"):
            return values
        if len(values) == 1:
            return values[0]
        return ",".join(values) if all(isinstance(value, str) for value in values) else values

    @pass_context
    def _query(self, context: Any, kind: str, *terms: Any, **options: Any) -> list[Any]:
        kind = kind.rpartition(".")[2]
        if self.step is None:
            raise ExpressionError(f"lookup({kind!r}) has no step here")
        if kind == "vars":
            return [self._variable(context, str(term), options) for term in terms]
        if kind in ("items", "list"):
            return [part for term in terms for part in (term if isinstance(term, list) and kind == "items" else [term])]
        if kind == "dict":
            return [{"key": key, "value": value} for term in terms for key, value in term.items()]
        if kind == "template":
            step, resolve = self.step, context.resolve_name
            return [self.template(step, {"src": term, **options}, resolve) for term in terms]
        answer = self._runtime.ask("lookup", step=self.step.id, plugin=kind, terms=list(terms), options=options)
        return list(decode(answer))

    def _variable(self, context: Any, name: str, options: Mapping[str, Any]) -> Any:
        value = context.resolve_or_missing(name)
        if value is missing:
            if "default" in options:
                return options["default"]
            raise UndefinedName(f"'{name}' is undefined")
        return value


def _now(utc: bool = False, fmt: str = "") -> Any:
    moment = datetime.datetime.now(datetime.timezone.utc if utc else None)
    return moment.strftime(fmt) if fmt else moment


