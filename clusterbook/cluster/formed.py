"""Whether a cluster's etcd was up once: from then on a member without data has lost it, and begins no new cluster."""

from __future__ import annotations

from clusterbook.cluster.store import Store

FORMED = "etcd-formed"


def is_formed(store: Store, cluster: str) -> bool:
    """Whether that is written down."""
    return store.read(f"{cluster}/{FORMED}") is not None


def is_now_formed(store: Store, cluster: str) -> None:
    """Write it down: a run has brought its members up."""
    store.swap(f"{cluster}/{FORMED}", None, b"")
