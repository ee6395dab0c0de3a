"""What is asked of a running cluster before an upgrade: its versions, and the APIs in use that the next one lacks."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from clusterbook.cluster import health
from clusterbook.cluster.cluster import Cluster
from clusterbook.cluster.health import Hosts
from clusterbook.cluster.kube import Kubectl
from clusterbook.cluster.skew import Live, parsed
from clusterbook.errors import Failed

_TIMEOUT = "--request-timeout=5s"
_REQUESTED = re.compile(r"^apiserver_requested_deprecated_apis\{(.*)\} [1-9]", re.MULTILINE)
_STARTED = re.compile(r"^process_start_time_seconds (\S+)", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True)
class RequestedApi:
    """A deprecated API that somebody has asked for since an API server started. removed: 1.38, or empty; servers: the
    hosts whose API servers were asked."""

    name: str
    removed: str
    servers: tuple[str, ...] = ()

    def gone(self, target: str) -> bool:
        """Whether that version of Kubernetes has it no more."""
        return bool(self.removed) and parsed(f"{self.removed}.0")[:2] <= parsed(target)[:2]


@dataclass(frozen=True)
class Requested:
    """The deprecated APIs that were asked for. since: from when on every API server counts; None: one does not say."""

    apis: Sequence[RequestedApi]
    since: datetime | None


def live(cluster: Cluster, kubectl: Kubectl, hosts: Hosts, own: Mapping[str, str]) -> Live:
    """The versions that run. own: see Live. Failed when an API server does not answer."""
    port = int(cluster.spec.complete["api_server_port"])
    servers = {
        host: str(json.loads(kubectl.run("get", "--raw=/version", _server(address, port), _TIMEOUT))["gitVersion"])
        for host, address in hosts.control_planes.items()
    }
    nodes = {str(item["metadata"]["name"]): str(item["status"]["nodeInfo"]["kubeletVersion"])
             for item in kubectl.json("get", "nodes", _TIMEOUT)["items"]}  # fmt: skip
    members = {one.host: one.version for one in health.asked(cluster, hosts) if not one.problem}
    return Live(_plain(servers), _plain(nodes), _plain(members), own)


def requested(cluster: Cluster, kubectl: Kubectl, hosts: Hosts) -> Requested:
    """Deprecated APIs that were asked for, as every API server counts them itself."""
    port = int(cluster.spec.complete["api_server_port"])
    texts = {host: kubectl.run("get", "--raw=/metrics", _server(address, port), "--request-timeout=30s")
             for host, address in hosts.control_planes.items()}  # fmt: skip
    return of_metrics(texts)


def of_metrics(texts: Mapping[str, str]) -> Requested:
    """What the API servers of these hosts say in their metrics."""
    found: dict[tuple[str, str], list[str]] = {}
    for host, text in texts.items():
        for labels in _REQUESTED.findall(text):
            one = dict(_LABEL.findall(labels))
            servers = found.setdefault((_name(one), one.get("removed_release", "")), [])
            servers += [] if host in servers else [host]
    apis = [RequestedApi(*key, tuple(found[key])) for key in sorted(found)]
    started = [float(moment) for text in texts.values() for moment in _STARTED.findall(text)]
    since = datetime.fromtimestamp(max(started), UTC) if started and len(started) == len(texts) else None
    return Requested(apis, since)


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
