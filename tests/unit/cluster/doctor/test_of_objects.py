"""Each rule over objects names its cause, and nothing in a cluster that is well."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from clusterbook.cluster.doctor.causes import CAUSES, Diagnosis, in_order
from clusterbook.cluster.doctor.of_objects import Objects, diagnose

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
LONG_AGO, JUST_NOW = "2026-01-01T11:00:00Z", "2026-01-01T11:59:59Z"
SETTINGS = {"pod_cidr": "10.244.0.0/16"}


def named(kind: str, name: str, namespace: str = "", **rest: Any) -> dict[str, Any]:
    meta = {"name": name, "creationTimestamp": LONG_AGO, **rest.pop("metadata", {})}
    return {"kind": kind, "metadata": {**meta, **({"namespace": namespace} if namespace else {})}, **rest}


def node(conditions: dict[str, str] | None = None, version: str = "v1.37.2", **spec: Any) -> dict[str, Any]:
    said = [{"type": kind, "status": status, "message": f"{kind} it says"}
            for kind, status in {"Ready": "True", **(conditions or {})}.items()]  # fmt: skip
    return named("Node", "w-1", spec={"podCIDR": "10.244.1.0/24", **spec},
                 status={"conditions": said, "nodeInfo": {"kubeletVersion": version}})  # fmt: skip


def pod(state: dict[str, Any], ready: bool = False, last: dict[str, Any] | None = None, **rest: Any) -> dict[str, Any]:
    status = {"name": "web", "image": "shop:1", "state": state, "lastState": last or {}, "ready": ready,
              "restartCount": 4}  # fmt: skip
    return named("Pod", "shop-1", "default", spec={"nodeName": "w-1"}, status={"containerStatuses": [status]}, **rest)


def seen(*items: dict[str, Any]) -> list[Diagnosis]:
    return diagnose(Objects(items, "v1.37.2", SETTINGS, NOW))


def waiting(reason: str, message: str = "") -> dict[str, Any]:
    return {"waiting": {"reason": reason, "message": message}}


def hook(policy: str = "Fail") -> dict[str, Any]:
    webhook = {"name": "a.b.c", "failurePolicy": policy, "clientConfig": {"service": {"namespace": "x", "name": "y"}}}
    return named("ValidatingWebhookConfiguration", "guard", webhooks=[webhook])


def slices(service: str, namespace: str, *ready: bool) -> dict[str, Any]:
    labels = {"kubernetes.io/service-name": service}
    return named("EndpointSlice", f"{service}-abc", namespace, metadata={"labels": labels},
                 endpoints=[{"conditions": {"ready": each}} for each in ready])  # fmt: skip


def test_a_cluster_that_is_well_has_no_cause() -> None:
    running = pod({"running": {"startedAt": LONG_AGO}}, ready=True)
    dns = (named("Service", "kube-dns", "kube-system"), slices("kube-dns", "kube-system", True, False))
    assert seen(node(), running, *dns) == []


def test_what_is_on_its_way_is_not_told_of() -> None:
    claim = named("PersistentVolumeClaim", "data", "default", metadata={"creationTimestamp": JUST_NOW},
                  status={"phase": "Pending"})  # fmt: skip
    starting = pod({"running": {"startedAt": JUST_NOW}})
    going = pod({"running": {"startedAt": LONG_AGO}}, metadata={"deletionTimestamp": "2026-01-01T12:00:20Z"})
    request = named("CertificateSigningRequest", "csr-1", metadata={"creationTimestamp": JUST_NOW}, status={})
    assert seen(claim, starting, going, request, pod(waiting("ContainerCreating"))) == []


@pytest.mark.parametrize(
    ("items", "cause", "where", "told"),
    [
        ([node({"DiskPressure": "True"})], "node-pressure", "w-1", "DiskPressure: DiskPressure it says"),
        ([node({"Ready": "Unknown"})], "node-not-ready", "w-1", "Ready it says"),
        ([node(unschedulable=True)], "node-cordoned", "w-1", "it is cordoned"),
        ([node(version="v1.38.0")], "kubelet-newer", "w-1", "kubelet v1.38.0, API server v1.37.2"),
        ([node(podCIDR="10.1.0.0/24")], "pod-network-wrong", "w-1",
         "10.1.0.0/24 is not part of pod_cidr 10.244.0.0/16"),
        ([named("CertificateSigningRequest", "csr-1", spec={"username": "system:node:w-1"}, status={})],
         "request-not-approved", "system:node:w-1", "csr-1 waits"),
        ([named("Service", "kube-dns", "kube-system"), slices("kube-dns", "kube-system", False)], "dns-without-pods",
         "kube-system/kube-dns", "no address behind the service is ready"),
        ([hook()], "webhook-without-pods", "guard", "its service x/y is not there"),
        ([hook(), named("Service", "y", "x")], "webhook-without-pods", "guard",
         "its service x/y has no pod that is ready"),
        ([named("APIService", "v1.x", status={"conditions": [
            {"type": "Available", "status": "False", "message": "gone", "lastTransitionTime": LONG_AGO}]})],
         "api-service-down", "v1.x", "gone"),
        ([named("Namespace", "old", metadata={"deletionTimestamp": LONG_AGO}, status={"conditions": [
            {"type": "A", "status": "True", "message": "a finalizer"},
            {"type": "B", "status": "False", "message": "b"}]})],
         "namespace-stuck", "old", "a finalizer"),
        ([named("PersistentVolumeClaim", "data", "default", spec={"storageClassName": "fast"},
                status={"phase": "Pending"})],
         "volume-not-bound", "default/data", "it wants storage class 'fast'"),
        ([named("Pod", "shop-1", "default", spec={}, status={"conditions": [
            {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes",
             "lastTransitionTime": LONG_AGO}]})], "pod-unschedulable", "default/shop-1", "0/3 nodes"),
        ([pod(waiting("ImagePullBackOff", "not found"))], "image-not-pullable", "default/shop-1 web",
          "shop:1: not found"),
        ([pod(waiting("CreateContainerConfigError", "configmap \"a\" not found"))], "configuration-missing",
         "default/shop-1 web", "configmap \"a\" not found"),
        ([pod(waiting("CrashLoopBackOff"), last={"terminated": {"exitCode": 3, "reason": "Error"}})],
         "container-crashing", "default/shop-1 web", "exit status 3, 4 restarts"),
        ([pod({"terminated": {"exitCode": 3, "reason": "Error"}})], "container-crashing", "default/shop-1 web",
         "exit status 3, 4 restarts"),
        ([pod(waiting("CrashLoopBackOff"), last={"terminated": {"exitCode": 137, "reason": "OOMKilled"}})],
         "out-of-memory", "default/shop-1 web", "ended by the kernel, 4 restarts"),
        ([pod({"running": {"startedAt": LONG_AGO}})], "probe-failing", "default/shop-1 web",
         "it runs and its readiness probe fails"),
        ([pod({"running": {"startedAt": LONG_AGO}}, metadata={"deletionTimestamp": LONG_AGO})], "pod-stuck",
         "default/shop-1", "it should have ended; its node is w-1"),
        ([pod({}, metadata={"deletionTimestamp": LONG_AGO, "finalizers": ["a.b/c"]})], "pod-stuck", "default/shop-1",
         "it should have ended; it is held by a.b/c"),
    ],
)  # fmt: skip
def test_each_state_of_objects_has_its_cause(items: list[dict[str, Any]], cause: str, where: str, told: str) -> None:
    (found,) = seen(*items)
    assert (found.cause, found.where, found.seen) == (cause, where, told)
    assert found.next_step
    assert cause in CAUSES


def test_what_a_container_that_is_ready_went_through_before_is_not_told_of() -> None:
    before = {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}
    assert seen(pod({"running": {"startedAt": LONG_AGO}}, ready=True, last=before)) == []


def test_a_webhook_that_may_fail_or_is_answered_harms_nobody() -> None:
    assert seen(hook("Ignore")) == []
    assert seen(hook(), named("Service", "y", "x"), slices("y", "x", True)) == []


def test_the_more_fundamental_cause_comes_first_and_each_once() -> None:
    late, early = Diagnosis("container-crashing", "a", "", ""), Diagnosis("disk-full", "w-1", "", "")
    assert in_order([late, early, late]) == [early, late]
