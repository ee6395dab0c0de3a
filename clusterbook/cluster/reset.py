"""What the local machine forgets when hosts are reset or a cluster is deleted."""

from __future__ import annotations

from clusterbook.cluster.formed import FORMED
from clusterbook.cluster.store import Store

_AFTER_RESET = ("kubeconfig", "secrets/bootstrap-token", FORMED)


def forget_access(store: Store, cluster: str) -> list[str]:
    """After the hosts were reset: the kubeconfig and the join token go, so the next cluster has new ones.

    Its etcd begins anew. The CAs and the encryption key stay: backups of etcd can only be read with them.
    Returns what was removed.
    """
    return [name for name in (f"{cluster}/{part}" for part in _AFTER_RESET) if _remove(store, name)]


def delete_cluster(store: Store, cluster: str) -> None:
    """Remove all of a cluster. cluster.yaml goes last, so that a run that dies here is seen and run again."""
    for name in sorted(store.names(cluster), key=_order):
        _remove(store, name)


def _order(name: str) -> tuple[int, str]:
    """Marks of use before certificates before keys: what is left is never a CA that seems lost."""
    suffixes = (".used", ".crt", ".key.json")
    rank = next((index for index, suffix in enumerate(suffixes) if name.endswith(suffix)), len(suffixes))
    return (9 if name.endswith("/cluster.yaml") else rank, name)


def _remove(store: Store, name: str) -> bool:
    content = store.read(name)
    return content is not None and store.swap(name, content, None)
