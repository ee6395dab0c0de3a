"""What hosts and store hold is listed with its end and its chain; private keys stay where they are."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from clusterbook.cluster import certificates, signing
from clusterbook.cluster.certificates import PLACES, Certificate, in_order, of_host, of_store
from clusterbook.cluster.cluster import Cluster, ensure_cluster
from clusterbook.cluster.kubeconfig import ensure_kubeconfig
from clusterbook.cluster.pki import Authorities, ensure_authorities
from clusterbook.cluster.secrets import PASSPHRASE_VARIABLE
from clusterbook.cluster.signing import CertificateSubject
from clusterbook.cluster.store import FileStore

NOW = datetime(2026, 11, 26, 10, 45, tzinfo=UTC)
OPEN = {PASSPHRASE_VARIABLE: "open sesame"}
PROXY = "/etc/kubernetes/pki/kube-proxy.crt"
KUBELET = "/var/lib/kubelet/pki/kubelet-client-current.pem"
SUBJECT = CertificateSubject("system:kube-proxy", days=100)


@pytest.fixture
def cluster(store: FileStore) -> Cluster:
    made = ensure_cluster(store, "demo", {"api_address": "192.0.2.10"}, OPEN)
    return replace(made, authorities=replace(made.authorities, clock=lambda: datetime.now(UTC)))


@pytest.fixture
def authorities(cluster: Cluster) -> Authorities:
    return cluster.authorities


def public_key() -> str:
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(serialization.Encoding.PEM, form).decode()


def printed(path: str, text: str) -> bytes:
    return f"certificate of {path}\n{text}".encode()


def one(output: bytes, authorities: Authorities) -> Certificate:
    (found,) = of_host("w-1", output, authorities)
    return found


def test_a_certificate_of_the_right_authority_is_right(authorities: Authorities) -> None:
    found = one(printed(PROXY, authorities.sign("cluster", public_key(), SUBJECT)), authorities)
    assert (found.name, found.host, found.path, found.issued_by, found.fault, found.used_by) == (
        "system:kube-proxy", "w-1", PROXY, "kubernetes-ca", "", "kube-proxy",
    )  # fmt: skip
    assert found.expires is not None
    assert found.days_left(datetime.now(UTC)) == 99


def test_a_certificate_of_another_authority_is_wrong(authorities: Authorities) -> None:
    found = one(printed(PROXY, authorities.sign("etcd", public_key(), SUBJECT)), authorities)
    assert found.fault == "signed by etcd-ca, wanted kubernetes-ca"


def test_a_certificate_of_another_clusters_authority_of_the_same_name_is_wrong(
    authorities: Authorities, cluster: Cluster
) -> None:
    other = ensure_authorities(cluster.store, cluster.keyring, "other")
    found = one(printed(PROXY, other.sign("cluster", public_key(), SUBJECT)), authorities)
    assert found.fault == "signed by another kubernetes-ca than the store's"
    copy = one(printed("/etc/kubernetes/pki/etcd-ca.crt", other.certificate("etcd")), authorities)
    assert copy.fault == "not a CA of the store"


def test_kubelets_certificates_are_of_the_intermediate_authority(authorities: Authorities) -> None:
    pem = signing.sign(authorities.issuers["signing"], public_key(), SUBJECT, datetime.now(UTC))
    assert one(printed(KUBELET, pem), authorities).fault == ""
    direct = authorities.sign("cluster", public_key(), SUBJECT)
    assert one(printed(KUBELET, direct), authorities).fault.endswith("wanted kubernetes-signing-ca")


def test_what_control_planes_signed_for_a_host_that_joined_by_itself_is_right(authorities: Authorities) -> None:
    pem = signing.sign(authorities.issuers["signing"], public_key(), SUBJECT, datetime.now(UTC))
    assert one(printed(PROXY, pem), authorities).fault == ""
    assert one(printed("/etc/etcd/pki/peer.crt", pem), authorities).fault.endswith("wanted etcd-ca")


def test_every_certificate_of_a_bundle_of_authorities_counts(authorities: Authorities) -> None:
    found = of_host("w-1", printed("/etc/kubernetes/pki/ca.crt", authorities.trust_bundle()), authorities)
    assert [(each.name, each.fault) for each in found] == [("kubernetes-ca", ""), ("kubernetes-signing-ca", "")]


@pytest.mark.parametrize("text", ["", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_what_is_no_certificate_is_wrong_and_comes_first(authorities: Authorities, text: str) -> None:
    good = authorities.sign("cluster", public_key(), SUBJECT)
    output = printed("/etc/kubernetes/pki/apiserver.crt", good) + printed(PROXY, text)
    found = in_order(of_host("w-1", output, authorities))
    assert [each.fault for each in found] == ["not a certificate", ""]
    assert found[0].days_left(NOW) is None and not found[0].ends_within(NOW, 30)


def test_a_file_that_nobody_asked_for_is_not_shown(authorities: Authorities) -> None:
    assert of_host("w-1", printed("/etc/shadow", authorities.certificate("etcd")), authorities) == []


def test_letters_that_move_the_cursor_are_not_shown(authorities: Authorities) -> None:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a\x1b[2Jb\n")])
    made = (
        x509.CertificateBuilder(name, name, ec.generate_private_key(ec.SECP256R1()).public_key(), 7, NOW, NOW)
        .sign(authorities.issuers["etcd"].key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )  # fmt: skip
    assert one(printed(PROXY, made.decode()), authorities).name == "a?[2Jb?"


def test_days_left_go_below_nothing_when_it_has_ended() -> None:
    def ending(after: timedelta) -> Certificate:
        return Certificate("a", "", "p", "b", NOW + after, "", "c", issued=NOW - timedelta(days=365))

    assert [ending(timedelta(hours=hours)).days_left(NOW) for hours in (-25, -1, 1, 25)] == [-2, -1, 0, 1]
    assert [ending(timedelta(days=days)).ends_within(NOW, 30) for days in (-1, 30, 31)] == [True, True, False]


def test_a_certificate_of_a_short_life_does_not_end_soon_from_its_first_day_on() -> None:
    def left(days: int) -> Certificate:
        end = NOW + timedelta(days=days)
        return Certificate("a", "", "p", "b", end, "", "c", issued=end - timedelta(days=30))

    assert [left(days).ends_within(NOW, 30) for days in (29, 16, 15, 1)] == [False, False, True, True]


def test_the_store_gives_its_authorities_and_the_kubeconfig(cluster: Cluster, authorities: Authorities) -> None:
    names = ["kubernetes-ca", "etcd-ca", "front-proxy-ca", "kubernetes-signing-ca"]
    assert [each.name for each in of_store(cluster.store, authorities)] == names
    ensure_kubeconfig(cluster)
    found = of_store(cluster.store, authorities)
    assert [each.name for each in found] == [*names, "clusterbook-admin"]
    assert {each.fault for each in found} == {""}
    cluster.store.write("demo/kubeconfig", b"users: []\n")
    assert of_store(cluster.store, authorities)[-1].fault == "not a certificate"


def test_a_hosts_answer_has_its_certificates_and_no_private_key(
    authorities: Authorities, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = [replace(place, path=f"{tmp_path}{place.path}") for place in PLACES]
    monkeypatch.setattr(certificates, "PLACES", places)
    for path, text in {
        PROXY: authorities.sign("cluster", public_key(), SUBJECT),
        KUBELET: authorities.sign("cluster", public_key(), SUBJECT)
        + "-----BEGIN EC PRIVATE KEY-----\nc2VjcmV0\n-----END EC PRIVATE KEY-----\n",
    }.items():
        file = tmp_path / path[1:]
        file.parent.mkdir(parents=True)
        file.write_text(text)
    output = subprocess.run(["/bin/sh", "-c", certificates.reading_command()], capture_output=True, check=True).stdout
    assert b"PRIVATE" not in output and b"c2VjcmV0" not in output
    found = of_host("w-1", output, authorities)
    assert [each.path for each in found] == [f"{tmp_path}{PROXY}", f"{tmp_path}{KUBELET}"]
