"""Every certificate that a role puts on a host is one that `certs` looks at."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jinja2
import yaml

from clusterbook.cluster.certificates import COPIES, PLACES

ROLES = Path(__file__).parents[2] / "roles"
LISTED = {(place.path, place.authority) for place in PLACES}


def _tasks(tasks: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for task in tasks:
        yield task
        for part in ("block", "rescue", "always"):
            yield from _tasks(task.get(part, []))


def _every_task() -> Iterator[dict[str, Any]]:
    for path in sorted(ROLES.glob("*/tasks/*.yml")):
        yield from _tasks(yaml.safe_load(path.read_text()) or [])


def _rendered(task: dict[str, Any], text: str) -> set[str]:
    template = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False).from_string(text)
    return {template.render(item=item) for item in task.get("loop", [None])}


def test_every_certificate_task_is_covered_with_the_authority_that_it_names() -> None:
    tasks = [task for task in _every_task() if "certificate" in task]
    assert len(tasks) >= 10
    wanted = set()
    for task in tasks:
        rule = task["certificate"]
        joined = _rendered(task, f"{rule['path']}\n{rule['authority']}")
        wanted |= {tuple(text.split("\n")) for text in joined}
    assert wanted <= LISTED
    signed = {pair for pair in LISTED if pair[1] in ("cluster", "etcd", "front_proxy")}
    assert signed <= wanted, "PLACES names a file that no role makes"


def test_every_copy_of_an_authority_is_covered() -> None:
    found = set()
    for task in _every_task():
        rule = task.get("ansible.builtin.copy", {})
        for item in task.get("loop", [{}]):
            content = item["content"] if item and "item.content" in rule.get("content", "") else rule.get("content", "")
            if content.rstrip(" }").endswith("ca_certificate"):
                found |= _rendered({"loop": [item]}, rule["dest"])
    assert len(found) >= 5
    assert found == {place.path for place in PLACES if place.authority == COPIES}
