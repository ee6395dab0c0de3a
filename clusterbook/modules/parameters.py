"""Arguments of a module: aliases, defaults, types and rules, by the same tables on the local machine and on hosts."""

from __future__ import annotations

import json
import os
from typing import Any, Callable, Dict, Iterator, List, Mapping, Tuple

from clusterbook.modules.contract import Arguments, ModuleFailed, Parameter, Specification
from clusterbook.modules.refusals import refusals

TRUE = frozenset(("y", "yes", "on", "1", "true", "t"))
FALSE = frozenset(("n", "no", "off", "0", "false", "f"))


def coerce(specification: Specification, arguments: Mapping[str, Any]) -> Arguments:
    """Every parameter by its main name with its type and default. Raises ModuleFailed for the first problem."""
    given = by_main_name(specification, arguments)
    for name, message in _refusals(specification, given):
        raise ModuleFailed(message, next_step=f"Correct the arguments of {specification.name}.", parameter=name)
    result: Arguments = {name: value for name, value in given.items() if name not in specification.parameters}
    for name, parameter in specification.parameters.items():
        value = given.get(name)
        if value is None:
            value = list(parameter.default) if isinstance(parameter.default, list) else parameter.default
        result[name] = convert(parameter, value)
    return result


def _refusals(specification: Specification, given: Mapping[str, Any]) -> Iterator[Tuple[str, str]]:
    converted: Dict[str, Any] = {}
    broken: Dict[str, str] = {}
    for name, parameter in specification.parameters.items():
        try:
            converted[name] = convert(parameter, given.get(name))
        except (TypeError, ValueError) as error:
            broken[name] = str(error) or f"{given[name]!r} is not {_expected(parameter)}"
    return refusals(specification, given, converted, broken)


def problems(
    specification: Specification, arguments: Mapping[str, Any], dynamic: Callable[[Any], bool] = lambda value: False
) -> List[str]:
    """What is wrong with the arguments. dynamic(value) says that a value is only known later (a template)."""
    given = by_main_name(specification, arguments)
    found = list(_unknown_names(specification, given))
    for name, parameter in specification.parameters.items():
        value = given.get(name)
        if value is None:
            if parameter.required:
                found.append(f"{specification.name}: parameter '{name}' is missing")
        elif not dynamic(value):
            found.extend(value_problems(name, parameter, value))
    found.extend(_rule_problems(specification, {key for key, value in given.items() if value is not None}))
    found.extend(_condition_problems(specification, given, dynamic))
    return found


def by_main_name(specification: Specification, arguments: Mapping[str, Any]) -> Dict[str, Any]:
    """The arguments with aliases replaced by the main names."""
    aliases = {alias: name for name, item in specification.parameters.items() for alias in item.aliases}
    return {aliases.get(key, key): value for key, value in arguments.items()}


def _unknown_names(specification: Specification, given: Mapping[str, Any]) -> Iterator[str]:
    """Names that the module does not have; names with a leading underscore are the engine's own."""
    for key in given:
        if key not in specification.parameters and not key.startswith("_") and not specification.open:
            yield f"unknown parameter '{key}' in module '{specification.name}'"


def value_problems(name: str, parameter: Parameter, value: Any) -> Iterator[str]:
    """A value of the wrong type or outside the choices."""
    try:
        converted = convert(parameter, value)
    except (TypeError, ValueError) as error:
        yield f"{name} is {value!r}, expected {_expected(parameter)}" + (f" ({error})" if str(error) else "")
        return
    if parameter.choices:
        for item in converted if isinstance(converted, list) else [converted]:
            if item not in parameter.choices:
                yield f"{name} is {item!r}, expected one of {', '.join(map(str, parameter.choices))}"


def _rule_problems(specification: Specification, given: "set[str]") -> Iterator[str]:
    """The rules between parameters."""
    for names in specification.mutually_exclusive:
        both = [name for name in names if name in given]
        if len(both) > 1:
            yield f"{' and '.join(both)} exclude each other"
    for names in specification.required_together:
        if given & set(names) and not set(names) <= given:
            yield f"{', '.join(names)} are only valid together"
    for names in specification.required_one_of:
        if not given & set(names):
            yield f"one of {', '.join(names)} is required"


def _condition_problems(
    specification: Specification, given: Mapping[str, Any], dynamic: Callable[[Any], bool]
) -> Iterator[str]:
    """Parameters that another one's value makes required."""
    for name, wanted, required in specification.required_if:
        parameter = specification.parameters[name]
        value = given.get(name, parameter.default)
        if dynamic(value) or value != wanted:
            continue
        for other in required:
            if given.get(other) is None:
                yield f"parameter '{other}' is required when {name} is {wanted!r}"


def _expected(parameter: Parameter) -> str:
    """The type in words."""
    if parameter.type == "list" and parameter.elements:
        return f"a list of {parameter.elements}"
    return {"str": "text", "bool": "true or false", "int": "a whole number", "float": "a number",
            "list": "a list", "dict": "a mapping", "path": "a path"}.get(parameter.type, parameter.type)


def convert(parameter: Parameter, value: Any) -> Any:
    """The value in the parameter's type, by Ansible's rules. Raises ValueError or TypeError."""
    if value is None:
        return None
    result = CONVERTERS[parameter.type](value)
    if parameter.type == "list" and parameter.elements:
        item = Parameter(parameter.elements, "")
        return [convert(item, element) for element in result]
    return result


def to_text(value: Any) -> str:
    """Text as it is; numbers and booleans as Python writes them; collections as JSON."""
    if isinstance(value, (dict, list)):
        return json.dumps(value)
    return str(value)


def to_boolean(value: Any) -> bool:
    """true/false, 1/0 and Ansible's words (yes, no, on, off, t, f, y, n)."""
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower() if isinstance(value, (str, int, float)) else ""
    if word in TRUE or value == 1:
        return True
    if word in FALSE or value == 0:
        return False
    raise ValueError


def to_integer(value: Any) -> int:
    """A whole number, also as text."""
    if isinstance(value, float) and not value.is_integer():
        raise ValueError
    if isinstance(value, (int, float)):
        return int(value)
    try:
        return int(str(value).strip())
    except ValueError:  # without Python's own words
        raise ValueError from None


def to_list(value: Any) -> List[Any]:
    """A list; text is split at commas, a number becomes a list of one."""
    if isinstance(value, (list, tuple)):
        return list(value)
    if isinstance(value, str):
        return [item.strip() for item in value.split(",")]
    if isinstance(value, (int, float)):
        return [str(value)]
    raise TypeError


def to_mapping(value: Any) -> Dict[str, Any]:
    """A mapping; text is JSON or key=value words."""
    if isinstance(value, Mapping):
        return dict(value)
    if not isinstance(value, str):
        raise TypeError
    if value.strip().startswith("{"):
        loaded = json.loads(value)
        return dict(loaded)
    import shlex

    pairs = [word.partition("=") for word in shlex.split(value.replace(",", " "))]
    if not all(middle for _, middle, _ in pairs):
        raise ValueError
    return {name: text for name, _, text in pairs}


def to_path(value: Any) -> str:
    """A path with ~ and environment variables expanded."""
    return os.path.expanduser(os.path.expandvars(to_text(value)))


def to_json(value: Any) -> str:
    """Text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value)


CONVERTERS: Mapping[str, Callable[[Any], Any]] = {
    "str": to_text, "bool": to_boolean, "int": to_integer, "float": float, "list": to_list, "dict": to_mapping,
    "path": to_path, "raw": lambda value: value, "json": to_json,
}
