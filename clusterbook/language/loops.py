"""The items of a loop and what each of them lets a step see."""

from __future__ import annotations

from typing import Any, Callable, Mapping, Sequence

from clusterbook.language.calls import truth
from clusterbook.language.environment import ExpressionError, UndefinedName
from clusterbook.language.lookups import Lookups
from clusterbook.language.program import Loop, Parts, Step
from clusterbook.language.scope import Scope
from clusterbook.records import replace


def loop_items(loop: Loop, scope: Scope, lookups: Lookups) -> list[Any]:
    """The items of `loop`, which is a list, or of `with_NAME`, whose value a lookup is given."""
    if loop.kind == "first_found" and isinstance(loop.items, (list, tuple)):
        return lookups.values(loop.kind, _defined_ones(loop.items, scope), {}, scope.resolve)
    items = scope.evaluate(loop.items)
    if loop.kind != "loop":
        terms = list(items) if isinstance(items, (list, tuple)) else [items]
        return lookups.values(loop.kind, terms, {}, scope.resolve)
    if isinstance(items, (str, dict)) or not hasattr(items, "__iter__"):
        raise ExpressionError(f"loop needs a list, got {type(items).__name__}")
    return list(items)


def _defined_ones(items: Sequence[Any], scope: Scope) -> list[Any]:
    """Of the names of first_found those that can be evaluated: the others are for hosts that know more."""
    found = []
    for item in items:
        try:
            found.append(scope.evaluate(item))
        except UndefinedName:
            continue
    return found


def named_loop(loop: Loop, scope: Scope) -> Loop:
    """The loop with the names in its loop_control evaluated."""
    variable, index = scope.evaluate([loop.variable, loop.index_variable])
    return replace(loop, variable=str(variable), index_variable=index, extended=truth(scope, loop.extended),
                   all_items=truth(scope, loop.all_items))


def loop_variables(loop: Any, items: list[Any], index: int) -> dict[str, Any]:
    """The names that a step sees for one item."""
    extra: dict[str, Any] = {loop.variable: items[index], "ansible_loop_var": loop.variable}
    if loop.index_variable:
        extra.update({loop.index_variable: index, "ansible_index_var": loop.index_variable})
    if loop.extended:
        length = len(items)
        extra["ansible_loop"] = {
            **({"allitems": items} if loop.all_items else {}),
            "index": index + 1, "index0": index, "revindex": length - index,
            "revindex0": length - index - 1, "first": index == 0, "last": index == length - 1, "length": length,
            **({"previtem": items[index - 1]} if index else {}),
            **({"nextitem": items[index + 1]} if index + 1 < length else {}),
        }
    return extra


def with_item(part: Any, extra: Mapping[str, Any]) -> Any:
    """The steps of an include, each with the variables of the include's item.

    They are above what the include itself sets, and below what an include within it does.
    """
    if isinstance(part, Step):
        place = len(part.parameters)
        return with_parameters(part, lambda own: (*own[:place], dict(extra), *own[place:]))
    if hasattr(part, "rescue"):
        return _in_parts(part, lambda inner: with_item(inner, extra))
    return part


def with_parameters(part: Any, change: Callable[[Parts], Parts]) -> Any:
    """The steps with other parameters, made of their own, also within includes."""
    if isinstance(part, Step):
        body = tuple(with_parameters(inner, change) for inner in part.body) if part.body is not None else None
        return replace(part, parameters=change(part.parameters), body=body)
    if hasattr(part, "rescue"):
        return _in_parts(part, lambda inner: with_parameters(inner, change))
    return part


def _in_parts(part: Any, change: Callable[[Any], Any]) -> Any:
    names = ("body", "rescue", "always")
    return replace(part, **{name: tuple(change(inner) for inner in getattr(part, name)) for name in names})
