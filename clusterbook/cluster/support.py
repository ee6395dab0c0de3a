"""What somebody who helps wants to see of a cluster: what is asked, and how secrets leave it before it is written."""

from __future__ import annotations

import io
import os
import re
import shlex
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path

from clusterbook.agent.masking import Mask
from clusterbook.cluster.cluster import Cluster, ensure_secrets

UNITS = ("etcd", "containerd", "kubelet", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy",
         "flanneld", "haproxy", "keepalived", "clusterbook-csr-approver", "clusterbook-join-keeper",
         "clusterbook-spot-notice")  # fmt: skip
_CTR = "ctr --namespace=k8s.io"
ETCDCTL = ("etcdctl --cacert=/etc/etcd/pki/ca.crt --cert=/etc/etcd/pki/healthcheck-client.crt "
           "--key=/etc/etcd/pki/healthcheck-client.key --command-timeout=2s")  # fmt: skip
HOST_QUESTIONS: Mapping[str, str] = {
    "system": "cat /etc/os-release; uname -a; date --iso-8601=seconds; uptime; timedatectl status",
    "memory-and-disks": "free -m; df -h; df -i; findmnt --df --real",
    "network": "ip -brief address; ip route; ss --listening --numeric --tcp --processes; nft list tables",
    "versions": "dpkg-query --show; kubelet --version; etcd --version; containerd --version; runc --version",
    "units": "systemctl --failed --no-pager; systemctl status --no-pager --lines=0 " + " ".join(UNITS),
    "containers": f"{_CTR} containers list; {_CTR} tasks list; {_CTR} images list",
    "kernel": "dmesg --ctime | tail -n 300",
    "etcd": f"test -d /etc/etcd || exit 0; {ETCDCTL} member list --write-out=table; "
    f"{ETCDCTL} endpoint status --cluster --write-out=table; {ETCDCTL} alarm list",
    "files": "ls -lR /etc/kubernetes /etc/etcd /etc/cni/net.d /var/lib/kubelet/pki",
    "kubelet-configuration": "cat /var/lib/kubelet/config.yaml",
}
"""Name of a file -> the commands of root whose output it is. None prints a key, a token or an object's content."""
WORKLOADS = "deployments,daemonsets,statefulsets,jobs,services,endpointslices"
CLUSTER_QUESTIONS: Mapping[str, tuple[str, ...]] = {
    "version": ("version",),
    "readiness": ("get", "--raw=/readyz?verbose"),
    "nodes": ("describe", "nodes"),
    "pods": ("get", "pods", "--all-namespaces", "--output=wide"),
    "workloads": ("get", WORKLOADS, "--all-namespaces", "--output=wide"),
    "events": ("get", "events", "--all-namespaces", "--sort-by=.lastTimestamp"),
    "certificate-requests": ("get", "certificatesigningrequests", "--output=wide"),
    "volumes": ("get", "persistentvolumes,persistentvolumeclaims", "--all-namespaces", "--output=wide"),
}
"""Name of a file -> kubectl's words. Secrets and ConfigMaps are not among them."""

_LOOKS_SECRET = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    r"|\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"  # a JSON Web Token, RFC 7519
    r"|\b[a-z0-9]{6}\.[a-z0-9]{16}\b"  # a bootstrap token
    r"|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"  # AWS access key ids
    r"|(?<=://)[^\s/@:]+:[^\s/@]+(?=@)"  # user and password of an address
    r"|(?i:(?<=bearer )|(?<=basic ))[\w.~+/=-]{8,}"
    r"|(?i:(?:password|passwd|secret|token|api[_-]?key)[\"']?[ \t]*[:=][ \t]*[\"']?)(?P<value>[^\s\"',;&]{4,})",
    re.DOTALL,
)
REMOVED = "[removed]"


def commands(since: str) -> dict[str, str]:
    """What is asked of a host: name of a file -> commands. since: how far back logs go, as journalctl(1) takes it."""
    log = f"journalctl --no-pager --quiet --since={shlex.quote(since)} --unit="
    return {**HOST_QUESTIONS, **{f"log-{unit}": log + unit for unit in UNITS}}


def cleaned(text: str, mask: Callable[[str], str]) -> str:
    """The text without what is, or looks like, a secret. mask: takes out values that are known."""
    return _LOOKS_SECRET.sub(_removed, mask(text))


def cleaner(cluster: Cluster) -> Callable[[str], str]:
    """`cleaned` with the secrets that the cluster's store knows."""
    mask, known = Mask(), ensure_secrets(cluster)
    for name in known.names():
        mask.add(known.value(name))
    return lambda text: cleaned(text, mask.text)


def _removed(found: re.Match[str]) -> str:
    value = found.group("value")
    return REMOVED if value is None else found.group()[: -len(value)] + REMOVED


def write(path: Path, folder: str, texts: Mapping[str, str]) -> None:
    """A new gzipped tar file, 0600, with these texts under one folder. FileExistsError when it is there."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file, tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, text in texts.items():
            data = text.encode()
            entry = tarfile.TarInfo(f"{folder}/{name}")
            entry.size, entry.mode = len(data), 0o600
            archive.addfile(entry, io.BytesIO(data))
