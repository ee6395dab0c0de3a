"""What nodes and pods use of processor and memory, beside what they asked for: three answers of the API made one.

CPU is in millicores, memory in bytes. None: nobody said so (no request, no limit, no measurement yet).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import ceil
from typing import Any

from clusterbook.cluster.kube import Kubectl, said
from clusterbook.errors import Failed

API = "/apis/metrics.k8s.io/v1beta1"
CPU, MEMORY = "cpu", "memory"
KINDS = (CPU, MEMORY)
ENDED = ("Succeeded", "Failed")
# Suffixes of https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
_UNITS = {"n": Decimal("1e-9"), "u": Decimal("1e-6"), "m": Decimal("1e-3"), "": Decimal(1)}
_UNITS |= {sign: Decimal(1000) ** power for power, sign in enumerate("kMGTPE", 1)}
_UNITS |= {f"{sign}i": Decimal(1024) ** power for power, sign in enumerate("KMGTPE", 1)}
_QUANTITY = re.compile(r"([+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?)(|[numkMGTPE]|[KMGTPE]i)")
Amounts = Mapping[str, int]


@dataclass(frozen=True)
class Usage:
    """What one node or pod uses, asked for and may use at most, by kind (cpu, memory). room: of a node, for pods."""

    name: str
    namespace: str
    node: str
    used: Amounts
    requested: Amounts
    limits: Amounts
    room: Amounts

    def whole(self, kind: str) -> int | None:
        """What the use is a part of: a node's room, a pod's limit or else its request."""
        return self.room.get(kind) or self.limits.get(kind) or self.requested.get(kind)

    def share(self, kind: str) -> float | None:
        """The use as a part of that; None when either is not known."""
        whole, used = self.whole(kind), self.used.get(kind)
        return None if whole is None or used is None else used / whole


def amount(kind: str, text: object) -> int:
    """Millicores or bytes of a quantity such as 250m, 12345n or 64Mi, rounded up. ValueError for anything else."""
    found = _QUANTITY.fullmatch(str(text))
    if found is None:
        raise ValueError(f"{text!r} is not a quantity")
    value = Decimal(found[1]) * _UNITS[found[2]] * (1000 if kind == CPU else 1)
    return ceil(value)


def nodes(kubectl: Kubectl) -> list[Usage]:
    """Every node. Failed when nothing is measured."""
    used = {item["metadata"]["name"]: amounts(item["usage"]) for item in measured(kubectl, "nodes")}
    known = kubectl.json("get", "nodes")["items"]
    placed: dict[str, list[Mapping[str, Any]]] = {}
    for pod in filter(_lives, kubectl.json("get", "pods", "--all-namespaces")["items"]):
        placed.setdefault(pod["spec"].get("nodeName", ""), []).append(pod)
    return [_node(item, used, placed.get(item["metadata"]["name"], ())) for item in known]


def pods(kubectl: Kubectl, namespace: str = "") -> list[Usage]:
    """Every pod that has not ended, of one namespace or all. Failed when metrics-server does not answer."""
    found = measured(kubectl, f"namespaces/{namespace}/pods" if namespace else "pods")
    used = {(item["metadata"]["namespace"], item["metadata"]["name"]):
            total([amounts(one["usage"]) for one in item["containers"]]) for item in found}  # fmt: skip
    where = f"--namespace={namespace}" if namespace else "--all-namespaces"
    items = [item for item in kubectl.json("get", "pods", where)["items"] if _lives(item)]
    if items and not used:
        raise _no_data()
    return [_pod(item, used) for item in items]


def in_order(found: Iterable[Usage], kind: str = "") -> list[Usage]:
    """Those that use most of a kind first, what is not measured last; without a kind by name."""
    by_name = sorted(found, key=lambda one: (one.namespace, one.name))
    return sorted(by_name, key=lambda one: -one.used.get(kind, -1)) if kind else by_name


def measured(kubectl: Kubectl, what: str) -> list[dict[str, Any]]:
    """What the metrics API says of nodes or pods. Failed with what to do when it says nothing."""
    done = kubectl.try_run("get", "--raw", f"{API}/{what}")
    if done.returncode == 0:
        items: list[dict[str, Any]] = json.loads(done.stdout)["items"]
        if not items and what == "nodes":
            raise _no_data()
        return items
    words = said(done.stderr)
    if "NotFound" in words:
        raise Failed("the cluster has no metrics-server, so nothing measures what its nodes and pods use",
                     next_step="Set metrics_server: true in cluster.yaml, then: invoke provision")  # fmt: skip
    if "ServiceUnavailable" in words or "unable to handle the request" in words:
        raise Failed("metrics-server is installed and does not answer",
                     next_step="Look at it: invoke kubectl -- -n kube-system get pods -l k8s-app=metrics-server "
                     "(a new one needs half a minute)")  # fmt: skip
    raise Failed(f"the metrics API: {words}", next_step="Look at the cluster with: invoke validate-cluster")


def asked(pod: Mapping[str, Any], what: str) -> dict[str, int]:
    """A pod's requests or limits as the scheduler counts them. what: requests, limits.

    Containers and sidecars run together; an init container runs beside the sidecars before it. What the pod itself
    says wins. A limit is the pod's only when each container has one.
    """
    spec = pod["spec"]
    found = {}
    for kind in KINDS:
        running = [_of(one, what, kind) for one in spec["containers"]]
        most = 0
        for one in spec.get("initContainers", ()):
            value = _of(one, what, kind)
            if one.get("restartPolicy") == "Always":
                running.append(value)
            most = max(most, (value or 0) + (0 if one.get("restartPolicy") == "Always" else _sidecars(running, spec)))
        own = _of(spec, what, kind)
        known = [value for value in running if value is not None]
        if own is None and (not known or (what == "limits" and len(known) < len(running))):
            continue
        whole = max(sum(known), most) if own is None else own
        found[kind] = whole + amount(kind, spec.get("overhead", {}).get(kind, 0))
    return found


def amounts(quantities: Mapping[str, Any]) -> dict[str, int]:
    """Both kinds of what an object says, where it says them."""
    return {kind: amount(kind, quantities[kind]) for kind in KINDS if kind in quantities}


def total(several: Sequence[Amounts]) -> dict[str, int]:
    """The sum of each kind that at least one has."""
    return {kind: sum(one.get(kind, 0) for one in several) for kind in KINDS if any(kind in one for one in several)}


def _sidecars(running: Sequence[int | None], spec: Mapping[str, Any]) -> int:
    """What the sidecars so far have; `running` begins with the containers."""
    return sum(value or 0 for value in running[len(spec["containers"]) :])


def _of(one: Mapping[str, Any], what: str, kind: str) -> int | None:
    resources = one.get("resources", {})
    # Without a request, a limit is it.
    text = resources.get(what, {}).get(kind, resources.get("limits", {}).get(kind))
    return None if text is None else amount(kind, text)


def _node(item: Mapping[str, Any], used: Mapping[str, Amounts], placed: Sequence[Mapping[str, Any]]) -> Usage:
    name = item["metadata"]["name"]
    nothing = dict.fromkeys(KINDS, 0)
    requested, limits = (total([nothing, *(asked(pod, what) for pod in placed)]) for what in ("requests", "limits"))
    return Usage(name, "", name, used.get(name, {}), requested, limits, amounts(item["status"].get("allocatable", {})))


def _pod(item: Mapping[str, Any], used: Mapping[tuple[str, str], Amounts]) -> Usage:
    namespace, name = item["metadata"]["namespace"], item["metadata"]["name"]
    return Usage(name, namespace, item["spec"].get("nodeName", ""), used.get((namespace, name), {}),
                 asked(item, "requests"), asked(item, "limits"), {})  # fmt: skip


def _lives(pod: Mapping[str, Any]) -> bool:
    return pod.get("status", {}).get("phase") not in ENDED


def _no_data() -> Failed:
    return Failed("metrics-server answers and has not measured anything yet",
                  next_step="Ask again in half a minute: it reads each kubelet every 15 seconds")  # fmt: skip


def as_data(one: Usage) -> Iterator[tuple[str, Any]]:
    """For machines: names, then millicores and bytes."""
    yield "name", one.name
    if one.namespace:
        yield from (("namespace", one.namespace), ("node", one.node))
    for kind, unit in ((CPU, "millicores"), (MEMORY, "bytes")):
        said_of = {"used": one.used, "requested": one.requested, "limit": one.limits}
        said_of |= {} if one.namespace else {"allocatable": one.room}
        yield f"{kind}_{unit}", {name: values.get(kind) for name, values in said_of.items()}
