"""One cluster, opened: its specification, its CAs and its secrets; made at first use, in any order of crashes."""

from __future__ import annotations

import secrets as random
import string
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clusterbook.cluster import encryption, pki, room, spec
from clusterbook.cluster.pki import Authorities, Clock
from clusterbook.cluster.secrets import Keyring, ensure_secret, open_keyring
from clusterbook.cluster.spec import ClusterSpec
from clusterbook.cluster.store import Store, check_cluster_name

_LETTERS = string.ascii_lowercase + string.digits


@dataclass(frozen=True)
class Cluster:
    """What operations on a cluster start from."""

    store: Store
    keyring: Keyring
    spec: ClusterSpec
    authorities: Authorities

    @property
    def name(self) -> str:
        """The cluster's name, also its folder in the store."""
        return self.spec.name


@dataclass(frozen=True)
class ClusterSecrets:
    """The secrets that the store keeps for a cluster; none shows in repr."""

    _values: Mapping[str, str]

    def __repr__(self) -> str:
        """The names alone."""
        return f"ClusterSecrets({', '.join(sorted(self._values))})"

    def names(self) -> list[str]:
        """Every name that has a value."""
        return sorted(self._values)

    def value(self, name: str) -> str:
        """The value itself. KeyError when there is none."""
        return self._values[name]


def ensure_cluster(
    store: Store,
    name: str,
    overrides: dict[str, Any],
    environment: Mapping[str, str],
    configuration: Path | None = None,
    clock: Clock = pki.utc_now,
    nodes: int = 0,
) -> Cluster:
    """The cluster, made when absent and when it has room for so many nodes.

    overrides: keys for a cluster.yaml that does not exist yet; an existing one wins. Errors name the
    places where they were written.

    Every step makes what is missing and keeps what is there, so a run that died anywhere is simply run again.
    """
    check_cluster_name(name)
    if store.read(f"{name}/{spec.FILE}") is None:
        written = copy(overrides)
        written["cluster_name"] = name
        checked = spec.check(written, f"{name}/{spec.FILE}")
        room.check(nodes, checked.complete, written, f"{name}/{spec.FILE}")
        store.swap(f"{name}/{spec.FILE}", None, spec.render({"cluster_name": name, **overrides}).encode())
    return open_cluster(store, name, environment, configuration, clock)


def open_cluster(
    store: Store,
    name: str,
    environment: Mapping[str, str],
    configuration: Path | None = None,
    clock: Clock = pki.utc_now,
) -> Cluster:
    """A cluster that has a cluster.yaml; its CAs and secrets are completed when a part is missing."""
    wanted = spec.read(store, name)
    keyring = open_keyring(store, environment, configuration)
    authorities = pki.ensure_authorities(store, keyring, name, clock)
    cluster = Cluster(store, keyring, wanted, authorities)
    ensure_secrets(cluster)
    return cluster


# Names of the values that ensure_secrets makes.
SECRETS = (
    "cluster_encryption_keys", "cluster_bootstrap_token", "cluster_keepalived_password", "cluster_service_account_key",
    "cluster_signing_ca_key",
)  # fmt: skip


def ensure_secrets(cluster: Cluster) -> ClusterSecrets:
    """The cluster's random values, each made once: encryption keys, bootstrap token, keepalived's password, keys."""

    def stored(name: str, make: Any) -> str:
        return ensure_secret(cluster.store, cluster.keyring, f"{cluster.name}/secrets/{name}", make).decode()

    private, _ = pki.ensure_service_account_key(cluster.store, cluster.keyring, cluster.name)
    return ClusterSecrets({
        "cluster_encryption_keys": encryption.render(
            encryption.ensure_keys(cluster.store, cluster.keyring, cluster.name)
        ),
        "cluster_bootstrap_token": stored("bootstrap-token", lambda: f"{_text(6)}.{_text(16)}".encode()),
        "cluster_keepalived_password": stored("keepalived-password", lambda: _text(8).encode()),
        "cluster_service_account_key": private,
        "cluster_signing_ca_key": pki.signing_key(cluster.store, cluster.keyring, cluster.name),
    })  # fmt: skip


def _text(length: int) -> str:
    return "".join(random.choice(_LETTERS) for _ in range(length))
