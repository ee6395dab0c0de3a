"""kubeconfigs of people: a client certificate signed here, short-lived, renewed by asking for it again."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from clusterbook.cluster.cluster import Cluster
from clusterbook.cluster.own_kubeconfig import administrator, document
from clusterbook.cluster.signing import MASTERS, CertificateSubject
from clusterbook.errors import Failed, InvalidInput

ADMINISTRATORS = "clusterbook:cluster-admins"
ADMINISTRATOR = "clusterbook-admin"
DAYS = 30
RENEW_BEFORE = timedelta(days=10)


def ensure_kubeconfig(cluster: Cluster) -> Path:
    """The administrator's kubeconfig, a 0600 file; made anew when it ends within 10 days or no longer fits."""
    name = f"{cluster.name}/kubeconfig"
    found = cluster.store.read(name)
    if found is None or not _fits(cluster, found):
        _write(cluster)
    return cluster.store.local_file(name)


def renew_kubeconfig(cluster: Cluster) -> None:
    """Give the administrator's kubeconfig a new key and certificate, when somebody has asked for one."""
    if cluster.store.read(f"{cluster.name}/kubeconfig") is not None:
        _write(cluster)


def kubeconfig_file(cluster: Cluster) -> Path:
    """The file as it is. Failed when nobody has made it yet."""
    if cluster.store.read(f"{cluster.name}/kubeconfig") is None:
        raise Failed(f"cluster {cluster.name!r} has no kubeconfig yet", next_step="Run: invoke kubeconfig")
    return cluster.store.local_file(f"{cluster.name}/kubeconfig")


def operator_kubeconfig(cluster: Cluster) -> str:
    """A kubeconfig above every access rule (system:masters), valid for one day, stored nowhere.

    It lets people in again who have locked themselves out.
    """
    return _render(cluster, CertificateSubject("clusterbook-operator", (MASTERS,), days=1))


def server_url(cluster: Cluster) -> str:
    """The API's address for people. Raises InvalidInput for a cluster that is only configured."""
    if "api_address" not in cluster.spec.complete:
        raise InvalidInput(f"the cluster {cluster.name!r} has no load balancer yet, so its API has no address",
                           next_step=f"Make it with: invoke update-cluster {cluster.name} --yes")  # fmt: skip
    return f"https://{cluster.spec.complete['api_address']}:{cluster.spec.complete['api_port']}"


def _write(cluster: Cluster) -> None:
    subject = CertificateSubject(ADMINISTRATOR, (ADMINISTRATORS,), days=DAYS)
    cluster.store.write(f"{cluster.name}/kubeconfig", _render(cluster, subject).encode())


def _render(cluster: Cluster, subject: CertificateSubject) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    certificate = cluster.authorities.sign("cluster", public.decode(), subject)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    user = {"client-certificate-data": _text(certificate.encode()), "client-key-data": _text(private)}
    return yaml.safe_dump(_document(cluster, user), sort_keys=False)


def _document(cluster: Cluster, user: Mapping[str, str]) -> Any:
    server = {
        "server": server_url(cluster),
        "certificate-authority-data": _text(cluster.authorities.trust_bundle().encode()),
    }
    return document(cluster.name, server, administrator(cluster.name), user)


def _fits(cluster: Cluster, data: bytes) -> bool:
    try:
        document = yaml.safe_load(data)
        user = document["users"][0]["user"]
        certificate = x509.load_pem_x509_certificate(base64.b64decode(user["client-certificate-data"]))
        expected = _document(cluster, user)
    except (ValueError, KeyError, IndexError, TypeError, yaml.YAMLError):
        return False
    left = certificate.not_valid_after_utc - cluster.authorities.clock()
    return bool(document == expected) and left > RENEW_BEFORE


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
