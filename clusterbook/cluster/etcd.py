"""What etcd says of itself, asked over its JSON gateway with a client certificate made for the question."""

from __future__ import annotations

import json
import ssl
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from clusterbook.cluster.cluster import Cluster
from clusterbook.cluster.signing import CertificateSubject

CLIENT_PORT = 2379
SECONDS = 5.0


@dataclass(frozen=True)
class Member:
    """One etcd host's answer. problem: why there is none, empty when it answered."""

    host: str
    problem: str
    identity: str = ""
    leader: str = ""
    members: tuple[str, ...] = ()
    version: str = ""
    database_bytes: int = 0


@contextmanager
def client(cluster: Cluster) -> Iterator[ssl.SSLContext]:
    """A TLS context that etcd accepts for one day. Its key is in a private file only while it is loaded."""
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    pem = cluster.authorities.sign("etcd", public.decode(), CertificateSubject("clusterbook-health", days=1))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    context = ssl.create_default_context(cadata=cluster.authorities.bundle("etcd"))
    with tempfile.NamedTemporaryFile(prefix="clusterbook-") as file:
        file.write(pem.encode() + private)
        file.flush()
        context.load_cert_chain(file.name)
    yield context


def ask(context: ssl.SSLContext, host: str, address: str, port: int = CLIENT_PORT) -> Member:
    """What the etcd on that host says of itself and of its cluster."""
    base = f"https://{address}:{port}/v3"
    try:
        status = _post(context, f"{base}/maintenance/status")
        listed = _post(context, f"{base}/cluster/member/list")
    except (OSError, ValueError) as error:
        return Member(host, _words(error))
    names = tuple(sorted(str(member.get("name") or "(not started)") for member in listed.get("members", [])))
    problems = "; ".join(str(error) for error in status.get("errors", []))
    return Member(
        host, problems, str(status["header"]["member_id"]), str(status.get("leader", "0")), names,
        str(status.get("version", "")), int(status.get("dbSize", 0)),
    )  # fmt: skip


def _post(context: ssl.SSLContext, url: str) -> Mapping[str, Any]:
    request = urllib.request.Request(url, data=b"{}", headers={"Content-Type": "application/json"})  # noqa: S310
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    with opener.open(request, timeout=SECONDS) as answer:
        found: Mapping[str, Any] = json.loads(answer.read(1_000_000))
        return found


def _words(error: Exception) -> str:
    reason = getattr(error, "reason", error)
    return str(getattr(reason, "strerror", None) or reason)
