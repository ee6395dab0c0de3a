"""Pods on hollow nodes: how long one takes, and how long very many take."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from typing import Any

from bench.hollow import LABEL
from bench.kube_api import Api, Refused
from clusterbook.errors import Failed

NAMESPACE = "scale"
COUNT = 5
_SECONDS = 30
_PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"


@dataclass(frozen=True)
class Pods:
    """Seconds from the request: of one pod after the other the middle, or of very many the last one's."""

    count: int
    scheduled: float | None = None
    running: float | None = None
    seconds: float | None = None


def one_by_one(api: Api, count: int = COUNT) -> Pods:
    """Make pods one after the other, each when the last one runs."""
    _namespace(api)
    times = [_one(api, f"one-{number}") for number in range(count)]
    for number in range(count):
        api.ask("DELETE", f"{_PODS}/one-{number}?gracePeriodSeconds=0")
    scheduled, running = (round(statistics.median(one[part] for one in times), 3) for part in (0, 1))
    return Pods(count, scheduled, running)


def many(api: Api, count: int, most: float) -> float:
    """A Deployment of so many; seconds until all run."""
    _namespace(api)
    path = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments"
    labels = {"app": "many"}
    started = time.monotonic()
    api.make(path, {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "many"},
        "spec": {"replicas": count, "selector": {"matchLabels": labels},
                 "template": {"metadata": {"labels": labels}, "spec": _spec()}},
    })  # fmt: skip
    while (ready := api.get(f"{path}/many").get("status", {}).get("readyReplicas", 0)) < count:
        if time.monotonic() - started > most:
            raise Failed(f"{ready} of {count} pods are ready after {most:.0f} s", next_step="Ask for fewer pods.")
        time.sleep(0.5)
    return round(time.monotonic() - started, 1)


def _one(api: Api, name: str) -> tuple[float, float]:
    version = api.get(f"{_PODS}?limit=1")["metadata"]["resourceVersion"]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": _spec()}
    started = time.monotonic()
    api.make(_PODS, pod)
    scheduled = 0.0
    for seen in api.watch(f"{_PODS}?fieldSelector=metadata.name%3D{name}&resourceVersion={version}", _SECONDS):
        now = time.monotonic() - started
        scheduled = scheduled or (now if seen["spec"].get("nodeName") else 0.0)
        if seen["status"].get("phase") == "Running":
            return scheduled, now
    raise Failed(f"the pod {name} does not run after {_SECONDS} s", next_step="Look at the hollow nodes' logs.")


def _spec() -> dict[str, Any]:
    return {
        "containers": [{"name": "it", "image": "example/hollow:1"}], "automountServiceAccountToken": False,
        "nodeSelector": {LABEL: "true"}, "terminationGracePeriodSeconds": 0,
        "tolerations": [{"key": LABEL, "operator": "Exists"}],
    }  # fmt: skip


def _namespace(api: Api) -> None:
    """With the account that every pod has, which a controller makes."""
    api.make("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    end = time.monotonic() + _SECONDS
    while True:
        try:
            api.get(f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/default")
            return
        except Refused:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)
