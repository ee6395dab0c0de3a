"""A real etcd believes our certificates, and tells how it is."""

from __future__ import annotations

import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from clusterbook.cluster import etcd, health
from clusterbook.cluster.artifacts import supply as supplies
from clusterbook.cluster.cluster import Cluster, ensure_cluster
from clusterbook.cluster.signing import CertificateSubject
from clusterbook.cluster.store import FileStore
from tests.unit.ports import free_port


@pytest.fixture
def cluster(store: FileStore, configuration: Path) -> Cluster:
    return ensure_cluster(store, "lab", {"api_address": "127.0.0.1"}, {}, configuration)


def etcd_binary() -> Path:
    settings = supplies.default(sources=("cache",))
    sums = supplies.from_cache(settings, settings.catalog.component("etcd"))
    if sums is None:
        pytest.skip("etcd is not in the artifact cache: invoke artifacts --fetch")
    found = settings.cache.find(sums["etcd"])
    assert found is not None
    return found


def leaf(cluster: Cluster, directory: Path) -> None:
    """What the role etcd has on a host: a key made there, a certificate signed here, the authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    subject = CertificateSubject("etcd", (), ("localhost",), ("127.0.0.1",), ("server_auth", "client_auth"))
    (directory / "etcd.crt").write_text(cluster.authorities.sign("etcd", public.decode(), subject))
    (directory / "ca.crt").write_text(cluster.authorities.certificate("etcd"))
    form = serialization.PrivateFormat.PKCS8
    pem = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    (directory / "etcd.key").write_bytes(pem)


@pytest.fixture
def running(cluster: Cluster, tmp_path: Path) -> Iterator[int]:
    """The client port of a one-member etcd that wants client certificates."""
    leaf(cluster, tmp_path)
    client, peer = free_port(), free_port()
    argv = [
        "etcd", "--name=cp-1", f"--data-dir={tmp_path}/data", f"--listen-client-urls=https://127.0.0.1:{client}",
        f"--advertise-client-urls=https://127.0.0.1:{client}", f"--listen-peer-urls=https://127.0.0.1:{peer}",
        f"--initial-advertise-peer-urls=https://127.0.0.1:{peer}", f"--initial-cluster=cp-1=https://127.0.0.1:{peer}",
        "--client-cert-auth", f"--trusted-ca-file={tmp_path}/ca.crt", f"--cert-file={tmp_path}/etcd.crt",
        f"--key-file={tmp_path}/etcd.key", "--peer-client-cert-auth", f"--peer-trusted-ca-file={tmp_path}/ca.crt",
        f"--peer-cert-file={tmp_path}/etcd.crt", f"--peer-key-file={tmp_path}/etcd.key", "--unsafe-no-fsync",
    ]  # fmt: skip
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(argv, executable=etcd_binary(), stdout=log, stderr=log)
    try:
        yield client
    finally:
        process.terminate()
        process.wait()


def answer(cluster: Cluster, port: int) -> etcd.Member:
    """The first answer without a problem; the last one when there is none."""
    with etcd.client(cluster) as context:
        for _ in range(150):
            found = etcd.ask(context, "cp-1", "127.0.0.1", port)
            if not found.problem:
                break
            time.sleep(0.2)
    return found


def test_an_etcd_with_our_certificates_answers_our_client(cluster: Cluster, running: int) -> None:
    found = answer(cluster, running)
    assert (found.problem, found.members, found.leader) == ("", ("cp-1",), found.identity)
    assert health.judge_member(found, 1, {found.leader}).healthy
    stranger = ssl.create_default_context(cadata=cluster.authorities.certificate("etcd"))
    assert etcd.ask(stranger, "cp-1", "127.0.0.1", running).problem != ""


def test_an_etcd_that_is_not_there_is_a_problem_and_no_exception(cluster: Cluster) -> None:
    with etcd.client(cluster) as context:
        assert etcd.ask(context, "cp-1", "127.0.0.1", free_port()).problem == "Connection refused"


def test_the_clients_key_is_in_no_file_once_it_is_loaded(cluster: Cluster, tmp_path: Path) -> None:
    with etcd.client(cluster):
        kept = b"".join(cluster.store.read(name) or b"" for name in cluster.store.names("lab"))
    assert b"PRIVATE KEY" not in kept


def test_an_etcd_of_another_cluster_is_not_believed(cluster: Cluster, running: int, configuration: Path) -> None:
    assert answer(cluster, running).problem == ""
    other = ensure_cluster(cluster.store, "other", {"api_address": "127.0.0.1"}, {}, configuration)
    with etcd.client(other) as context:
        problem = etcd.ask(context, "cp-1", "127.0.0.1", running).problem
    assert "certificate verify failed" in problem
