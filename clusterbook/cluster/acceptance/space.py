"""A namespace of a test's own, what tests do in it, and waiting that says what it waited for."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from clusterbook.cluster.kube import Kubectl
from clusterbook.errors import Failed

LABEL = "clusterbook.io/acceptance"
SECONDS = 150.0
LOST = 4
"""So many looks in a row that cannot connect mean that the cluster is gone."""


@dataclass(frozen=True)
class Images:
    """The images that tests run; the mirror has them under these names."""

    agnhost: str
    busybox: str


@dataclass(frozen=True)
class Space:
    """One namespace. workers: nodes that run ordinary pods."""

    name: str
    kubectl: Kubectl
    images: Images
    workers: tuple[str, ...]
    others: list[tuple[str, str]] = field(default_factory=list)

    def apply(self, *objects: Mapping[str, Any]) -> None:
        """Make the objects in this namespace."""
        self.kubectl.apply(*objects)

    def apply_outside(self, item: Mapping[str, Any]) -> None:
        """Make an object that has no namespace; it is removed with this one."""
        self.others.append((item["kind"], item["metadata"]["name"]))
        self.kubectl.apply(item)

    def ready(self, *names: str, seconds: float = SECONDS) -> None:
        """Wait until pods (pod/NAME), or what rolls out (deployment/NAME …), are ready."""
        for name in names:
            if name.startswith("pod/"):
                self.kubectl.run(
                    "wait", "--for=condition=Ready", name, f"--timeout={seconds:.0f}s", seconds=seconds + 5
                )
            else:
                self.kubectl.run("rollout", "status", name, f"--timeout={seconds:.0f}s", seconds=seconds + 5)

    def inside(self, pod: str, *argv: str) -> str:
        """What a command prints in a pod's first container."""
        return self.kubectl.run("exec", pod, "--", *argv)

    def shell(self, pod: str, line: str) -> str:
        """What a line of shell prints in a pod's first container."""
        return self.inside(pod, "sh", "-c", line)

    def dialled(self, pod: str, host: str, port: int, *, request: str = "hostname", times: int = 1) -> set[str]:
        """The answers that an agnhost server gets to http://HOST:PORT/REQUEST. It is told to by way of the API.

        A request that fails is Failed, and `until` asks again: a rule or name may be written a moment later.
        """
        query = f"host={host}&port={port}&protocol=http&request={request}&tries={times}"
        path = f"/api/v1/namespaces/{self.name}/pods/{pod}:8080/proxy/dial?{query}"
        answer = json.loads(self.kubectl.run("get", f"--raw={path}"))
        if answer.get("errors"):
            raise Failed(f"{pod} asked {host}:{port}: {'; '.join(answer['errors'])}")
        return set(answer.get("responses", ()))

    def pods(self, label: str) -> list[dict[str, Any]]:
        """Pods with app=label that are not being deleted, by name."""
        items: list[dict[str, Any]] = self.kubectl.json("get", "pods", f"--selector=app={label}")["items"]
        kept = (item for item in items if "deletionTimestamp" not in item["metadata"])
        return sorted(kept, key=lambda item: str(item["metadata"]["name"]))


def until(look: Callable[[], Any], what: str, seconds: float = SECONDS) -> Any:
    """The first true value of look(). A command that fails meanwhile is asked again. what: for the message.

    It looks less and less often: many tests wait at once, and each look costs a process. It gives up early when the
    cluster cannot be reached at all: the address may not be the cluster's any more.
    """
    end = time.monotonic() + seconds
    pause, last, lost = 0.4, "", 0
    while time.monotonic() < end and lost < LOST:
        try:
            value = look()
            if value:
                return value
            last, lost = repr(value), 0
        except Failed as error:
            last = error.message
            lost = lost + 1 if "nable to connect" in last else 0
        time.sleep(pause)
        pause = min(2.5, pause * 1.4)
    raise AssertionError(f"waited up to {seconds:g} s for {what}; last: {last}")


def today() -> str:
    """The date (UTC), by which namespaces of a run that died long ago are known."""
    return time.strftime("%Y-%m-%d", time.gmtime())


@contextmanager
def opened(
    kubectl: Kubectl, images: Images, workers: tuple[str, ...], title: str, *, privileged: bool
) -> Iterator[Space]:
    """A fresh namespace, removed afterwards. privileged: pods may do what Pod Security otherwise forbids."""
    name = f"acceptance-{secrets.token_hex(3)}-{title}"[:63].rstrip("-")
    labels = {LABEL: "yes", f"{LABEL}-day": today()} | (
        {"pod-security.kubernetes.io/enforce": "privileged"} if privileged else {}
    )
    space = Space(name, kubectl.in_namespace(name), images, workers)
    kubectl.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
    try:
        space.kubectl.run("wait", "--for=create", "serviceaccount/default", "--timeout=30s")
        yield space
    finally:
        kubectl.run("delete", "namespace", name, "--wait=false")
        for kind, other in space.others:
            kubectl.run("delete", kind.lower(), other, "--ignore-not-found", "--wait=false")
