"""A used cluster is upgraded, workers in batches: disruption budgets hold.

Run by `make full`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from clusterbook.cluster.acceptance import objects
from clusterbook.cluster.artifacts.catalog import load as load_catalog
from clusterbook.lab import record
from tests.lab.asking import as_root
from tests.lab.conftest import Cluster
from tests.lab.forms import booted, is_well
from tests.lab.probing import GRACE, LEAVING, failed, paged, probed, ready_pods
from tests.lab.test_upgrade import PAGE_HOST, versions, went_back, without_version

pytestmark = pytest.mark.skipif("CLUSTERBOOK_FULL" not in os.environ, reason="a long form: make full")
PLANES, WORKERS = ("cp-1", "cp-2", "cp-3"), ("w-1", "w-2", "w-3")
EMPTIED, NEXT = "Ensure its pods are elsewhere", "Look at the nodes"


@dataclass(frozen=True)
class Change:
    """From one version to another."""

    old: str
    new: str

    def at(self, *new: str) -> dict[str, str]:
        """Versions where these nodes have the new one."""
        return {name: f"v{self.new if name in new else self.old}" for name in (*PLANES, *WORKERS)}


def use(form: Cluster, least: int) -> None:
    """Three pods, one on each worker, that are slow to become ready, and a budget: so many must always be."""
    server = objects.server(load_catalog().image("agnhost").reference, lifecycle=LEAVING)
    server["readinessProbe"]["initialDelaySeconds"] = 6
    (term,) = objects.apart("page")["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    rather = {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "podAffinityTerm": term}]}
    spec = {"affinity": {"podAntiAffinity": rather}, **GRACE}
    budget = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "page"},
              "spec": {"minAvailable": least, "selector": {"matchLabels": {"app": "page"}}}}  # fmt: skip
    pages = objects.deployment("page", server, replicas=3, pod=spec)
    form.apply(pages, budget)
    form.kubectl("rollout", "status", "deployment/page", "--timeout=120s")


def pods(form: Cluster) -> dict[str, str]:
    """The workload's pods that are not leaving: the unchanging id and the node of each."""
    found = json.loads(form.kubectl("get", "pods", "--selector=app=page", "--output=json"))["items"]
    return {one["metadata"]["uid"]: one["spec"]["nodeName"] for one in found
            if "deletionTimestamp" not in one["metadata"]}  # fmt: skip


def closed(form: Cluster) -> str:
    """Nodes that take no pods."""
    return form.kubectl("get", "nodes", "--output=jsonpath={.items[?(@.spec.unschedulable)].metadata.name}")


def times(events: list[dict[str, Any]], step: str) -> dict[str, tuple[float, float]]:
    """When a step began and ended on each host where it was done."""
    found = [one for one in events if one["type"] == "result" and one["name"] == step and one["status"] != "skipped"]
    return {one["host"]: (one["time"] - one["seconds"], one["time"]) for one in found}


def refused_evictions(form: Cluster) -> int:
    """Evictions that API servers refused because of a budget, as their audit logs tell."""
    look = """grep '"subresource":"eviction"' /var/log/kubernetes/audit.log | grep --count '"code":429' || true"""
    return sum(int(as_root(record.read_spec(form.name), name, look)) for name in PLANES)


@contextmanager
def never_fewer_than(form: Cluster, least: int) -> Iterator[None]:
    """So many pods of the workload are ready all the time."""
    with ready_pods(form, "page") as ready:
        yield
    assert min(ready) >= least, ready


def raised(form: Cluster, change: Change) -> None:
    """The cluster with the old version, in use."""
    form.on("mirror", "--start", "--kubernetes-version", change.old)
    form.on("provision")
    without_version(form)
    form.on("mirror", "--start", "--kubernetes-version", change.new)
    form.on("validate-cluster", "--wait", "5m")


def a_budget_that_allows_nothing(form: Cluster, change: Change) -> None:
    """The hosts of the first batch go back, their pods are left alone, and the next batch is not begun."""
    use(form, least=3)
    before = pods(form)
    assert sorted(before.values()) == list(WORKERS)
    with never_fewer_than(form, 3):
        told = form.on(
            "upgrade", "--to", change.new, "--workers-at-a-time", "2", "--drain-seconds", "40", "--json", expect=1
        )
    reasons = went_back(told)
    assert sorted(reasons) == ["w-1", "w-2"]
    assert all("would violate the pod's disruption budget" in reason for reason in reasons.values())
    assert sorted(times(told.events(), NEXT)) == [*PLANES, "w-1", "w-2"]
    assert (pods(form), versions(form), closed(form)) == (before, change.at(*PLANES), "")


def a_budget_that_both_at_once_would_break(form: Cluster, change: Change) -> None:
    """Both are emptied together, one pod waits for the other; a pod that nobody would make anew is not deleted."""
    use(form, least=2)
    image = load_catalog().image("agnhost").reference
    form.apply(objects.pod("alone", objects.container(image, "/agnhost", "pause"), **objects.on("w-3")))
    form.kubectl("wait", "pod/alone", "--for=condition=Ready", "--timeout=60s")
    before = refused_evictions(form)
    with never_fewer_than(form, 2):
        told = form.on("upgrade", "--to", change.new, "--workers-at-a-time", "2", "--json", expect=1)
    emptied = times(told.events(), EMPTIED)
    assert max(emptied[name][0] for name in ("w-1", "w-2")) < min(emptied[name][1] for name in ("w-1", "w-2"))
    assert max(emptied[name][1] for name in ("w-1", "w-2")) < times(told.events(), NEXT)["w-3"][0]
    assert refused_evictions(form) > before
    reasons = went_back(told)
    assert list(reasons) == ["w-3"] and "default/alone" in reasons["w-3"]
    assert (versions(form), closed(form)) == (change.at(*PLANES, "w-1", "w-2"), "")
    form.kubectl("get", "pod", "alone")


def the_last_worker(form: Cluster, change: Change) -> None:
    """The same command goes on when that pod is gone. A node that somebody had closed stays closed."""
    form.kubectl("delete", "pod", "alone")
    form.kubectl("cordon", "w-3")
    with never_fewer_than(form, 2):
        form.on("upgrade", "--to", change.new, "--workers-at-a-time", "2")
    assert (versions(form), closed(form)) == (change.at(*change.at()), "w-3")
    assert "w-3" not in pods(form).values()
    form.kubectl("uncordon", "w-3")


@pytest.mark.parametrize("change", [Change("1.36.3", "1.37.2"), Change("1.36.1", "1.36.3")], ids=lambda one: one.old)
def test_an_upgrade_in_batches_breaks_no_budget_and_is_not_noticed(
    change: Change, tmp_path: Path, clusters: Any
) -> None:
    form = f"three control planes and three workers, of {change.old}"
    with booted(form, tmp_path, clusters, "patch", "10.74.0") as one:
        raised(one, change)
        with probed(one, paged(one, PAGE_HOST)) as records:
            for stage in (a_budget_that_allows_nothing, a_budget_that_both_at_once_would_break, the_last_worker):
                print(f"## {stage.__doc__}")
                stage(one, change)
        assert failed(records) == {}
        is_well(one)
