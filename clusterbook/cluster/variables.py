"""What the store tells the inventory: the lowest level of every host's variables, and secrets on demand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from clusterbook.cluster import formed, joining, pki
from clusterbook.cluster import spec as specs
from clusterbook.cluster.cluster import SECRETS, Cluster, ensure_secrets
from clusterbook.cluster.pki import Authorities
from clusterbook.errors import InvalidInput
from clusterbook.language.values import Secret

Resolve = Callable[[str], str]
# What each cluster's store sets besides the keys of cluster.yaml.
PUBLIC = (
    "cluster_ca_certificate", "cluster_signing_ca_certificate", "cluster_etcd_ca_certificate",
    "cluster_front_proxy_ca_certificate", "cluster_service_account_public_key", "cluster_etcd_formed",
    "certificate_issued_after",
    "artifacts", "images", "image_mirror", "package_mirror", "joining",
)  # fmt: skip

# What tasks give to their own playbooks.
GIVEN = (
    "eks_endpoint", "backup_folder", "restore_file", "restore_token", "restore_bump", "leaving_host",
    "node_drain_seconds", "encrypted_by",
)  # fmt: skip


@dataclass(frozen=True)
class ClusterVariables:
    """plain: name -> value, secrets as Secret(name). resolve: the value of a secret; it answers known names only."""

    plain: Mapping[str, Any]
    resolve: Resolve = field(repr=False)


def cluster_variables(cluster: Cluster, supplied: Mapping[str, Any]) -> ClusterVariables:
    """Variables of a cluster. supplied: what artifacts.publish.variables says of files and images."""
    secrets = ensure_secrets(cluster)
    names = secrets.names()

    def resolve(name: str) -> str:
        if name not in names:
            raise InvalidInput(f"{name!r} is not a secret of cluster {cluster.name!r}", next_step="Correct that name.")
        return secrets.value(name)

    plain = {**cluster.spec.complete, **_shaped(supplied), **_public(cluster), **{name: Secret(name) for name in names}}
    plain["image_mirror"] = cluster.spec.written.get("image_mirror", supplied.get("image_mirror", ""))
    plain["package_mirror"] = supplied.get("package_mirror", {})
    plain["cluster_etcd_formed"] = formed.is_formed(cluster.store, cluster.name)
    plain["certificate_issued_after"] = 0  # a rotation says from when on certificates count
    plain["joining"] = joining.place(cluster.store, cluster.name, cluster.spec.complete)
    return ClusterVariables(plain, resolve)


def foreseen_variables(spec: specs.ClusterSpec, supplied: Mapping[str, Any]) -> dict[str, Any]:
    """The same names for a cluster that need not be made yet: what its store would hold is empty."""
    empty = dict.fromkeys((*PUBLIC, *SECRETS), "")
    image_mirror = spec.written.get("image_mirror", supplied["image_mirror"])
    return {**empty, **spec.complete, **_shaped(supplied), "image_mirror": image_mirror, "package_mirror": {},
            "cluster_etcd_formed": False, "certificate_issued_after": 0}  # fmt: skip


def foreign_variables(written: Mapping[str, Any], authority: str, supplied: Mapping[str, Any]) -> dict[str, Any]:
    """Variables of hosts that join a cluster which is none of the store's: it is known from outside alone.

    written: keys of cluster.yaml that are known of it; authority: PEM.
    """
    return {
        **specs.with_defaults(written), **_shaped(supplied), "cluster_ca_certificate": authority,
        "image_mirror": supplied.get("image_mirror", ""), "package_mirror": supplied.get("package_mirror", {}),
    }  # fmt: skip


def names() -> frozenset[str]:
    """Every variable that a cluster, or a task on one, sets, without opening one."""
    return frozenset({*specs.cluster_schema()["properties"], *PUBLIC, *SECRETS, *GIVEN})


def _public(cluster: Cluster) -> dict[str, str]:
    _, service_account = pki.ensure_service_account_key(cluster.store, cluster.keyring, cluster.name)
    return {
        **trust(cluster.authorities, service_account),
        "cluster_signing_ca_certificate": cluster.authorities.certificate(pki.SIGNING),
    }


def trust(authorities: Authorities, service_account: str) -> dict[str, str]:
    """The variables that say whom hosts trust. service_account: PEM of the keys by which tokens are checked."""
    return {
        "cluster_ca_certificate": authorities.trust_bundle(),
        "cluster_etcd_ca_certificate": authorities.bundle("etcd"),
        "cluster_front_proxy_ca_certificate": authorities.bundle("front_proxy"),
        "cluster_service_account_public_key": service_account,
    }


def _shaped(supplied: Mapping[str, Any]) -> dict[str, Any]:
    """artifacts: url, sha256 and version by name; images: the full reference by name."""
    artifacts = supplied.get("artifacts", {}).items()
    images = supplied.get("images", {}).items()
    return {
        "artifacts": {name: {part: file[part] for part in ("url", "sha256", "version")} for name, file in artifacts},
        "images": {name: image["reference"] for name, image in images},
    }
