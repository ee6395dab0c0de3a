"""What a module is made of and what it gives back.

A module file has NAME, KIND, DESCRIPTION, PARAMETERS and, by kind:
  state   observe(arguments, system) -> State, diff(arguments, state) -> [Change], apply(arguments, state, system),
          returns(arguments, before, after) -> dict; optionally difference(state, changes), the return key `diff`
  query   run(arguments, system) -> Outcome, reading only
  action  run(arguments, system) -> Outcome; optionally check(arguments, system) -> Outcome for check mode
It may add FREE_FORM (the parameter that takes text after the module's name), MUTUALLY_EXCLUSIVE, REQUIRED_TOGETHER,
REQUIRED_ONE_OF and REQUIRED_IF, each a tuple of tuples of parameter names; SUBJECT, the parameter that says what on the
host a step is about, where a prediction cannot show what it changes.
"""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional, Tuple

from clusterbook.errors import Failed
from clusterbook.records import dataclass, field

Arguments = Dict[str, Any]
State = Dict[str, Any]


@dataclass(frozen=True)
class Parameter:
    """One parameter. type: str bool int float list dict path raw; elements: the type of a list's items."""

    type: str
    description: str
    required: bool = False
    default: Any = None
    choices: Tuple[Any, ...] = ()
    elements: str = ""
    aliases: Tuple[str, ...] = ()
    secret: bool = False


@dataclass(frozen=True)
class Specification:
    """All that is needed to check a module's arguments before a host is touched."""

    name: str
    kind: str
    description: str
    parameters: Mapping[str, Parameter]
    free_form: str = ""
    mutually_exclusive: Tuple[Tuple[str, ...], ...] = ()
    required_together: Tuple[Tuple[str, ...], ...] = ()
    required_one_of: Tuple[Tuple[str, ...], ...] = ()
    required_if: Tuple[Tuple[str, Any, Tuple[str, ...]], ...] = ()
    open: bool = False  # takes any further key (set_fact, add_host)


@dataclass(frozen=True)
class Change:
    """One difference. before and after are plain values for people; None means absent."""

    what: str
    before: Any
    after: Any


@dataclass(frozen=True)
class Outcome:
    """What a step did. values: Ansible's return keys. unknown: check mode cannot tell whether it would change.

    parameter: the one whose value made it fail, where one did.
    """

    changed: bool = False
    values: Mapping[str, Any] = field(default_factory=dict)
    changes: Tuple[Change, ...] = ()
    failed: bool = False
    message: str = ""
    next_step: str = ""
    unknown: bool = False
    skipped: bool = False
    parameter: str = ""


class ModuleFailed(Failed):
    """A module could not do its work. values: return keys that are known so far (rc, stdout …)."""

    def __init__(
        self, message: str, values: Optional[Mapping[str, Any]] = None, next_step: str = "", parameter: str = ""
    ) -> None:
        """message: what is wrong with the value; next_step: one imperative sentence; parameter: whose value it is."""
        super().__init__(message, next_step=next_step)
        self.values: Mapping[str, Any] = values or {}
        self.parameter = parameter


class Unknown(Exception):
    """Check mode cannot tell: the answer depends on a step that has not been applied. reason: a short clause."""

    def __init__(self, reason: str) -> None:
        """reason: shown to the person, e.g. "package keepalived is not installed yet"."""
        super().__init__(reason)
        self.reason = reason
