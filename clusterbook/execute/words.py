"""Answers to the calls of the local machine that expressions make on a host: lookups, and some filters and tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from clusterbook.compile.hostvars import other_host_names
from clusterbook.compile.plan import PlayPlan
from clusterbook.compile.reach import local_texts, texts
from clusterbook.execute.calls import LocalCalls, ScopeFor, call_key, plain_arguments
from clusterbook.execute.services import Services
from clusterbook.execute.session import Refusal
from clusterbook.inventory.patterns import match
from clusterbook.language.environment import ExpressionError
from clusterbook.language.filters.errors import FilterError
from clusterbook.language.local_words import COMPUTING_FILTERS
from clusterbook.language.lookups import LookupFailed
from clusterbook.language.program import Step
from clusterbook.language.values import encode
from clusterbook.lookups import LocalMachine, Secretive, Surroundings
from clusterbook.lookups.expressions import local_expressions
from clusterbook.lookups.places import find, inside
from clusterbook.model import Host, Inventory

# A play's variable: names of lookups, filters and tests that may be called with what hosts say; true for all.
ALLOWANCE = "clusterbook_lookups_with_values_of_hosts"
# These tell nothing that a play does not know.
_HARMLESS = ("inventory_hostnames", "config")
# A name that lies in the role's or the playbook's own directories may come from a host.
_OF_FILES = ("file", "fileglob", "first_found", "exists", "directory", "link", "link_exists")


class Words:
    """Answers one host's calls during one play."""

    def __init__(self, plan: PlayPlan, host: str, services: Services, scope: ScopeFor) -> None:
        """scope: see LocalCalls."""
        self._plan = plan
        self._host = host
        self._services = services
        self._scope = scope
        self._calls = LocalCalls(self._texts, scope)
        self._read: dict[str, None] = {}
        # The variables of other hosts that texts of files read.
        self.shared: frozenset[str] = frozenset()
        self._allowed: frozenset[str] | None = None

    def read(self, values: Mapping[str, Any]) -> None:
        """Variables of local files that became known during the run: their texts may make calls, too."""
        found = list(texts(values))
        self._read.update(dict.fromkeys(local_texts(found)))
        self.shared |= other_host_names(found)

    def renders(self, step: Step, name: str) -> bool:
        """Whether the play's own texts look up a template by that name."""
        return self._calls.names(step, "template", name, self._surroundings(step))

    def _texts(self) -> tuple[str, ...]:
        included = self._plan.expander.local_texts if self._plan.expander is not None else ()
        return (*self._plan.local_texts, *included, *self._read)

    def answer(self, step: Step, question: Mapping[str, Any]) -> dict[str, Any]:
        """{value, secret} or {failed}. Raises Refusal."""
        kind, name = str(question["of"]), str(question["word"])
        arguments, options = plain_arguments(question)
        surroundings = self._surroundings(step)
        call = call_key(kind, name, arguments, options)
        dynamic = not self._free(kind, name, arguments) and not self._calls.made_by(step, call, surroundings)
        if dynamic and not self._may(step, name, arguments, surroundings):
            raise Refusal(
                f"the {kind} {name!r} with values of a host is refused: what a host says does not choose what is read "
                f"or run on the local machine (the play may allow it: {ALLOWANCE}: [{name}])"
            )
        try:
            value = LocalMachine(surroundings)(kind, name, arguments, options)
        except (LookupFailed, FilterError) as failure:
            return {"failed": getattr(failure, "message", str(failure))}
        except (TypeError, ValueError) as failure:
            return {"failed": f"the {kind} {name!r} cannot be used so: {failure}"}
        secret = isinstance(value, Secretive)
        if secret and dynamic:
            raise Refusal(f"the {kind} {name!r} gives a secret, which a name that comes from a host never does")
        self._calls.remember(call, value)
        return {"value": encode(value), "secret": secret}

    def _free(self, kind: str, name: str, arguments: Sequence[Any]) -> bool:
        """Whether a host may ask for it with anything; a regular expression could keep this machine busy for ever."""
        if kind == "lookup" and "~" in repr(arguments):
            return False
        return (kind == "filter" and name in COMPUTING_FILTERS) or (kind == "lookup" and name in _HARMLESS)

    def _may(self, step: Step, name: str, arguments: Sequence[Any], surroundings: Surroundings) -> bool:
        """Whether a call with values of a host is answered all the same."""
        allowed = self._allowances(step)
        return name in allowed or "*" in allowed or (name in _OF_FILES and _own_files(arguments, surroundings))

    def _allowances(self, step: Step) -> frozenset[str]:
        if self._allowed is None:
            expressions = local_expressions()
            try:
                found = self._scope(step, {}, expressions).resolve(ALLOWANCE)
            except ExpressionError:
                found = None
            connection = self._plan.hosts[self._host].variables.get("ansible_connection")
            here = connection in ("local", "ansible.builtin.local")
            every = ["*"] if here or found is True else []
            self._allowed = frozenset([*every, *(found if isinstance(found, (list, tuple)) else [])])
        return self._allowed

    def _surroundings(self, step: Step) -> Surroundings:
        growing = self._plan.growing
        groups = self._plan.program.magic.get("groups", {}) if growing is None else growing.inventory.groups
        names = {name: Host(name, (), {}) for name in groups.get("all", ())}
        inventory = Inventory(names, {group: tuple(members) for group, members in groups.items()})
        folder = {"ansible.builtin.template": "templates", "ansible.builtin.include_vars": "vars"}
        return Surroundings(
            bases=self._plan.steps[step.id].bases,
            hosts=lambda pattern: match(inventory, pattern),
            decrypt=self._services.decrypt,
            folder=folder.get(step.module, "files"),
            check=self._plan.program.check,
        )


def _own_files(arguments: Sequence[Any], surroundings: Surroundings) -> bool:
    """Whether every name lies in the directories of the role or the playbook."""
    names = [name for part in arguments for name in (part if isinstance(part, list) else [part])]
    places = surroundings.places("files")
    for name in names:
        if not isinstance(name, str) or ".." in Path(name).parts:
            return False
        path = find(name, places) or (None if Path(name).is_absolute() else Path(places[0]) / name)
        if path is None or not inside(path, places):
            return False
    return bool(names)
