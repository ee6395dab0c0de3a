"""Values against an argument specification that a role or a playbook writes: types, choices, rules, nested options.

Problems come in Ansible's order and words, for playbooks compare `argument_errors` with them. Types that only tell how
a text is read (bytes, bits, jsonarg) take everything.
"""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Mapping, Tuple

from clusterbook.modules.contract import Parameter, Specification
from clusterbook.modules.parameters import CONVERTERS, FALSE, TRUE, convert
from clusterbook.modules.refusals import between, exclusive
from clusterbook.records import dataclass, field

Options = Mapping[str, Any]
_UNCHECKED = ("bytes", "bits", "jsonarg")


def spec_errors(options: Options, values: Mapping[str, Any]) -> List[str]:
    """Everything that is wrong with the values. options: parameters by name, as in meta/argument_specs.yml."""
    unknown = _Unknown()
    found = list(_Level(_named(options), {}, _named(values), (), unknown).problems())
    return [*found, *unknown.message()]


@dataclass
class _Unknown:
    """Names that no level has, and what the last such level has instead."""

    names: List[str] = field(default_factory=list)
    supported: Options = field(default_factory=dict)

    def message(self) -> Iterator[str]:
        if self.names:
            known = ", ".join(_with_aliases(self.supported, name) for name in sorted(self.supported))
            yield f"{', '.join(sorted(self.names))}. Supported parameters include: {known}."


@dataclass
class _Level:
    """The options of one mapping. rules: what is said beside them; path: the names of the options around it."""

    options: Options
    rules: Options
    values: Dict[str, Any]
    path: Tuple[str, ...]
    unknown: _Unknown

    def problems(self) -> Iterator[str]:
        """In Ansible's order; values become what they are converted to."""
        self._complete()
        rules = self._rules()
        yield from (message + self._place() for message in exclusive(rules, set(self.values)))
        missing = sorted(
            name for name in self.options if _option(self.options, name).get("required") and name not in self.values
        )
        if missing:
            yield f"missing required arguments: {', '.join(missing)}{self._place()}"
        for name in self.options:
            if name in self.values:
                yield from self._wrong_types(name, _option(self.options, name))
        for name in self.options:
            if name in self.values:
                yield from self._wrong_choices(name, _option(self.options, name).get("choices"))
        for message in (*between(rules, set(self.values), self.values), *self._required_if()):
            yield message + self._place()
        for name in self.options:
            yield from self._nested(name, _option(self.options, name))

    def _complete(self) -> None:
        """Main names for aliases, defaults for what is not given; other names are unknown."""
        aliases = {alias: name for name in self.options for alias in _aliases(self.options, name)}
        unknown = sorted(name for name in self.values if name not in self.options and name not in aliases)
        if unknown:
            self.unknown.names.extend(".".join((*self.path, name)) for name in unknown)
            self.unknown.supported = self.options
        self.values = {aliases.get(name, name): value for name, value in self.values.items()}
        for name in self.options:
            option = _option(self.options, name)
            default = {} if option.get("apply_defaults") else option.get("default")
            if default is not None:
                self.values.setdefault(name, default)

    def _rules(self) -> Specification:
        """Those between options, as a module has them; a name alone is a group of one."""
        exclusive_names, together, one_of = (
            tuple(tuple(map(str, _listed(group))) for group in _listed(self.rules.get(word)))
            for word in ("mutually_exclusive", "required_together", "required_one_of")
        )
        return Specification("", "", "", {}, "", exclusive_names, together, one_of)

    def _required_if(self) -> Iterator[str]:
        for rule in _listed(self.rules.get("required_if")):
            if len(_listed(rule)) < 3:
                continue
            name, wanted, required, *one_is_enough = rule
            missing = [str(other) for other in _listed(required) if other not in self.values]
            any_of = one_is_enough[:1] == [True]
            allowed = len(_listed(required)) - 1 if any_of else 0
            if name in self.values and self.values[name] == wanted and len(missing) > allowed:
                which = "any" if any_of else "all"
                yield f"{name} is {wanted} but {which} of the following are missing: {', '.join(missing)}"
        for name, required in _named(self.rules.get("required_by")).items():
            missing = [str(other) for other in _listed(required) if other not in self.values]
            if name in self.values and missing:
                yield f"missing parameter(s) required by '{name}': {', '.join(missing)}"

    def _place(self) -> str:
        return f" found in {' -> '.join(self.path)}" if self.path else ""

    def _wrong_types(self, name: str, option: Options) -> Iterator[str]:
        value, kind = self.values[name], str(option.get("type") or "str")
        if value is None and not option.get("required") and option.get("default") is None:
            return
        where = f" found in '{' -> '.join(self.path)}'." if self.path else ""
        try:
            self.values[name] = value = _converted(kind, value)
        except (TypeError, ValueError):
            yield (f"argument '{name}' is of type {type(value).__name__}{where} and we were unable to convert to "
                   f"{kind}: {_why(kind, value)}")
            return
        elements = str(option.get("elements") or "")
        if kind != "list" or not elements:
            return
        for index, item in enumerate(value):
            try:
                value[index] = _converted(elements, item)
            except (TypeError, ValueError):
                yield (f"Elements value for option '{name}'{where} is of type {type(item).__name__} and we were unable "
                       f"to convert to {elements}: {_why(elements, item)}")

    def _wrong_choices(self, name: str, choices: Any) -> Iterator[str]:
        value = self.values[name]
        if not isinstance(choices, (list, tuple)):
            return
        listed = ", ".join(map(str, choices))
        if isinstance(value, list):
            wrong = [str(item) for item in value if item not in choices]
            if wrong:
                yield (f"value of {name} must be one or more of: {listed}. Got no match for: {', '.join(wrong)}"
                       f"{self._place()}")
        elif value not in choices:
            yield f"value of {name} must be one of: {listed}, got: {value}{self._place()}"

    def _nested(self, name: str, option: Options) -> Iterator[str]:
        options, value = option.get("options"), self.values.get(name)
        for item in value if isinstance(value, list) else [value]:
            if isinstance(options, Mapping) and isinstance(item, Mapping):
                yield from _Level(_named(options), option, _named(item), (*self.path, name), self.unknown).problems()


def _option(options: Options, name: str) -> Options:
    found = options[name]
    return found if isinstance(found, Mapping) else {}


def _named(value: Any) -> Dict[str, Any]:
    """A mapping with texts as keys; what is none has nothing."""
    return {str(name): item for name, item in value.items()} if isinstance(value, Mapping) else {}


def _listed(value: Any) -> Tuple[Any, ...]:
    if isinstance(value, (list, tuple)):
        return tuple(value)
    return () if value is None else (value,)


def _aliases(options: Options, name: str) -> List[str]:
    return sorted(str(alias) for alias in _listed(_option(options, name).get("aliases")))


def _with_aliases(options: Options, name: str) -> str:
    aliases = ", ".join(_aliases(options, name))
    return f"{name} ({aliases})" if aliases else name


def _converted(kind: str, value: Any) -> Any:
    if kind in _UNCHECKED:
        return value
    if kind not in CONVERTERS:
        raise ValueError
    if value is None:
        return "" if kind in ("str", "path") else CONVERTERS[kind](value)
    return convert(Parameter(kind, ""), value)


def _why(kind: str, value: Any) -> str:
    if kind == "int":
        return f'"{value!r}" cannot be converted to an int'
    if kind == "bool":
        words = ", ".join(map(repr, sorted((TRUE | FALSE) - {"0", "1"})))
        return f"The value {value!r} is not a valid boolean. Valid booleans include: 0, 1, '0', '1', {words}"
    if kind == "dict" and isinstance(value, str):
        return "dictionary requested, could not parse JSON or key=value"
    known = kind in CONVERTERS
    return f"{type(value)} cannot be converted to a {kind}" if known else f"there is no type {kind!r}"
