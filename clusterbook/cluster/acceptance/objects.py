"""Kubernetes objects as plain data: the few that the tests need, with short ends and small requests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Object = dict[str, Any]
FOREVER = "trap 'exit 0' TERM; while :; do sleep 0.2; done"


def container(image: str, *command: str, name: str = "main", **more: Any) -> Object:
    """A container; a shell line is written as container(image, "sh", "-c", line)."""
    resources = {"requests": {"cpu": "5m", "memory": "8Mi"}}
    return {"name": name, "image": image, "command": list(command), "resources": resources, **more}


def server(image: str, **more: Any) -> Object:
    """agnhost's HTTP server on 8080: /hostname, /clientip, and /dial, which asks others; ready when it answers.

    Its /healthz waits for a UDP server that is not wanted here, and its /readyz is for ending pods.
    """
    probe = {"httpGet": {"path": "/hostname", "port": 8080}, "periodSeconds": 1, "timeoutSeconds": 5}
    ports = [{"containerPort": 8080}]
    command = ("/agnhost", "netexec", "--http-port=8080", "--udp-port=-1")
    return container(image, *command, ports=ports, readinessProbe=probe, **more)


def pod(name: str, *containers: Object, labels: Mapping[str, str] | None = None, **spec: Any) -> Object:
    """A pod that ends at once when it is told to."""
    metadata = {"name": name, "labels": {"app": name, **(labels or {})}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": _pod_spec(containers, spec)}


def workload(kind: str, name: str, *containers: Object, replicas: int | None = None, **more: Any) -> Object:
    """A Deployment, StatefulSet or DaemonSet of pods with app=name. more: its spec's keys; pod=…: the pods'."""
    pods = _pod_spec(containers, more.pop("pod", {}))
    spec: Object = {
        "selector": {"matchLabels": {"app": name}},
        "template": {"metadata": {"labels": {"app": name}}, "spec": pods},
        **({} if replicas is None else {"replicas": replicas}),
        **more,
    }
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def deployment(name: str, *containers: Object, replicas: int = 1, **more: Any) -> Object:
    """A Deployment."""
    return workload("Deployment", name, *containers, replicas=replicas, **more)


def service(name: str, *, kind: str = "ClusterIP", port: int = 80, target: int = 8080, **spec: Any) -> Object:
    """A Service for the pods with app=name."""
    ports = [{"name": "http", "port": port, "targetPort": target}]
    wanted = {"type": kind, "selector": {"app": name}, "ports": ports, **spec}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": wanted}


def job(name: str, *containers: Object, **spec: Any) -> Object:
    """A Job whose pods are not restarted in place."""
    template = {"spec": {**_pod_spec(containers, {}), "restartPolicy": "Never"}}
    wanted = {"template": template, **spec}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": wanted}


def keyed(kind: str, name: str, content: Mapping[str, str]) -> Object:
    """A ConfigMap or a Secret with text values."""
    values = "stringData" if kind == "Secret" else "data"
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, values: dict(content)}


def apart(name: str) -> Object:
    """Pod spec keys that put pods with app=name on different nodes."""
    term = {"labelSelector": {"matchLabels": {"app": name}}, "topologyKey": "kubernetes.io/hostname"}
    return {"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}}


def on(node: str) -> Object:
    """Pod spec keys that put a pod on this node, through the scheduler."""
    return {"nodeSelector": {"kubernetes.io/hostname": node}}


def _pod_spec(containers: Sequence[Object], more: Mapping[str, Any]) -> Object:
    return {"terminationGracePeriodSeconds": 1, "containers": list(containers), **more}
