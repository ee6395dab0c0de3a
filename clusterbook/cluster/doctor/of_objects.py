"""Rules over the objects of the API: pure, each yields what it finds."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from clusterbook.cluster.doctor.causes import Diagnosis
from clusterbook.cluster.health import PATIENCE, short_of
from clusterbook.cluster.skew import parsed

KINDS = ("nodes", "pods", "services", "endpointslices", "persistentvolumeclaims", "namespaces",
         "certificatesigningrequests", "apiservices", "validatingwebhookconfigurations",
         "mutatingwebhookconfigurations")  # fmt: skip
RESTARTS = 3
"""A container that failed so often, and last, is told of also in the moments in which it is not held back."""
_PULL = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable")
_CONFIGURATION = ("CreateContainerConfigError", "CreateContainerError")
_SHOWN = 240
Object = Mapping[str, Any]


@dataclass(frozen=True)
class Objects:
    """What the API holds. items: of KINDS; server_version: such as v1.37.2; settings: cluster.yaml, complete."""

    items: Sequence[Object]
    server_version: str
    settings: Mapping[str, Any]
    now: datetime

    def of(self, kind: str) -> list[Object]:
        """The objects of a kind."""
        return [one for one in self.items if one["kind"] == kind]

    def ready_behind(self, namespace: str, service: str) -> int | None:
        """How many addresses behind a service are ready; None when there is no such service."""
        if not any(_name(one) == f"{namespace}/{service}" for one in self.of("Service")):
            return None
        slices = [one for one in self.of("EndpointSlice") if one["metadata"]["namespace"] == namespace
                  and one["metadata"].get("labels", {}).get("kubernetes.io/service-name") == service]  # fmt: skip
        return sum(bool(each.get("conditions", {}).get("ready")) for one in slices for each in one["endpoints"] or ())

    def older(self, time: str | None) -> bool:
        """Whether an object's time is longer ago than what is on its way takes."""
        return time is not None and self.now - datetime.fromisoformat(time) > PATIENCE


def _nodes(seen: Objects) -> Iterator[Diagnosis]:
    for one in seen.of("Node"):
        name, status = one["metadata"]["name"], one.get("status", {})
        conditions = {each["type"]: each for each in status.get("conditions", ())}
        look = f"Look at: invoke kubectl -- describe node {name}"
        for kind in short_of(conditions):
            yield Diagnosis("node-pressure", name, f"{kind}: {conditions[kind].get('message', '')}"[:_SHOWN], look)
        ready = conditions.get("Ready", {})
        if ready.get("status") != "True":
            yield Diagnosis("node-not-ready", name, str(ready.get("message") or "it has said nothing yet")[:_SHOWN],
                            f"Look at: invoke ssh {name} -- sudo journalctl -u kubelet -n 50")  # fmt: skip
        if one.get("spec", {}).get("unschedulable"):
            yield Diagnosis("node-cordoned", name, "it is cordoned",
                            f"If nobody works on it: invoke kubectl -- uncordon {name}")  # fmt: skip
        yield from _version(name, str(status.get("nodeInfo", {}).get("kubeletVersion", "")), seen.server_version)
        yield from _pod_network(name, str(one.get("spec", {}).get("podCIDR") or ""), seen.settings)


def _version(node: str, kubelet: str, server: str) -> Iterator[Diagnosis]:
    """A kubelet must not be newer than its API server: the version skew policy of Kubernetes."""
    if _minor(kubelet) > _minor(server) > (0, 0):
        yield Diagnosis("kubelet-newer", node, f"kubelet {kubelet}, API server {server}",
                        "Bring the control planes to that version first")  # fmt: skip


def _minor(version: str) -> tuple[int, int]:
    """(0, 0) for what is no version."""
    try:
        return parsed(version)[:2]
    except ValueError:
        return 0, 0


def _pod_network(node: str, given: str, settings: Mapping[str, Any]) -> Iterator[Diagnosis]:
    whole = ipaddress.ip_network(settings["pod_cidr"], strict=False)
    if given and not _inside(ipaddress.ip_network(given), whole):
        yield Diagnosis("pod-network-wrong", node, f"{given} is not part of pod_cidr {whole}",
                        f"Let it join anew: invoke replace-node {node}")  # fmt: skip


def _inside(part: Any, whole: Any) -> bool:
    return bool(part.version == whole.version and part.subnet_of(whole))


def _requests(seen: Objects) -> Iterator[Diagnosis]:
    for one in seen.of("CertificateSigningRequest"):
        if not one.get("status", {}).get("conditions") and seen.older(one["metadata"].get("creationTimestamp")):
            user = one.get("spec", {}).get("username", "?")
            step = "Look at the approver on control planes: sudo journalctl -u clusterbook-csr-approver -n 20"
            yield Diagnosis("request-not-approved", user, f"{one['metadata']['name']} waits", step)


def _dns(seen: Objects) -> Iterator[Diagnosis]:
    if seen.ready_behind("kube-system", "kube-dns") == 0:
        yield Diagnosis("dns-without-pods", "kube-system/kube-dns", "no address behind the service is ready",
                        "Look at: invoke kubectl -- -n kube-system describe pods -l k8s-app=kube-dns")  # fmt: skip


def _webhooks(seen: Objects) -> Iterator[Diagnosis]:
    for kind in ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"):
        for one in seen.of(kind):
            for hook in one.get("webhooks", ()):
                service = hook.get("clientConfig", {}).get("service")
                if service and hook.get("failurePolicy", "Fail") == "Fail":
                    yield from _webhook(seen, kind, one["metadata"]["name"], service)


def _webhook(seen: Objects, kind: str, name: str, service: Mapping[str, Any]) -> Iterator[Diagnosis]:
    ready = seen.ready_behind(service["namespace"], service["name"])
    if not ready:
        why = "is not there" if ready is None else "has no pod that is ready"
        yield Diagnosis("webhook-without-pods", name, f"its service {service['namespace']}/{service['name']} {why}",
                        f"Bring that program back, or: invoke kubectl -- delete {kind.lower()} {name}")  # fmt: skip


def _api_services(seen: Objects) -> Iterator[Diagnosis]:
    for one in seen.of("APIService"):
        for each in one.get("status", {}).get("conditions", ()):
            if each["type"] == "Available" and each["status"] != "True" and seen.older(each.get("lastTransitionTime")):
                name = one["metadata"]["name"]
                step = f"Look at: invoke kubectl -- describe apiservice {name}"
                yield Diagnosis("api-service-down", name, str(each.get("message", ""))[:_SHOWN], step)


def _namespaces(seen: Objects) -> Iterator[Diagnosis]:
    for one in seen.of("Namespace"):
        if not seen.older(one["metadata"].get("deletionTimestamp")):
            continue
        told = [each.get("message", "") for each in one.get("status", {}).get("conditions", ())
                if each.get("status") == "True"]  # fmt: skip
        name = one["metadata"]["name"]
        yield Diagnosis("namespace-stuck", name, "; ".join(told)[:_SHOWN] or "it is being removed",
                        "Bring back who removes those objects, or take their finalizers away")  # fmt: skip


def _claims(seen: Objects) -> Iterator[Diagnosis]:
    for one in seen.of("PersistentVolumeClaim"):
        if one.get("status", {}).get("phase") == "Pending" and seen.older(one["metadata"].get("creationTimestamp")):
            name = one.get("spec", {}).get("storageClassName")
            told = f"it wants storage class {name!r}" if name else "it names no storage class, and none is the default"
            yield Diagnosis("volume-not-bound", _name(one), told, f"Look at: {_kubectl(one, 'describe', 'pvc')}")


def _pods(seen: Objects) -> Iterator[Diagnosis]:
    for one in seen.of("Pod"):
        if one["metadata"].get("deletionTimestamp"):
            if seen.older(one["metadata"]["deletionTimestamp"]):
                node = one["spec"].get("nodeName", "?")
                held = ", ".join(one["metadata"].get("finalizers", ()))
                step = (f"Bring back who takes {held} away, or take it away" if held else
                        f"Look at its kubelet: invoke ssh {node} -- sudo journalctl -u kubelet -n 50")  # fmt: skip
                told = f"it should have ended; {f'it is held by {held}' if held else f'its node is {node}'}"
                yield Diagnosis("pod-stuck", _name(one), told, step)
            continue
        if one.get("status", {}).get("phase") == "Succeeded":
            continue
        yield from _unscheduled(seen, one)
        status = one.get("status", {})
        for each in (*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())):
            yield from _container(seen, one, each)


def _unscheduled(seen: Objects, pod: Object) -> Iterator[Diagnosis]:
    for each in pod.get("status", {}).get("conditions", ()):
        waits = each["type"] == "PodScheduled" and each["status"] == "False" and each.get("reason") == "Unschedulable"
        if waits and seen.older(each.get("lastTransitionTime")):
            yield Diagnosis("pod-unschedulable", _name(pod), str(each.get("message", ""))[:_SHOWN],
                            "Free or add what it asks for, or ask for less")  # fmt: skip


def _container(seen: Objects, pod: Object, container: Object) -> Iterator[Diagnosis]:
    if container.get("ready"):
        return
    name = f"{_name(pod)} {container['name']}"
    waiting = container.get("state", {}).get("waiting") or {}
    reason, message = waiting.get("reason", ""), str(waiting.get("message", ""))[:_SHOWN]
    ended = container.get("state", {}).get("terminated") or container.get("lastState", {}).get("terminated") or {}
    describe, restarts = f"Look at: {_kubectl(pod, 'describe', 'pod')}", f"{container.get('restartCount', 0)} restarts"
    if reason in _PULL:
        step = "Correct the image's name or tag, or let the node reach that registry and log in there"
        yield Diagnosis("image-not-pullable", name, f"{container.get('image')}: {message or reason}", step)
    elif reason in _CONFIGURATION:
        yield Diagnosis("configuration-missing", name, message or reason, describe)
    elif ended.get("reason") == "OOMKilled":
        step = "Raise its memory limit, or find what takes it"
        yield Diagnosis("out-of-memory", name, f"ended by the kernel, {restarts}", step)
    elif reason == "CrashLoopBackOff" or (ended.get("exitCode") and container.get("restartCount", 0) >= RESTARTS):
        step = f"Read why: {_kubectl(pod, 'logs')} -c {container['name']} --previous"
        yield Diagnosis("container-crashing", name, f"exit status {ended.get('exitCode', '?')}, {restarts}", step)
    elif _not_ready(seen, container):
        yield Diagnosis("probe-failing", name, "it runs and its readiness probe fails", describe)


def _not_ready(seen: Objects, container: Object) -> bool:
    running = container.get("state", {}).get("running") or {}
    return bool(running) and container.get("ready") is False and seen.older(running.get("startedAt"))


def _name(one: Object) -> str:
    return f"{one['metadata'].get('namespace', '')}/{one['metadata']['name']}"


def _kubectl(one: Object, *words: str) -> str:
    """A command about an object."""
    return f"invoke kubectl -- -n {one['metadata']['namespace']} {' '.join(words)} {one['metadata']['name']}"


_RULES: Sequence[Callable[[Objects], Iterator[Diagnosis]]] = (
    _nodes, _requests, _dns, _webhooks, _api_services, _namespaces, _claims, _pods,
)  # fmt: skip


def diagnose(seen: Objects) -> list[Diagnosis]:
    """All that the rules find."""
    return [one for rule in _RULES for one in rule(seen)]
