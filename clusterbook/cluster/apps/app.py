"""An application as a person describes it, and the Kubernetes objects that it becomes."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from clusterbook.cluster.apps import rules
from clusterbook.cluster.kube import Kubectl

# The kinds of objects that an application has, for kubectl.
KINDS = "deployments.apps,services,secrets,poddisruptionbudgets.policy"
# What an application's objects are found by. Objects without it are somebody else's and are left alone.
MANAGER = {"app.kubernetes.io/managed-by": "clusterbook"}
NAME_LABEL = "app.kubernetes.io/name"
SECRETS = "clusterbook.io/secrets"
IMAGE_FILE = "clusterbook.io/image-file"
# AWS makes a network load balancer for this, instead of a classic one.
NETWORK_BALANCER = {"service.beta.kubernetes.io/aws-load-balancer-type": "nlb"}
# Without a probe a program counts as ready when it has run so long: one that ends at once never does.
UNPROBED_SECONDS = 3
# A pod that goes serves on for so long: until then every node has heard that it is no part of the service any more
# (KEP-3960; the kubelet's 30 s of grace include it).
LEAVING_SECONDS = 5


@dataclass(frozen=True)
class App:
    """What is wanted. secrets: environment variables whose values live in a Secret; cpu, memory: quantities or ''.

    probe: the path that says whether a pod may get traffic, 'tcp' for a connection alone, '' for none.
    arguments: words for the image's program, instead of the image's own.
    image_file: SHA-256 of the file from which nodes got the image, '' for one that they pull.
    Making one raises InvalidInput with all that Kubernetes would not take.
    """

    name: str
    image: str
    namespace: str = "default"
    replicas: int = 1
    port: int = 80
    target_port: int = 0
    external: bool = False
    variables: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    cpu: str = ""
    memory: str = ""
    probe: str = ""
    arguments: tuple[str, ...] = ()
    image_file: str = ""

    def __post_init__(self) -> None:
        rules.refuse([
            *rules.name(self.name), *rules.namespace(self.namespace), *rules.image(self.image),
            *rules.replicas(self.replicas), *rules.port(self.port, "--port"),
            *(rules.port(self.target_port, "--target-port") if self.target_port else ()),
            *(rules.cpu(self.cpu) if self.cpu else ()), *(rules.memory(self.memory) if self.memory else ()),
            *(rules.probe(self.probe) if self.probe else ()),
            *(problem for name in self.variables for problem in rules.variable(name, "--env")),
            *(problem for name in self.secrets for problem in rules.variable(name, "--secret")),
        ])  # fmt: skip

    @property
    def labels(self) -> dict[str, str]:
        """Labels of every object and pod."""
        return {NAME_LABEL: self.name, **MANAGER}

    def apply(self, kubectl: Kubectl) -> None:
        """Make the objects so. Pods start anew when their secrets changed."""
        version = ""
        if self.secrets:
            kubectl.apply(self.secret())
            version = kubectl.json("get", "secret", self.name)["metadata"]["resourceVersion"]
        kubectl.apply(self.deployment(version), self.service(), self.budget())

    def secret(self) -> dict[str, Any]:
        """The object that holds secret environment variables."""
        values = {name: base64.b64encode(value.encode()).decode() for name, value in self.secrets.items()}
        return dict(self._object("v1", "Secret", data=values))

    def _object(self, version: str, kind: str, annotations: Mapping[str, str] | None = None, **body: Any) -> Any:
        about: dict[str, Any] = {"name": self.name, "namespace": self.namespace, "labels": self.labels}
        if annotations:
            about["annotations"] = dict(annotations)
        return {"apiVersion": version, "kind": kind, "metadata": about, **body}

    def deployment(self, secrets: str = "") -> dict[str, Any]:
        """The pods. secrets: the version of the Secret that they were given."""
        pod = {
            "automountServiceAccountToken": False,
            "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [self._container()],
            # Pods on different hosts where there are enough.
            "topologySpreadConstraints": [{
                "maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": {NAME_LABEL: self.name}},
            }],
        }  # fmt: skip
        marks = {name: value for name, value in ((SECRETS, secrets), (IMAGE_FILE, self.image_file)) if value}
        about = {"annotations": marks} if marks else {}
        spec = {
            "replicas": self.replicas, "minReadySeconds": 0 if self.probe else UNPROBED_SECONDS,
            "selector": {"matchLabels": {NAME_LABEL: self.name}},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
            "template": {"metadata": {"labels": self.labels, **about}, "spec": pod},
        }  # fmt: skip
        cause = {"kubernetes.io/change-cause": f"deploy-app --image {self.image}"}
        return dict(self._object("apps/v1", "Deployment", cause, spec=spec))

    def _container(self) -> dict[str, Any]:
        wanted = {name: value for name, value in (("cpu", self.cpu), ("memory", self.memory)) if value}
        found: dict[str, Any] = {
            "name": self.name, "image": self.image, "securityContext": {"allowPrivilegeEscalation": False},
            "ports": [{"name": "main", "containerPort": self.target_port or self.port}],
            "env": self._environment(),
            "lifecycle": {"preStop": {"sleep": {"seconds": LEAVING_SECONDS}}},
            "resources": {"requests": wanted, "limits": {"memory": self.memory}} if self.memory
            else {"requests": wanted} if wanted else {},
        }  # fmt: skip
        if self.image_file:
            found["imagePullPolicy"] = "Never"
        if self.arguments:
            found["args"] = list(self.arguments)
        if self.probe:
            ask = {"tcpSocket": {"port": "main"}} if self.probe == "tcp" else {
                "httpGet": {"path": self.probe, "port": "main"}}  # fmt: skip
            found["readinessProbe"] = {**ask, "periodSeconds": 2}
        return found

    def _environment(self) -> list[dict[str, Any]]:
        plain = [{"name": name, "value": value} for name, value in self.variables.items()]
        return plain + [
            {"name": name, "valueFrom": {"secretKeyRef": {"name": self.name, "key": name}}} for name in self.secrets
        ]

    def service(self) -> dict[str, Any]:
        """What stands in front of the pods."""
        spec = {
            "type": "LoadBalancer" if self.external else "ClusterIP", "selector": {NAME_LABEL: self.name},
            "ports": [{"name": "main", "port": self.port, "targetPort": "main"}],
        }  # fmt: skip
        return dict(self._object("v1", "Service", NETWORK_BALANCER if self.external else None, spec=spec))

    def budget(self) -> dict[str, Any]:
        """Lets a node that is emptied take one pod at a time; those that do not work hold nothing up."""
        spec = {"maxUnavailable": 1, "unhealthyPodEvictionPolicy": "AlwaysAllow",
                "selector": {"matchLabels": {NAME_LABEL: self.name}}}  # fmt: skip
        return dict(self._object("policy/v1", "PodDisruptionBudget", spec=spec))


def is_ours(item: Mapping[str, Any]) -> bool:
    """Whether an object of Kubernetes was made by deploy-app."""
    return bool(item["metadata"].get("labels", {}).items() >= MANAGER.items())


def selector(name: str = "") -> str:
    """kubectl's option for the objects of an application; of all that deploy-app made when none is named."""
    labels = {NAME_LABEL: name, **MANAGER} if name else MANAGER
    return "--selector=" + ",".join(f"{label}={value}" for label, value in labels.items())
