"""Evaluates policies of IAM as its reference says: an explicit deny wins, then any allow; else denied."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Asked:
    """One question to IAM: may this action be done to this resource? context: condition key -> value."""

    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict)


def asked(
    action: str, resource: str = "*", request: Mapping[str, str] | None = None,
    tags: Mapping[str, str] | None = None, **context: str,
) -> Asked:  # fmt: skip
    """request: tags that the request sets; tags: those that the resource has; context: with _ for a colon."""
    found = {name.replace("_", ":", 1): value for name, value in context.items()}
    found |= {f"aws:RequestTag/{name}": value for name, value in (request or {}).items()}
    found |= {f"aws:ResourceTag/{name}": value for name, value in (tags or {}).items()}
    return Asked(action, resource, found)


def allowed(documents: Iterable[Mapping[str, Any]], question: Asked) -> bool:
    """Whether the policies together allow it."""
    effects = {statement["Effect"] for document in documents for statement in document["Statement"]
               if _fits(statement, question)}  # fmt: skip
    return "Allow" in effects and "Deny" not in effects


def _fits(statement: Mapping[str, Any], question: Asked) -> bool:
    assert set(statement) <= {"Sid", "Effect", "Action", "Resource", "Condition"}, statement
    return (
        any(_like(question.action.lower(), pattern.lower()) for pattern in _list(statement["Action"]))
        and any(_like(question.resource, pattern) for pattern in _list(statement["Resource"]))
        and all(_holds(operator, keys, question.context) for operator, keys in statement.get("Condition", {}).items())
    )


def _holds(operator: str, keys: Mapping[str, Any], context: Mapping[str, str]) -> bool:
    base = operator.removesuffix("IfExists")
    tests = {"StringEquals": lambda value, wish: value == wish, "StringLike": _like}
    for key, wishes in keys.items():
        if key not in context:
            if base == operator:
                return False
        elif not any(tests[base](context[key], wish) for wish in _list(wishes)):
            return False
    return True


def _like(value: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(value, pattern.replace("[", "[[]"))


def _list(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
