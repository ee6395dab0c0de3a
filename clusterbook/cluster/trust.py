"""What a rotation of authorities waits for, read from the live cluster: who lacks the new ones, who is of the old."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from clusterbook.cluster.certificates import COPIES, PLACES, SIGNS, Certificate
from clusterbook.cluster.kube import Kubectl
from clusterbook.cluster.pki import Authorities

PUBLISHED, EXTENSIONS = "kube-root-ca.crt", "extension-apiserver-authentication"
_COPIES = {place.path for place in PLACES if place.authority == COPIES} - {SIGNS}
# Of which authority they are; the others are of the cluster's.
_OF = {"/etc/etcd/pki/ca.crt": "etcd", "/etc/kubernetes/pki/etcd-ca.crt": "etcd",
       "/etc/kubernetes/pki/front-proxy-ca.crt": "front_proxy"}  # fmt: skip


def without(found: Iterable[Certificate], authorities: Authorities) -> list[str]:
    """Files of hosts, HOST PATH, that are copies of an authority and do not hold every generation of it."""
    held: dict[tuple[str, str], set[str]] = {}
    for one in found:
        if one.host and one.path in _COPIES:
            held.setdefault((one.host, one.path), set()).add(one.fingerprint)
    wanted = {name: {each.fingerprint(hashes.SHA256()).hex() for each in trusted}
              for name, trusted in authorities.trusted.items()}  # fmt: skip
    return [f"{host} {path}" for (host, path), prints in sorted(held.items())
            if not wanted[_OF.get(path, "cluster")] <= prints]  # fmt: skip


def of_old_ones(found: Iterable[Certificate]) -> list[str]:
    """Certificates of hosts, HOST PATH, that are not signed by the authorities that sign now."""
    return sorted(f"{one.host} {one.path}" for one in found if one.host and one.fault and one.path not in _COPIES)


def unpublished(kubectl: Kubectl, bundle: str) -> list[str]:
    """Namespaces in which pods do not yet find this bundle."""
    maps = kubectl.json("get", "configmaps", "--all-namespaces", f"--field-selector=metadata.name={PUBLISHED}")["items"]
    return sorted(one["metadata"]["namespace"] for one in maps
                  if one["data"].get("ca.crt", "").strip() != bundle.strip())  # fmt: skip


def forget_in_api(kubectl: Kubectl, authorities: Authorities) -> list[str]:
    """Set what extensions of the API are told to trust to these authorities; which objects said something else.

    API servers only ever add to it: what one of them was once started with would be trusted until it ends.
    """
    wanted = {"client-ca-file": authorities.trust_bundle(),
              "requestheader-client-ca-file": authorities.bundle("front_proxy")}  # fmt: skip
    where = ("configmap", EXTENSIONS, "--namespace=kube-system")
    held = kubectl.json("get", *where)["data"]
    if all(_certificates(held.get(key, "")) == _certificates(text) for key, text in wanted.items()):
        return []
    kubectl.run("patch", *where, "--type=merge", f"--patch={json.dumps({'data': wanted})}")
    return [f"kube-system/{EXTENSIONS}"]


def started_before(kubectl: Kubectl, moment: datetime) -> list[str]:
    """Pods, NAMESPACE/NAME, that were started before a moment and run."""
    pods = kubectl.json("get", "pods", "--all-namespaces")["items"]
    return sorted(_name(pod) for pod in pods if pod["status"].get("phase") == "Running" and _started(pod) < moment)


def _certificates(pem: str) -> set[bytes]:
    held = x509.load_pem_x509_certificates(pem.encode()) if pem else []
    return {each.fingerprint(hashes.SHA256()) for each in held}


def _name(pod: Mapping[str, Any]) -> str:
    return f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"


def _started(pod: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(pod["status"]["startTime"])
