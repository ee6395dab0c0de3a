"""Where workers that join by themselves find what they need: a prefix of the cluster's store (docs/joining.md)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from clusterbook.cluster.secrets import KEYRING, Keyring, unlock
from clusterbook.cluster.store import Store

FOLDER = "join"
SEGMENT, SIGNATURE, AGENT, IDENTITY = "segment-", "signature-", "agent-", "identity-"
# Other networks need more hosts than the new one when a worker comes.
NETWORK = "flannel"


def place(store: Store, cluster: str, complete: Mapping[str, Any]) -> dict[str, str]:
    """url and region of the cluster's prefix; {} where workers do not join by themselves.

    They do on EC2, with a store in S3, with flannel. complete: the completed cluster.yaml.
    """
    if "aws" not in complete or complete["cni"] != NETWORK or not store.address.startswith("s3://"):
        return {}
    from clusterbook.cluster.store_s3 import S3Store  # boto3 is slow to load

    assert isinstance(store, S3Store)
    return {"url": store.url(f"{cluster}/{FOLDER}"), "region": store.region}


def public_key(store: Store, cluster: str, environment: Mapping[str, str]) -> str:
    """Of the key that segments are signed with, PEM; '' while the store has no keyring. Nothing is written."""
    described = store.read(KEYRING)
    return shown(unlock(described, environment), cluster) if described else ""


def shown(keyring: Keyring, cluster: str) -> str:
    """The public half of a cluster's key for segments, PEM."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return _key(keyring, cluster).public_key().public_bytes(serialization.Encoding.PEM, form).decode()


def signature(keyring: Keyring, cluster: str, group: str, segment: bytes) -> bytes:
    """Binds a segment to its cluster and group."""
    return _key(keyring, cluster).sign(signed_text(cluster, group, segment))


def signed_text(cluster: str, group: str, segment: bytes) -> bytes:
    """What is signed; roles/join_keeper/files/first_boot.py makes the same of what it read."""
    return f"{cluster} {group}\n".encode() + segment


def _key(keyring: Keyring, cluster: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(keyring.derived(f"joining {cluster}"))
