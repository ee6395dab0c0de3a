"""How an application is: its objects as Kubernetes sees them, and in plain words what keeps it from working."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clusterbook.cluster.apps.app import NAME_LABEL, is_ours, selector
from clusterbook.cluster.kube import Kubectl
from clusterbook.errors import InvalidInput

# Reasons of a waiting container that do not go away by waiting.
PULL = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable")
BROKEN = ("CreateContainerConfigError", "CreateContainerError", "RunContainerError")
LAST_LINES = 5
# Starts again that make a crashing program a broken one.
CRASHES = 2
Object = Mapping[str, Any]


@dataclass(frozen=True)
class AppStatus:
    """One look. Lists hold Kubernetes' own objects; problems: what is wrong, each in one line."""

    deployment: Object
    replica_sets: tuple[Object, ...]
    pods: tuple[Object, ...]
    service: Object
    slices: tuple[Object, ...]
    events: tuple[Object, ...]
    problems: tuple[str, ...]

    @property
    def wanted(self) -> int:
        """Pods that are wanted."""
        return int(self.deployment["spec"].get("replicas", 1))

    @property
    def ready(self) -> int:
        """Pods of the newest description that are ready."""
        status = self.deployment.get("status", {})
        return int(min(status.get("updatedReplicas", 0), status.get("availableReplicas", 0)))

    @property
    def settled(self) -> bool:
        """Whether all pods are of the newest description and ready, and no other one is left."""
        status = self.deployment.get("status", {})
        seen = status.get("observedGeneration", 0) >= self.deployment["metadata"]["generation"]
        return bool(seen and self.ready == self.wanted == status.get("replicas", 0))

    @property
    def balancer(self) -> str:
        """Name or address of the load balancer, '' for none yet."""
        found = self.service.get("status", {}).get("loadBalancer", {}).get("ingress") or [{}]
        return str(found[0].get("hostname") or found[0].get("ip") or "")

    @property
    def addresses(self) -> tuple[str, ...]:
        """Addresses of pods that get traffic."""
        return tuple(
            address for one in self.slices for end in one.get("endpoints") or ()
            if end.get("conditions", {}).get("ready") for address in end["addresses"]
        )  # fmt: skip


def look(kubectl: Kubectl, name: str) -> AppStatus:
    """All of an application's objects. Raises InvalidInput when there is none of that name."""
    own = owned(kubectl, name)
    chosen = f"--selector={NAME_LABEL}={name}"
    kinds = "replicasets.apps,pods,services,endpointslices.discovery.k8s.io"
    items = kubectl.json("get", kinds, chosen)["items"]
    by_kind: dict[str, list[Object]] = {}
    for item in items:
        by_kind.setdefault(str(item["kind"]), []).append(item)
    pods = tuple(by_kind.get("Pod", ()))
    names = {item["metadata"]["name"] for item in (own, *items)}
    events = [item for item in kubectl.json("get", "events", "--sort-by=.lastTimestamp")["items"]
              if item["involvedObject"].get("name") in names]  # fmt: skip
    sets = sorted(by_kind.get("ReplicaSet", ()), key=revision)
    return AppStatus(
        own, tuple(sets), pods, (by_kind.get("Service") or [{}])[0], tuple(by_kind.get("EndpointSlice", ())),
        tuple(events), tuple(problems(kubectl, pods, events)),
    )  # fmt: skip


def revision(replica_set: Object) -> int:
    """Which description of the application the replica set is of."""
    return int(replica_set["metadata"].get("annotations", {}).get("deployment.kubernetes.io/revision", 0))


def owned(kubectl: Kubectl, name: str) -> Object:
    """The application's Deployment. Raises InvalidInput when there is none, or when it is somebody else's."""
    found = kubectl.json("get", "deployments.apps", f"--field-selector=metadata.name={name}")["items"]
    if not found:
        known = [item["metadata"]["name"] for item in kubectl.json("get", "deployments.apps", selector())["items"]]
        raise InvalidInput(
            f"there is no application {name!r} in this namespace",
            next_step=f"There are: {', '.join(known)}." if known else "Deploy one with: invoke deploy-app --name NAME.",
        )
    if not is_ours(found[0]):
        raise InvalidInput(f"the deployment {name!r} was not made by deploy-app, and is left alone",
                           next_step="Choose another name, or look at it with kubectl.")  # fmt: skip
    return dict(found[0])


def problems(kubectl: Kubectl, pods: tuple[Object, ...], events: list[Object]) -> list[str]:
    """What does not get better by waiting, each once."""
    found: dict[str, None] = {}
    for pod in pods:
        for condition in pod.get("status", {}).get("conditions", ()):
            if condition["type"] == "PodScheduled" and condition.get("reason") == "Unschedulable":
                found[f"a pod fits on no node: {condition.get('message', '')}"] = None
        for container in pod.get("status", {}).get("containerStatuses", ()):
            text = _waiting(kubectl, pod, container, events)
            if text:
                found[text] = None
    return list(found)


def _waiting(kubectl: Kubectl, pod: Object, container: Object, events: list[Object]) -> str:
    waiting = container.get("state", {}).get("waiting") or {}
    reason, message = str(waiting.get("reason", "")), str(waiting.get("message", ""))
    if reason in PULL:
        said = [item["message"] for item in events if item["involvedObject"].get("name") == pod["metadata"]["name"]
                and item.get("reason") == "Failed" and "pull" in item.get("message", "")]  # fmt: skip
        return f"the image {container['image']} cannot be pulled: {(said[-1] if said else message)[:400]}"
    # Between its tries it is running, ended or waiting in turn.
    if not container.get("ready") and int(container.get("restartCount", 0)) >= CRASHES:
        now = container.get("state", {}).get("terminated")
        ended = now or container.get("lastState", {}).get("terminated") or {}
        last = _last_words(kubectl, str(pod["metadata"]["name"]), () if now else ("--previous",))
        code = f"ends with exit {ended['exitCode']}" if "exitCode" in ended else "ends"
        again = f"its program {code} again and again"
        return f"{again}; it said last:\n{last}" if last else f"{again} and says nothing"
    return f"a container cannot start: {reason}: {message[:400]}" if reason in BROKEN else ""


def _last_words(kubectl: Kubectl, pod: str, options: tuple[str, ...]) -> str:
    said = kubectl.try_run("logs", *options, f"--tail={LAST_LINES}", pod)
    # The kubelet says so, with success, for a container that it has just removed.
    gone = said.returncode != 0 or said.stdout.startswith("unable to retrieve container logs")
    return "" if gone else said.stdout.strip()


def on_a_cloud(kubectl: Kubectl) -> bool:
    """Whether some node belongs to a cloud, whose controller makes load balancers."""
    nodes = kubectl.json("get", "nodes")["items"]
    return any(item["spec"].get("providerID") for item in nodes)
