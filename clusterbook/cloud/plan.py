"""What is wanted against what is there: what would be made, changed, replaced and deleted."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

from clusterbook.cloud.aws import Cloud
from clusterbook.cloud.kinds import KINDS
from clusterbook.cloud.model import Difference, Found, Wanted, differences, resolved
from clusterbook.errors import Failed


@dataclass(frozen=True)
class Change:
    """One resource that is there and not as wanted. fixed: fields for which it would have to be made anew."""

    wanted: Wanted
    found: Found
    differences: tuple[Difference, ...]

    @property
    def fixed(self) -> tuple[str, ...]:
        """Fields that cannot be changed on it."""
        return tuple(item.field for item in self.differences if item.field in KINDS[self.wanted.kind].FIXED)


@dataclass(frozen=True)
class CloudPlan:
    """The way from what is there to what is wanted. surplus: ours, and wanted no more."""

    create: tuple[Wanted, ...]
    change: tuple[Change, ...]
    replace: tuple[Change, ...]
    surplus: tuple[Found, ...]
    there: Mapping[str, Found]
    wanted: Mapping[str, Wanted]

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.create or self.change or self.replace or self.surplus)

    @property
    def digest(self) -> str:
        """A fingerprint of everything that the plan rests on: a saved one is only good while it is the same."""
        basis = {
            "wanted": {key: repr(item) for key, item in sorted(self.wanted.items())},
            "there": {key: asdict(item) for key, item in sorted(self.there.items())},
        }
        return hashlib.sha256(json.dumps(basis, sort_keys=True, default=str).encode()).hexdigest()


def survey(cloud: Cloud) -> dict[str, Found]:
    """Every resource of the cluster by its key, all kinds asked at the same time; reads only."""
    with ThreadPoolExecutor(len(KINDS)) as pool:
        lists = list(pool.map(lambda kind: kind.listing(cloud), KINDS.values()))
    there: dict[str, Found] = {}
    for item in (item for found in lists for item in found):
        if item.key in there and there[item.key].id != item.id:
            raise Failed(
                f"two resources say that they are {item.key}: {there[item.key].id} and {item.id}",
                next_step="Delete the one that is not in use; clusterbook does not guess.",
            )
        there[item.key] = item
    return there


def compare(wanted: Sequence[Wanted], there: Mapping[str, Found]) -> CloudPlan:
    """Pure: nothing is asked."""
    create: list[Wanted] = []
    change: list[Change] = []
    replace: list[Change] = []
    for item in wanted:
        found = there.get(item.key)
        if found is None:
            create.append(item)
            continue
        different = tuple(differences(resolved(item.fields, there), found.fields))
        if different:
            entry = Change(item, found, different)
            (replace if entry.fixed else change).append(entry)
    names = {item.key for item in wanted}
    # What is of no kind of ours is an existing VPC that the cluster is put into.
    surplus = tuple(found for key, found in sorted(there.items()) if key not in names and found.kind in KINDS)
    by_key = {item.key: item for item in wanted}
    return CloudPlan(tuple(create), tuple(change), tuple(replace), surplus, there, by_key)


def as_data(plan: CloudPlan) -> dict[str, Any]:
    """The plan for machines."""
    return {
        "create": [{"kind": item.kind, "name": item.name, "fields": shown(item.fields)} for item in plan.create],
        "change": [_change(item) for item in plan.change],
        "replace": [{**_change(item), "because": list(item.fixed)} for item in plan.replace],
        "delete": [{"kind": item.kind, "name": item.name, "id": item.id} for item in plan.surplus],
        "digest": plan.digest,
    }


def shown(value: Any) -> Any:
    """A value of fields as JSON data: references by their names."""
    if isinstance(value, Mapping):
        return {name: shown(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [shown(item) for item in value]
    return value if isinstance(value, str | int | bool | float) or value is None else str(value)


def _change(item: Change) -> dict[str, Any]:
    fields = {one.field: {"before": shown(one.before), "after": shown(one.after)} for one in item.differences}
    return {"kind": item.wanted.kind, "name": item.wanted.name, "id": item.found.id, "fields": fields}
