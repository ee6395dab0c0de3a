"""What app-status shows: an application on one screen."""

from __future__ import annotations

from typing import Any

from clusterbook.cli.screen import plural, print_table
from clusterbook.cluster.apps.status import AppStatus
from clusterbook.cluster.apps.summary import summary

EVENTS = 8


def show(status: AppStatus) -> None:
    """Problems, replica sets, pods, service and the last events."""
    found = summary(status)
    print(f"{found['name']} in {found['namespace']}: {found['ready']} of {plural(found['wanted'], 'pod')} ready")
    for problem in found["problems"]:
        print(f"problem  {problem}")
    print()
    print_table(["REVISION", "REPLICA SET", "IMAGE", "PODS"],
                [[one["revision"], one["name"], one["image"], one["pods"]] for one in found["revisions"]])  # fmt: skip
    print()
    print_table(["POD", "NODE", "ADDRESS", "STATE", "READY", "RESTARTS"],
                [[one["name"], one["node"], one["address"], one["state"], "yes" if one["ready"] else "no",
                  one["restarts"]] for one in found["pods"]])  # fmt: skip
    print()
    service = found["service"]
    named = _container_ports(status)
    ports = ", ".join(f"{one['port']} -> {named.get(one['targetPort'], one['targetPort'])}" for one in service["ports"])
    print_table(["SERVICE", "ADDRESS", "LOAD BALANCER", "PORTS", "ENDPOINTS"], [[
        service["type"], service["address"], service["balancer"] or "-", ports, ", ".join(found["endpoints"]) or "none",
    ]])  # fmt: skip
    if found["events"]:
        print()
        print_table(["EVENT", "OBJECT", "MESSAGE"],
                    [[one["reason"], one["object"], one["message"]] for one in found["events"][-EVENTS:]])  # fmt: skip


def _container_ports(status: AppStatus) -> dict[Any, int]:
    """Name -> number, of the ports that pods listen on."""
    containers = status.deployment["spec"]["template"]["spec"]["containers"]
    return {port.get("name"): port["containerPort"] for one in containers for port in one.get("ports", ())}
