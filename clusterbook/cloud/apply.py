"""Carries a plan out: in the order of references, in parallel, the index saved after each resource."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace

from clusterbook.cloud import graph
from clusterbook.cloud.aws import RESOURCE_SECONDS, Cloud
from clusterbook.cloud.kinds import DELETION, KINDS
from clusterbook.cloud.kinds.contract import standard_tags
from clusterbook.cloud.model import Found, Wanted, differences, resolved
from clusterbook.cloud.plan import CloudPlan
from clusterbook.cloud.state import StateFile

# say(verb, key, detail): told of each resource when it is done.
Say = Callable[[str, str, str], None]


def apply(cloud: Cloud, plan: CloudPlan, state: StateFile, tags: Mapping[str, str], say: Say) -> graph.Outcome:
    """Create and change what the plan lists; what would have to be replaced or deleted is left alone.

    tags: a person's own, for every resource. What was made before an error or a kill is found again by its tags.
    """
    known = dict(plan.there)
    guard = threading.Lock()
    todo = {item.key: item for item in (*plan.create, *(change.wanted for change in plan.change))}
    kept = {change.wanted.key for change in plan.replace}

    def work(key: str) -> None:
        with guard:
            there = dict(known)
        generation = state.state.made.get(key, 0)
        wanted = replace(todo[key], fields=resolved(todo[key].fields, there), generation=generation)
        verb, found = _one(cloud.within(RESOURCE_SECONDS), wanted, there.get(key), tags)
        with guard:
            known[key] = found
        state.record(found)
        say(verb, key, found.id)

    outcome = graph.run({key: item.needs - kept for key, item in todo.items()}, work)
    for key in sorted(set(plan.there) - set(state.state.resources)):
        if plan.there[key].kind in KINDS:
            state.record(plan.there[key])
    return outcome


def _one(cloud: Cloud, wanted: Wanted, found: Found | None, tags: Mapping[str, str]) -> tuple[str, Found]:
    kind = KINDS[wanted.kind]
    if found is None:
        return "created", kind.create(cloud, wanted, standard_tags(cloud.cluster, wanted, tags))
    changed = [item.field for item in differences(wanted.fields, found.fields)]
    return "changed", kind.update(cloud, wanted, found, changed)


def remove(cloud: Cloud, resources: Mapping[str, Found], state: StateFile, say: Say) -> graph.Outcome:
    """Delete resources, kinds that use others first."""
    rows = {kind.NAME: number for number, row in enumerate(DELETION) for kind in row}
    needs = {
        key: frozenset(other for other, item in resources.items() if rows[item.kind] < rows[found.kind])
        for key, found in resources.items()
    }

    def work(key: str) -> None:
        KINDS[resources[key].kind].delete(cloud.within(RESOURCE_SECONDS), resources[key])
        state.forget(key)
        say("deleted", key, resources[key].id)

    return graph.run(needs, work)
