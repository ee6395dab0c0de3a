"""A cluster comes into existence by itself, once, whatever happens meanwhile."""

from __future__ import annotations

import base64
import re
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from cryptography import x509

from clusterbook import source
from clusterbook.cluster import kubeconfig
from clusterbook.cluster.cluster import Cluster, ensure_cluster, ensure_secrets, open_cluster
from clusterbook.cluster.store import FileStore
from clusterbook.cluster.variables import cluster_variables
from clusterbook.errors import InvalidInput, InvalidProject
from clusterbook.language.values import Secret

LAB = {"api_address": "10.77.0.10", "image_mirror": "http://10.77.0.1:5000"}
SUPPLIED = {
    "artifacts": {"kubelet": {"url": "http://m/kubelet", "sha256": "0" * 64, "version": "1.37.2", "file": "kubelet"}},
    "images": {"pause": {"reference": "registry.k8s.io/pause:3.10.2", "digest": "sha256:0"}},
    "image_mirror": "http://other:5000",
}
NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)


@pytest.fixture
def cluster(store: FileStore, configuration: Path) -> Cluster:
    return ensure_cluster(store, "lab", LAB, {}, configuration, lambda: NOW)


def later(cluster: Cluster, configuration: Path, days: int) -> Cluster:
    return open_cluster(cluster.store, "lab", {}, configuration, lambda: NOW + timedelta(days=days))


def certificate_of(path: Path) -> x509.Certificate:
    document = yaml.safe_load(path.read_text())
    return x509.load_pem_x509_certificate(base64.b64decode(document["users"][0]["user"]["client-certificate-data"]))


def test_a_cluster_is_made_from_a_name_and_a_few_keys_and_is_the_same_afterwards(
    store: FileStore, cluster: Cluster, configuration: Path
) -> None:
    before = {name: store.read(name) for name in store.names("lab")}
    again = ensure_cluster(store, "lab", {"api_address": "10.77.0.99"}, {}, configuration)
    assert {name: store.read(name) for name in store.names("lab")} == before
    assert again.spec.complete["api_address"] == "10.77.0.10"
    assert ensure_secrets(again).value("cluster_bootstrap_token") == ensure_secrets(cluster).value(
        "cluster_bootstrap_token"
    )


def test_a_wrong_key_leaves_nothing_behind(store: FileStore, configuration: Path) -> None:
    with pytest.raises(InvalidProject):
        ensure_cluster(store, "lab", {"api_address": "x y"}, {}, configuration)
    assert store.folders() == []


def test_a_wrong_key_is_told_where_it_was_written(store: FileStore, configuration: Path) -> None:
    wishes = source.load_text("vars:\n  cni: flanel\n", "hosts.yml")["vars"]
    with pytest.raises(InvalidProject) as told:
        ensure_cluster(store, "lab", wishes, {}, configuration)
    assert str(told.value.problems[0].where) == "hosts.yml:2:8"
    assert wishes == {"cni": "flanel"}


def test_secrets_have_the_forms_that_kubernetes_and_keepalived_expect(cluster: Cluster) -> None:
    secrets = ensure_secrets(cluster)
    name, key = secrets.value("cluster_encryption_keys").split()
    assert (name, len(base64.b64decode(key))) == ("key1", 32)
    assert re.fullmatch(r"[a-z0-9]{6}\.[a-z0-9]{16}", secrets.value("cluster_bootstrap_token"))
    assert re.fullmatch(r"[a-z0-9]{8}", secrets.value("cluster_keepalived_password"))
    assert "EC PRIVATE KEY" in secrets.value("cluster_service_account_key")


def test_variables_hold_secrets_by_name_only(cluster: Cluster) -> None:
    variables = cluster_variables(cluster, SUPPLIED)
    shown = repr(variables) + repr(ensure_secrets(cluster)) + repr(cluster)
    for name in ensure_secrets(cluster).names():
        assert variables.plain[name] == Secret(name)
        assert variables.resolve(name) not in shown
    assert "PRIVATE KEY" not in shown
    assert variables.plain["images"] == {"pause": "registry.k8s.io/pause:3.10.2"}
    assert variables.plain["artifacts"]["kubelet"] == {
        "url": "http://m/kubelet",
        "sha256": "0" * 64,
        "version": "1.37.2",
    }
    assert variables.plain["cluster_name"] == "lab"
    assert variables.plain["image_mirror"] == "http://10.77.0.1:5000"
    assert variables.plain["cluster_ca_certificate"].count("BEGIN CERTIFICATE") == 2


@pytest.mark.parametrize("name", ["cluster_ca_key", "../secrets/encryption-key", "", "cluster_name"])
def test_only_known_names_are_resolved(cluster: Cluster, name: str) -> None:
    with pytest.raises(InvalidInput, match="is not a secret of cluster 'lab'"):
        cluster_variables(cluster, {}).resolve(name)


def test_no_root_key_is_among_the_secrets(cluster: Cluster) -> None:
    names = ensure_secrets(cluster).names()
    assert [name for name in names if "ca" in name.split("_")] == ["cluster_signing_ca_key"]


def test_the_kubeconfig_is_private_and_of_an_administrator_who_is_not_above_the_rules(cluster: Cluster) -> None:
    path = kubeconfig.ensure_kubeconfig(cluster)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    certificate = certificate_of(path)
    assert certificate.subject.rfc4514_string() == "CN=clusterbook-admin,O=clusterbook:cluster-admins"
    assert certificate.not_valid_after_utc - NOW < timedelta(days=30)
    assert yaml.safe_load(path.read_text())["clusters"][0]["cluster"]["server"] == "https://10.77.0.10:6443"


def test_a_kubeconfig_stays_until_it_nears_its_end(cluster: Cluster, configuration: Path) -> None:
    first = kubeconfig.ensure_kubeconfig(cluster).read_bytes()
    assert kubeconfig.ensure_kubeconfig(later(cluster, configuration, 15)).read_bytes() == first
    renewed = kubeconfig.ensure_kubeconfig(later(cluster, configuration, 21))
    assert certificate_of(renewed).not_valid_after_utc > NOW + timedelta(days=50)


@pytest.mark.parametrize("damage", [b"", b"x: [", b"users: []\n"])
def test_a_damaged_kubeconfig_is_replaced(cluster: Cluster, damage: bytes) -> None:
    cluster.store.write("lab/kubeconfig", damage)
    assert certificate_of(kubeconfig.ensure_kubeconfig(cluster))


def test_a_new_api_address_gives_a_new_kubeconfig(cluster: Cluster, configuration: Path) -> None:
    kubeconfig.ensure_kubeconfig(cluster)
    cluster.store.write("lab/cluster.yaml", b"cluster_name: lab\napi_address: api.example\napi_port: 443\n")
    path = kubeconfig.ensure_kubeconfig(later(cluster, configuration, 0))
    assert yaml.safe_load(path.read_text())["clusters"][0]["cluster"]["server"] == "https://api.example:443"


def test_the_operators_kubeconfig_lasts_a_day_and_is_kept_nowhere(cluster: Cluster) -> None:
    text = kubeconfig.operator_kubeconfig(cluster)
    user = yaml.safe_load(text)["users"][0]["user"]
    certificate = x509.load_pem_x509_certificate(base64.b64decode(user["client-certificate-data"]))
    assert "O=system:masters" in certificate.subject.rfc4514_string()
    assert certificate.not_valid_after_utc < NOW + timedelta(days=1)
    kept = b"".join(cluster.store.read(name) or b"" for name in cluster.store.names("lab"))
    assert user["client-key-data"].encode() not in kept


def test_a_kill_at_any_sync_or_rename_is_made_good_by_the_next_run(
    tmp_path: Path, killed_at: Callable[[int, Callable[[], object]], int]
) -> None:
    for count in range(200):
        store, configuration = FileStore(tmp_path / f"{count}/state"), tmp_path / f"{count}/config"

        def make(store: FileStore = store, configuration: Path = configuration) -> None:
            kubeconfig.ensure_kubeconfig(ensure_cluster(store, "lab", LAB, {}, configuration))

        ended = killed_at(count, make)
        kept = {name: store.read(name) for name in store.names("lab")}
        make()
        assert {name: store.read(name) for name in kept} == kept, f"killed at {count}: something was made again"
        if not ended:
            break
    assert ended == 0
    assert count > 60
