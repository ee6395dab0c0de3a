"""What is wrong with a module's arguments, in Ansible's words: playbooks compare `msg` with them."""

from __future__ import annotations

from typing import Any, Dict, Iterator, Mapping, Tuple

from clusterbook.modules.contract import Parameter, Specification

_ABSENT_NAME = "_raw_params"


def refusals(
    specification: Specification, given: Mapping[str, Any], converted: Mapping[str, Any], broken: Mapping[str, str]
) -> Iterator[Tuple[str, str]]:
    """Problems in Ansible's order, each with the parameter whose value it is, empty for one of several.

    given: by main names; converted: those with a good type; broken: why others are not. The rules are those of
    Ansible's documentation of argument specifications.
    """
    names = {name for name, value in given.items() if value is not None}
    yield from (("", problem) for problem in exclusive(specification, names))
    missing = [name for name, one in specification.parameters.items() if one.required and name not in names]
    if missing:
        yield "", f"missing required arguments: {', '.join(sorted(missing))}"
    for name, why in broken.items():
        yield name, _wrong_type(name, specification.parameters[name], given[name], why)
    for name, value in converted.items():
        yield from ((name, problem) for problem in _wrong_choice(name, specification.parameters.get(name), value))
    yield from (("", problem) for problem in between(specification, names, converted))
    yield from (("", problem) for problem in _unsupported(specification, given))


def _shown(names: Tuple[str, ...]) -> Iterator[str]:
    return (name for name in names if name != _ABSENT_NAME)


def _wrong_type(name: str, parameter: Parameter, value: Any, why: str) -> str:
    kind = type(value).__name__
    if parameter.type == "list" and parameter.elements and isinstance(value, list):
        return f"Elements value for option '{name}' is of type {kind} and we were unable to convert to " + \
            f"{parameter.elements}: {why}"
    return f"argument '{name}' is of type {kind} and we were unable to convert to {parameter.type}: {why}"


def _wrong_choice(name: str, parameter: Any, value: Any) -> Iterator[str]:
    if parameter is None or not parameter.choices or value is None:
        return
    listed = ", ".join(str(item) for item in parameter.choices)
    if isinstance(value, list):
        wrong = [str(item) for item in value if item not in parameter.choices]
        if wrong:
            yield f"value of {name} must be one or more of: {listed}. Got no match for: {', '.join(wrong)}"
    elif value not in parameter.choices:
        yield f"value of {name} must be one of: {listed}, got: {value}"


def exclusive(specification: Specification, names: "set[str]") -> Iterator[str]:
    """Parameters that are given together and may not. names: those that are given."""
    for group in specification.mutually_exclusive:
        both = [name for name in group if name in names]
        if len(both) > 1:
            yield f"parameters are mutually exclusive: {'|'.join(_shown(group))}"


def between(specification: Specification, names: "set[str]", converted: Mapping[str, Any]) -> Iterator[str]:
    """Parameters that others make necessary. converted: values in their types."""
    for group in specification.required_together:
        if names & set(group) and not set(group) <= names:
            yield f"parameters are required together: {', '.join(group)}"
    for group in specification.required_one_of:
        if not names & set(group):
            yield f"one of the following is required: {', '.join(_shown(group))}"
    for name, wanted, required in specification.required_if:
        value = converted.get(name)
        value = specification.parameters[name].default if value is None else value
        missing = [other for other in required if other not in names]
        if value == wanted and missing:
            yield f"{name} is {wanted} but all of the following are missing: {', '.join(missing)}"


def _unsupported(specification: Specification, given: Mapping[str, Any]) -> Iterator[str]:
    if specification.open:
        return
    known: Dict[str, Parameter] = {
        name: one for name, one in specification.parameters.items() if not name.startswith("_")
    }
    unknown = sorted(name for name in given if name not in specification.parameters and not name.startswith("_"))
    if unknown:
        supported = ", ".join(
            name + (f" ({', '.join(sorted(one.aliases))})" if one.aliases else "")
            for name, one in sorted(known.items())
        )
        name = specification.name.replace("ansible.builtin.", "ansible.legacy.")
        yield (f"Unsupported parameters for ({name}) module: {', '.join(unknown)}. "
               f"Supported parameters include: {supported}.")
