"""What nodes and pods use, made of what the API and metrics-server say."""

from __future__ import annotations

import json
from subprocess import CompletedProcess
from typing import Any

import pytest

from clusterbook.cluster import usage
from clusterbook.errors import Failed

MEBIBYTE = 2**20


class Api:
    """Answers as kubectl does. raw: what the metrics API says, or its error."""

    def __init__(self, raw: Any, pods: list[Any], nodes: list[Any] | None = None) -> None:
        self.raw, self.objects = raw, {"pods": pods, "nodes": nodes or []}

    def try_run(self, *words: str) -> CompletedProcess[str]:
        if isinstance(self.raw, str):
            return CompletedProcess(words, 1, "", self.raw)
        return CompletedProcess(words, 0, json.dumps({"items": self.raw}), "")

    def json(self, *words: str) -> Any:
        return {"items": self.objects[words[1]]}


def container(**resources: Any) -> dict[str, Any]:
    return {"name": "main", "resources": resources}


def pod(*containers: Any, name: str = "web", node: str = "w-1", phase: str = "Running", **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "shop"}, "status": {"phase": phase},
            "spec": {"containers": list(containers), "nodeName": node, **spec}}  # fmt: skip


def measured(name: str, cpu: str, memory: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "shop"}, "usage": {"cpu": cpu, "memory": memory},
            "containers": [{"name": "main", "usage": {"cpu": cpu, "memory": memory}}]}  # fmt: skip


@pytest.mark.parametrize(("kind", "text", "value"), [
    ("cpu", "250m", 250), ("cpu", "2", 2000), ("cpu", "0.5", 500), ("cpu", "1234567n", 2), ("cpu", "1500u", 2),
    ("cpu", "0", 0), ("memory", "64Mi", 64 * MEBIBYTE), ("memory", "1G", 10**9), ("memory", "128974848", 128974848),
    ("memory", "1e3", 1000), ("memory", "1.5Gi", 1536 * MEBIBYTE), ("memory", "100m", 1), ("memory", "2E", 2 * 10**18),
])  # fmt: skip
def test_every_form_of_a_quantity_is_read(kind: str, text: str, value: int) -> None:
    assert usage.amount(kind, text) == value


@pytest.mark.parametrize("text", ["", "1 Gi", "Mi", "1KiB", "0x10"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a quantity"):
        usage.amount("memory", text)


def test_containers_and_sidecars_add_up_and_a_larger_init_container_counts_instead() -> None:
    small = container(requests={"cpu": "100m", "memory": "10Mi"})
    sidecar = {**container(requests={"cpu": "50m"}), "restartPolicy": "Always"}
    before = container(requests={"cpu": "1"})
    assert usage.asked(pod(small, small), "requests") == {"cpu": 200, "memory": 20 * MEBIBYTE}
    assert usage.asked(pod(small, initContainers=[sidecar]), "requests")["cpu"] == 150
    assert usage.asked(pod(small, initContainers=[sidecar, before]), "requests")["cpu"] == 1050
    assert usage.asked(pod(small, initContainers=[before, sidecar]), "requests")["cpu"] == 1000


def test_what_the_pod_itself_asks_for_wins_and_its_overhead_is_added() -> None:
    asking = pod(container(requests={"cpu": "100m"}), resources={"requests": {"cpu": "1"}}, overhead={"cpu": "20m"})
    assert usage.asked(asking, "requests") == {"cpu": 1020}


def test_a_pod_has_a_limit_only_when_each_container_has_one_and_a_limit_is_also_a_request() -> None:
    limited, free = container(limits={"memory": "8Mi"}), container()
    assert usage.asked(pod(limited, free), "limits") == {}
    assert usage.asked(pod(limited, limited), "limits") == {"memory": 16 * MEBIBYTE}
    assert usage.asked(pod(limited), "requests") == {"memory": 8 * MEBIBYTE}


def test_a_node_is_asked_for_what_its_pods_that_live_ask_for() -> None:
    node = {"metadata": {"name": "w-1"}, "status": {"allocatable": {"cpu": "2", "memory": "1Gi"}}}
    asking = container(requests={"cpu": "100m"})
    pods = [pod(asking), pod(asking), pod(asking, node="w-2"), pod(asking, phase="Succeeded"), pod(asking, node="")]
    (seen,) = usage.nodes(Api([measured("w-1", "500m", "256Mi")], pods, [node]))  # type: ignore[arg-type]
    assert seen.requested == {"cpu": 200, "memory": 0}
    assert (seen.share("cpu"), seen.share("memory")) == (0.25, 0.25)


def test_a_pods_use_is_a_part_of_its_limit_or_else_of_its_request() -> None:
    pods = [pod(container(limits={"cpu": "1"}, requests={"cpu": "100m"}), name="limited"),
            pod(container(requests={"cpu": "100m"}), name="asking"), pod(container(), name="free")]  # fmt: skip
    found = usage.pods(Api([measured(name, "200m", "1Mi") for name in ("limited", "asking", "free")], pods))  # type: ignore[arg-type]
    assert {one.name: one.share("cpu") for one in found} == {"limited": 0.2, "asking": 2.0, "free": None}


def test_pods_are_in_the_order_asked_for_and_those_that_are_not_measured_come_last() -> None:
    pods = [pod(container(), name=name) for name in ("a", "b", "c")]
    found = usage.pods(Api([measured("a", "1m", "9Mi"), measured("b", "5m", "1Mi")], pods))  # type: ignore[arg-type]
    assert [[one.name for one in usage.in_order(found, kind)] for kind in ("", "cpu", "memory")] == [
        ["a", "b", "c"], ["b", "a", "c"], ["a", "b", "c"],
    ]  # fmt: skip


@pytest.mark.parametrize(("raw", "message", "next_step"), [
    ("Error from server (NotFound): the server could not find the requested resource", "has no metrics-server",
     "metrics_server: true"),
    ("Error from server (ServiceUnavailable): the server is currently unable to handle the request",
     "does not answer", "k8s-app=metrics-server"),
    ("error: You must be logged in to the server (Unauthorized)", "You must be logged in", "validate-cluster"),
    ([], "has not measured anything yet", "Ask again"),
])  # fmt: skip
def test_a_cluster_that_measures_nothing_says_why_and_what_to_do(raw: Any, message: str, next_step: str) -> None:
    with pytest.raises(Failed, match=message) as caught:
        usage.nodes(Api(raw, []))  # type: ignore[arg-type]
    assert next_step in caught.value.next_step
