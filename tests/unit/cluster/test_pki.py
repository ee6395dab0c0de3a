"""The CAs sign what the inventory says, verify with openssl, and survive a kill at every write."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
import textwrap
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.x509 import verification

from clusterbook.cluster import pki
from clusterbook.cluster.secrets import Keyring, open_keyring
from clusterbook.cluster.signing import CertificateSubject
from clusterbook.cluster.store import FileStore
from clusterbook.errors import Failed, InvalidInput

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
SERVER = CertificateSubject(
    "kube-apiserver",
    dns_names=("kubernetes", "kubernetes.default.svc.cluster.local"),
    ip_addresses=("10.96.0.1", "10.77.0.10", "::1"),
    usages=("server_auth", "client_auth"),
)


@pytest.fixture
def authorities(store: FileStore, keyring: Keyring) -> pki.Authorities:
    return pki.ensure_authorities(store, keyring, "lab")


def pem_of(key: PublicKeyTypes) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(serialization.Encoding.PEM, form).decode()


def host_key() -> str:
    return pem_of(ec.generate_private_key(ec.SECP256R1()).public_key())


def parsed(pem: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem.encode())


def openssl_verify(tmp_path: Path, bundle: str, leaf: str, *options: str) -> subprocess.CompletedProcess[str]:
    (tmp_path / "ca.crt").write_text(bundle)
    (tmp_path / "leaf.crt").write_text(leaf)
    argv = ["openssl", "verify", "-x509_strict", "-CAfile", str(tmp_path / "ca.crt"), *options]
    return subprocess.run([*argv, str(tmp_path / "leaf.crt")], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("authority", ["cluster", "etcd", "front_proxy"])
def test_openssl_verifies_a_leaf_against_its_own_authority_only(
    authorities: pki.Authorities, tmp_path: Path, authority: str
) -> None:
    leaf = authorities.sign(authority, host_key(), SERVER)
    for name in pki.ROOTS:
        done = openssl_verify(tmp_path, authorities.certificate(name), leaf, "-purpose", "sslserver")
        assert (done.returncode == 0) == (name == authority), done.stdout + done.stderr


def test_openssl_checks_the_names_and_the_purpose_of_a_leaf(authorities: pki.Authorities, tmp_path: Path) -> None:
    root = authorities.certificate("cluster")
    leaf = authorities.sign("cluster", host_key(), SERVER)
    assert openssl_verify(tmp_path, root, leaf, "-verify_hostname", "kubernetes").returncode == 0
    assert openssl_verify(tmp_path, root, leaf, "-verify_ip", "10.77.0.10").returncode == 0
    assert openssl_verify(tmp_path, root, leaf, "-verify_hostname", "evil.example").returncode != 0
    client = authorities.sign("cluster", host_key(), CertificateSubject("system:kube-scheduler"))
    assert openssl_verify(tmp_path, root, client, "-purpose", "sslclient").returncode == 0
    assert openssl_verify(tmp_path, root, client, "-purpose", "sslserver").returncode != 0


def test_the_strict_verifier_of_cryptography_accepts_the_chain(authorities: pki.Authorities) -> None:
    leaf = parsed(authorities.sign("cluster", host_key(), SERVER))
    roots = verification.Store([parsed(authorities.certificate("cluster"))])
    verifier = verification.PolicyBuilder().store(roots).build_server_verifier(x509.DNSName("kubernetes"))
    assert verifier.verify(leaf, [])[0] == leaf


def test_the_intermediate_verifies_under_the_cluster_root_and_cannot_make_further_authorities(
    authorities: pki.Authorities, tmp_path: Path
) -> None:
    intermediate = authorities.certificate("signing")
    assert openssl_verify(tmp_path, authorities.certificate("cluster"), intermediate).returncode == 0
    constraints = parsed(intermediate).extensions.get_extension_for_class(x509.BasicConstraints)
    assert constraints.critical
    assert (constraints.value.ca, constraints.value.path_length) == (True, 0)
    assert authorities.trust_bundle().count("BEGIN CERTIFICATE") == 2


def test_the_key_of_the_intermediate_is_the_one_in_its_certificate(
    store: FileStore, keyring: Keyring, authorities: pki.Authorities
) -> None:
    key = serialization.load_pem_private_key(pki.signing_key(store, keyring, "lab").encode(), password=None)
    assert key.public_key() == parsed(authorities.certificate("signing")).public_key()


def test_a_leaf_says_what_its_subject_says_and_nothing_of_the_request(authorities: pki.Authorities) -> None:
    key = host_key()
    subject = CertificateSubject("system:node:w-1", ("system:nodes",), ("w-1",), ("10.77.0.21",), ("server_auth",), 90)
    leaf = parsed(authorities.sign("cluster", key, subject))
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert leaf.subject.rfc4514_string() == "CN=system:node:w-1,O=system:nodes"
    assert names.get_values_for_type(x509.DNSName) == ["w-1"]
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["10.77.0.21"]
    assert pem_of(leaf.public_key()) == key
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_serial_numbers_are_random_and_a_leaf_is_valid_five_minutes_ago(store: FileStore, keyring: Keyring) -> None:
    authorities = pki.ensure_authorities(store, keyring, "lab", lambda: NOW)
    first, second = (parsed(authorities.sign("etcd", host_key(), SERVER)) for _ in range(2))
    assert first.serial_number != second.serial_number
    assert min(first.serial_number.bit_length(), second.serial_number.bit_length()) > 64
    assert first.not_valid_before_utc == NOW - timedelta(minutes=5)
    assert first.not_valid_after_utc == NOW - timedelta(minutes=5) + timedelta(days=365)


def test_a_leaf_never_outlives_its_authority_and_an_ended_authority_signs_nothing(
    store: FileStore, keyring: Keyring
) -> None:
    pki.ensure_authorities(store, keyring, "lab", lambda: NOW)
    late = pki.ensure_authorities(store, keyring, "lab", lambda: NOW + timedelta(days=3600))
    end = parsed(late.certificate("cluster")).not_valid_after_utc
    assert parsed(late.sign("cluster", host_key(), SERVER)).not_valid_after_utc == end
    ended = pki.ensure_authorities(store, keyring, "lab", lambda: end + timedelta(seconds=1))
    with pytest.raises(Failed, match=r"the kubernetes-ca CA is only valid until 2036-11-2\d") as caught:
        ended.sign("cluster", host_key(), SERVER)
    assert "invoke rotate-certs --yes" in caught.value.next_step


def test_system_masters_is_only_given_to_clients_and_for_one_day(authorities: pki.Authorities) -> None:
    for subject in (
        CertificateSubject("admin", ("system:masters",)),
        CertificateSubject("admin", ("system:masters",), usages=("client_auth", "server_auth"), days=1),
    ):
        with pytest.raises(InvalidInput, match="system:masters is above every access rule"):
            authorities.sign("cluster", host_key(), subject)
    assert authorities.sign("cluster", host_key(), CertificateSubject("admin", ("system:masters",), days=1))


@pytest.mark.parametrize(
    ("subject", "message"),
    [
        (CertificateSubject(""), "common name '' must have 1 to 64"),
        (CertificateSubject("x" * 65), "1 to 64 printable"),
        (CertificateSubject("a\nb"), "printable"),
        (CertificateSubject("a", ("",)), "organization ''"),
        (CertificateSubject("a", dns_names=("bad name",)), "'bad name' is not a DNS name"),
        (CertificateSubject("a", dns_names=("x\n",)), "is not a DNS name"),
        (CertificateSubject("a", ip_addresses=("10.0.0.300",)), "'10.0.0.300' is not an IP address"),
        (CertificateSubject("a", usages=("code_signing",)), "'code_signing' is not a usage"),
        (CertificateSubject("a", usages=()), "no usages"),
        (CertificateSubject("a", days=0), "less than one"),
    ],
)
def test_a_subject_that_makes_no_sense_is_refused_with_its_reason(
    authorities: pki.Authorities, subject: CertificateSubject, message: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        authorities.sign("cluster", host_key(), subject)
    assert message in caught.value.message


def test_all_wrongs_of_a_subject_are_said_at_once(authorities: pki.Authorities) -> None:
    with pytest.raises(InvalidInput, match=r"x y.*is not a DNS name; 'z' is not an IP address"):
        authorities.sign("cluster", host_key(), CertificateSubject("a", (), ("x y",), ("z",)))


def test_weak_and_strange_public_keys_are_refused(authorities: pki.Authorities) -> None:
    refused = {
        "not a public key": "hello",
        "only 1024 bits": pem_of(rsa.generate_private_key(65537, 1024).public_key()),
        "neither EC, RSA": pem_of(dsa.generate_private_key(2048).public_key()),
        "curve secp256k1": pem_of(ec.generate_private_key(ec.SECP256K1()).public_key()),
    }
    for message, key in refused.items():
        with pytest.raises(Failed, match=message):
            authorities.sign("cluster", key, SERVER)
    for accepted in (rsa.generate_private_key(65537, 2048), ed25519.Ed25519PrivateKey.generate()):
        assert authorities.sign("cluster", pem_of(accepted.public_key()), SERVER)


def test_only_the_three_roots_sign_on_request(authorities: pki.Authorities) -> None:
    for name in ("signing", "other"):
        with pytest.raises(InvalidInput, match="is not an authority of a cluster"):
            authorities.sign(name, host_key(), SERVER)


def test_no_private_key_shows_in_repr_copy_or_pickle(authorities: pki.Authorities) -> None:
    text = repr(authorities) + str(authorities.issuers)
    assert "PrivateKey" not in text
    assert "PRIVATE KEY" not in text
    with pytest.raises(TypeError, match="not sent to other processes"):
        pickle.dumps(authorities.issuers["etcd"])
    with pytest.raises(TypeError, match="not sent to other processes"):
        copy.deepcopy(authorities.issuers["etcd"])


def test_no_private_key_is_in_the_clear_in_the_store(store: FileStore, authorities: pki.Authorities) -> None:
    assert authorities
    for name in store.names("lab"):
        assert b"PRIVATE" not in (store.read(name) or b""), name


def test_every_signed_certificate_is_recorded(store: FileStore, authorities: pki.Authorities) -> None:
    pem = authorities.sign("etcd", host_key(), SERVER)
    (recorded,) = store.names("lab/pki/issued/etcd")
    assert store.read(recorded) == pem.encode()


def test_asking_again_gives_the_same_authorities(store: FileStore, keyring: Keyring) -> None:
    first = pki.ensure_authorities(store, keyring, "lab")
    second = pki.ensure_authorities(store, keyring, "lab")
    assert [first.certificate(name) for name in first.issuers] == [second.certificate(name) for name in second.issuers]
    pair = pki.ensure_service_account_key(store, keyring, "lab")
    assert pair == pki.ensure_service_account_key(store, keyring, "lab")


def test_openssl_signs_with_the_service_account_key_and_verifies_with_its_public_half(
    store: FileStore, keyring: Keyring, tmp_path: Path
) -> None:
    private, public = pki.ensure_service_account_key(store, keyring, "lab")
    (tmp_path / "sa.key").write_text(private)
    (tmp_path / "sa.pub").write_text(public)
    (tmp_path / "token").write_bytes(b"header.payload")
    sign = ["openssl", "dgst", "-sha256", "-sign", "sa.key", "-out", "signature", "token"]
    verify = ["openssl", "dgst", "-sha256", "-verify", "sa.pub", "-signature", "signature", "token"]
    subprocess.run(sign, cwd=tmp_path, check=True)
    subprocess.run(verify, cwd=tmp_path, check=True, capture_output=True)


@pytest.mark.parametrize("lost", ["etcd-ca.crt", "etcd-ca.key.json", "cluster-ca.crt", "signing-ca.key.json"])
def test_an_authority_that_signed_is_never_made_again(
    store: FileStore, keyring: Keyring, authorities: pki.Authorities, lost: str
) -> None:
    assert authorities
    store.local_file(f"lab/pki/{lost}").unlink()
    with pytest.raises(Failed, match="has signed certificates, but its files in the store are gone") as caught:
        pki.ensure_authorities(store, keyring, "lab")
    assert "Restore lab/pki/" in caught.value.next_step


def test_an_authority_whose_key_was_exchanged_is_refused(store: FileStore, keyring: Keyring) -> None:
    pki.ensure_authorities(store, keyring, "lab")
    pki.ensure_authorities(store, keyring, "other")
    store.write("lab/pki/etcd-ca.crt", store.read("other/pki/etcd-ca.crt") or b"")
    with pytest.raises(Failed, match="do not match"):
        pki.ensure_authorities(store, keyring, "lab")


def test_a_kill_before_any_write_is_made_good_by_the_next_run(
    tmp_path: Path, killed_at: Callable[[int, Callable[[], object]], int]
) -> None:
    for count in range(100):
        store, configuration = FileStore(tmp_path / f"{count}/state"), tmp_path / f"{count}/config"

        def make(store: FileStore = store, configuration: Path = configuration) -> None:
            pki.ensure_authorities(store, open_keyring(store, {}, configuration), "lab")

        ended = killed_at(count, make)
        kept = {name: store.read(name) for name in store.names("lab")}
        make()
        assert {name: store.read(name) for name in kept} == kept, f"killed at write {count}: something was made again"
        if not ended:
            break
    assert ended == 0
    assert count > 40


PROGRAM = textwrap.dedent("""
    import sys
    from pathlib import Path
    from clusterbook.cluster import pki
    from clusterbook.cluster.secrets import open_keyring
    from clusterbook.cluster.store import open_store
    store = open_store({}, sys.argv[1])
    print(pki.ensure_authorities(store, open_keyring(store, {}, Path(sys.argv[2])), "lab").trust_bundle())
""")


def test_four_processes_at_once_get_the_same_authorities(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", PROGRAM, FileStore(tmp_path / "state").address, str(tmp_path / "config")]
    processes = [subprocess.Popen(argv, stdout=subprocess.PIPE) for _ in range(4)]
    assert len({process.communicate()[0] for process in processes}) == 1
    assert [process.returncode for process in processes] == [0] * 4
