"""Pods are placed by what they request, measured, and multiplied by what they use."""

from __future__ import annotations

from typing import Any

from clusterbook.cluster.acceptance import objects
from clusterbook.cluster.acceptance.space import Space, until
from clusterbook.cluster.kube import Kubectl

BUSY = "trap 'exit 0' TERM; while :; do :; done"


def test_a_deployment_is_scaled_up_by_its_cpu_use(space: Space) -> None:
    resources = {"requests": {"cpu": "10m", "memory": "8Mi"}, "limits": {"cpu": "60m"}}
    busy = {**objects.container(space.images.busybox, "sh", "-c", BUSY), "resources": resources}
    metric = {
        "type": "Resource",
        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}},
    }
    spec = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "busy"},
        "minReplicas": 1,
        "maxReplicas": 2,
        "metrics": [metric],
    }
    space.apply(
        objects.deployment("busy", busy),
        {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "busy"}, "spec": spec},
    )
    until(lambda: len(space.pods("busy")) == 2, "a second pod", 180)
    status = space.kubectl.json("get", "horizontalpodautoscaler", "busy")["status"]
    assert status["currentMetrics"][0]["resource"]["current"]["averageUtilization"] > 50


def test_top_shows_the_use_of_nodes_and_pods(kubectl: Kubectl, nodes: dict[str, str]) -> None:
    def measured() -> Any:
        lines = [line.split() for line in kubectl.run("top", "nodes", "--no-headers").splitlines()]
        complete = {line[0] for line in lines if len(line) >= 5 and line[1].endswith("m")}
        return complete == set(nodes)

    until(measured, "figures of every node", 120)
    pods = kubectl.run("top", "pods", "--namespace=kube-system", "--no-headers").splitlines()
    assert any(line.startswith("coredns-") for line in pods)


def test_a_pod_that_requests_more_than_any_node_has_is_not_placed_and_says_why(space: Space) -> None:
    huge = {"requests": {"cpu": "4k"}}
    space.apply(objects.pod("huge", {**objects.container(space.images.busybox, "true"), "resources": huge}))
    message = "--output=jsonpath={.status.conditions[?(@.type=='PodScheduled')].message}"
    words = until(lambda: space.kubectl.run("get", "pod", "huge", message), "the scheduler's reason")
    assert "Insufficient cpu" in words
    assert space.kubectl.json("get", "pod", "huge")["status"]["phase"] == "Pending"


def test_pods_go_where_their_requests_still_fit(space: Space) -> None:
    """Two pods that each need more than half of a worker's free memory cannot share it."""
    room = min(free_memory(space.kubectl, node) for node in space.workers)
    large = {"requests": {"memory": str(room * 6 // 10)}}
    main = {**objects.container(space.images.busybox, "sh", "-c", objects.FOREVER), "resources": large}
    count = len(space.workers)
    space.apply(objects.deployment("large", main, replicas=count))
    space.ready("deployment/large")
    placed = sorted(item["spec"]["nodeName"] for item in space.pods("large"))
    assert placed == list(space.workers)


def free_memory(kubectl: Kubectl, node: str) -> int:
    """Bytes that are neither reserved nor requested by pods that are there now."""
    allocatable = number(kubectl.json("get", "node", node)["status"]["allocatable"]["memory"])
    pods = kubectl.json("get", "pods", "--all-namespaces", f"--field-selector=spec.nodeName={node}")["items"]
    containers = (each for item in pods for each in item["spec"]["containers"])
    taken = (number(each.get("resources", {}).get("requests", {}).get("memory", "0")) for each in containers)
    return allocatable - sum(taken)


def number(text: str) -> int:
    """Bytes of a quantity such as 8Mi."""
    units = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "k": 10**3, "M": 10**6, "G": 10**9}
    for unit, factor in units.items():
        if text.endswith(unit):
            return int(text.removesuffix(unit)) * factor
    return int(text)
