"""An application's status as plain values, for JSON and for the screen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clusterbook.cluster.apps.status import AppStatus, revision


def summary(status: AppStatus) -> dict[str, Any]:
    """The status as plain values."""
    spec = status.service.get("spec", {})
    return {
        "name": status.deployment["metadata"]["name"], "namespace": status.deployment["metadata"]["namespace"],
        "ready": status.ready, "wanted": status.wanted, "works": status.settled and not status.problems,
        "image": status.deployment["spec"]["template"]["spec"]["containers"][0]["image"],
        "revisions": [_revision(item) for item in status.replica_sets], "pods": [_pod(item) for item in status.pods],
        "service": {"type": spec.get("type"), "address": spec.get("clusterIP"), "balancer": status.balancer,
                    "ports": spec.get("ports", [])},
        "endpoints": list(status.addresses), "problems": list(status.problems),
        "events": [{"object": f"{item['involvedObject']['kind']}/{item['involvedObject']['name']}",
                    "type": item.get("type"), "reason": item.get("reason"), "message": item.get("message"),
                    "at": item.get("lastTimestamp") or item.get("eventTime")} for item in status.events],
    }  # fmt: skip


def _revision(item: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "revision": revision(item), "name": item["metadata"]["name"],
        "image": item["spec"]["template"]["spec"]["containers"][0]["image"], "pods": item["spec"].get("replicas", 0),
    }  # fmt: skip


def _pod(item: Mapping[str, Any]) -> dict[str, Any]:
    states = item.get("status", {}).get("containerStatuses") or [{}]
    waiting = states[0].get("state", {}).get("waiting") or {}
    return {
        "name": item["metadata"]["name"], "node": item["spec"].get("nodeName", ""),
        "address": item.get("status", {}).get("podIP", ""), "ready": bool(states[0].get("ready")),
        "state": waiting.get("reason") or item.get("status", {}).get("phase", ""),
        "restarts": states[0].get("restartCount", 0),
    }  # fmt: skip
