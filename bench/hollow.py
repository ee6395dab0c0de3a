"""Hollow nodes: Kubernetes' own kubelet and kube-proxy code over a runtime that only pretends (kubemark).

Each one runs on a light host of its own, so it has an address, and joins as a real kubelet does: by a bootstrap token,
a request for a certificate that rules approve, and a signature of kube-controller-manager's. Its kube-proxy has a
certificate that is signed here, as provision does it, and a watch of all nodes stands for its flanneld.
"""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.contest.work import Target
from bench.kube_api import Api, Watches, identity, kubeconfig_text
from bench.light import LightHosts, namespace
from clusterbook.cluster.artifacts import supply as supplies
from clusterbook.cluster.cluster import Cluster

LABEL = "hollow"
# What it writes stays in memory of its own; names of nodes are found without asking anybody.
_START = (
    "ip route replace default via {2} && mount --make-rslave / && mount -t tmpfs tmpfs /var/lib && "
    "mount -t tmpfs tmpfs /var/log && mount --bind {0}/hosts /etc/hosts && mount --bind /dev/null /etc/resolv.conf && "
    "mount -t tmpfs tmpfs /tmp && mkdir /var/lib/node && exec {1}"
)
_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"


@dataclass
class HollowNodes:
    """Those that run. directory: for their kubeconfigs and logs, not below /tmp; gateway: of theirs."""

    cluster: Cluster
    api: Api
    directory: Path
    program: Path
    gateway: str
    watches: Watches
    processes: dict[str, list[subprocess.Popen[bytes]]] = field(default_factory=dict)

    def start(self, targets: Sequence[Target]) -> None:
        """Start one on each of these light hosts; does not wait."""
        for target in targets:
            self.processes[target.name] = [self._run(target, morph) for morph in ("kubelet", "proxy")]
        self.watches.add(len(targets))

    def numbers(self) -> dict[str, list[int]]:
        """Process numbers by what they are."""
        found = list(self.processes.values())
        return {"hollow kubelet": [one[0].pid for one in found], "hollow proxy": [one[1].pid for one in found]}

    def ended(self) -> list[str]:
        """Names of those that ended by themselves."""
        return [name for name, both in self.processes.items() if any(one.poll() is not None for one in both)]

    def stop(self) -> None:
        """End all of them."""
        self.watches.close()
        for both in self.processes.values():
            for process in both:
                process.kill()
        for both in self.processes.values():
            for process in both:
                process.wait(timeout=20)

    def _run(self, target: Target, morph: str) -> subprocess.Popen[bytes]:
        common = f"{self.program} --morph={morph} --name={target.name} --v=0"
        command = f"{common} --kubeconfig={self.directory}/proxy.conf"
        if morph == "kubelet":
            command = (
                f"{common} --kubeconfig=/var/lib/node/kubelet.conf --bootstrap-kubeconfig={self.directory}/bootstrap"
                f".conf --cert-dir=/var/lib/node/pki --use-host-image-service=false --node-labels={LABEL}=true "
                f"--register-with-taints={LABEL}=true:NoSchedule"
            )
        argv = ["nice", "-n", "5", "ip", "netns", "exec", namespace(target), "sh", "-c",
                _START.format(self.directory, command, self.gateway)]  # fmt: skip
        with (self.directory / f"{target.name}-{morph}.log").open("wb") as log:
            return subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def prepared(cluster: Cluster, api: Api, directory: Path, hosts: LightHosts) -> HollowNodes:
    """All that they need to join. hosts: all on which one may ever run."""
    settings = supplies.default()
    version = str(cluster.spec.complete["kubernetes_version"])
    program = supplies.supply(settings, settings.catalog.component("kubemark", version)).files["kubemark"]
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    authority = directory / "ca.crt"
    authority.write_text(api.authority)
    lines = ["127.0.0.1 localhost", *(f"{target.address} {target.name}" for target in hosts.targets)]
    (directory / "hosts").write_text("\n".join([*lines, ""]))
    proxy = identity(cluster, directory, "system:kube-proxy")
    files = {"client-certificate": str(proxy.certificate), "client-key": str(proxy.key)}
    (directory / "proxy.conf").write_text(kubeconfig_text(cluster, authority, files))
    (directory / "bootstrap.conf").write_text(kubeconfig_text(cluster, authority, {"token": _token(api)}))
    watches = Watches(api, identity(cluster, directory, "flannel"))
    return HollowNodes(cluster, api, directory, program, hosts.network.gateway, watches)


def _token(api: Api) -> str:
    """A bootstrap token of the cluster's, as the role cluster_bootstrap makes one while nodes join."""
    first, second = ("".join(secrets.choice(_ALPHABET) for _ in range(length)) for length in (6, 16))
    api.make("/api/v1/namespaces/kube-system/secrets", {
        "apiVersion": "v1", "kind": "Secret", "type": "bootstrap.kubernetes.io/token",
        "metadata": {"name": f"bootstrap-token-{first}", "namespace": "kube-system"},
        "stringData": {"token-id": first, "token-secret": second, "usage-bootstrap-authentication": "true"},
    })  # fmt: skip
    return f"{first}.{second}"
