"""What is asked of a running cluster before an upgrade: its versions, and the APIs in use that the next one lacks."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from clusterbook.cluster import health
from clusterbook.cluster.cluster import Cluster
from clusterbook.cluster.health import Hosts
from clusterbook.cluster.kube import Kubectl
from clusterbook.cluster.skew import Live, parsed
from clusterbook.errors import Failed

_PATIENCE = "--request-timeout=5s"
_REQUESTED = re.compile(r"^apiserver_requested_deprecated_apis\{(.*)\} [1-9]", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True)
class RequestedApi:
    """A deprecated API that somebody has asked for since an API server started. removed: 1.38, or empty."""

    name: str
    removed: str

    def gone(self, target: str) -> bool:
        """Whether that version of Kubernetes has it no more."""
        return bool(self.removed) and parsed(f"{self.removed}.0")[:2] <= parsed(target)[:2]


def live(cluster: Cluster, kubectl: Kubectl, hosts: Hosts, own: Mapping[str, str]) -> Live:
    """The versions that run. own: see Live. Failed when an API server does not answer."""
    port = int(cluster.spec.complete["api_server_port"])
    servers = {
        host: str(json.loads(kubectl.run("get", "--raw=/version", _server(address, port), _PATIENCE))["gitVersion"])
        for host, address in hosts.control_planes.items()
    }
    nodes = {str(item["metadata"]["name"]): str(item["status"]["nodeInfo"]["kubeletVersion"])
             for item in kubectl.json("get", "nodes", _PATIENCE)["items"]}  # fmt: skip
    members = {one.host: one.version for one in health.asked(cluster, hosts) if not one.problem}
    return Live(_plain(servers), _plain(nodes), _plain(members), own)


def requested(cluster: Cluster, kubectl: Kubectl, hosts: Hosts) -> list[RequestedApi]:
    """Deprecated APIs that were asked for, as every API server counts them itself."""
    port = int(cluster.spec.complete["api_server_port"])
    found: dict[str, RequestedApi] = {}
    for address in hosts.control_planes.values():
        text = kubectl.run("get", "--raw=/metrics", _server(address, port), "--request-timeout=30s")
        found |= {one.name: one for one in of_metrics(text)}
    return [found[name] for name in sorted(found)]


def of_metrics(text: str) -> list[RequestedApi]:
    """The deprecated APIs of an API server's metrics."""
    every = [dict(_LABEL.findall(labels)) for labels in _REQUESTED.findall(text)]
    return [RequestedApi(_name(one), one.get("removed_release", "")) for one in every]


def _name(labels: Mapping[str, str]) -> str:
    """resource.version.group, as kubectl takes it."""
    return ".".join(labels[part] for part in ("resource", "version", "group") if labels.get(part))


def _server(address: str, port: int) -> str:
    return f"--server=https://{address}:{port}"


def _plain(versions: Mapping[str, str]) -> dict[str, str]:
    for host, version in versions.items():
        try:
            parsed(version)
        except ValueError as error:
            step = "Look at it: invoke kubectl -- get nodes"
            raise Failed(f"{host} says that its version is {version!r}", next_step=step) from error
    return {host: version.removeprefix("v") for host, version in versions.items()}
