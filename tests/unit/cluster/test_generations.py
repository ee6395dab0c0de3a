"""New authorities come beside the old ones, sign, and stay alone; who trusts the old root believes the new ones."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from cryptography import x509

from clusterbook.cluster import generations, pki
from clusterbook.cluster.generations import ACCOUNTS, AUTHORITIES
from clusterbook.cluster.secrets import Keyring
from clusterbook.cluster.signing import CertificateSubject
from clusterbook.cluster.store import FileStore
from clusterbook.errors import Failed

SERVER = CertificateSubject("kube-apiserver", dns_names=("kubernetes",), usages=("server_auth",))
CLIENT = CertificateSubject("system:kube-scheduler")


@pytest.fixture
def old(store: FileStore, keyring: Keyring) -> pki.Authorities:
    return pki.ensure_authorities(store, keyring, "lab")


@pytest.fixture
def new(store: FileStore, keyring: Keyring, old: pki.Authorities) -> pki.Authorities:
    pki.ensure_next(store, keyring, "lab")
    generations.write(store, "lab", AUTHORITIES, (1,), (2, 1))
    return pki.ensure_authorities(store, keyring, "lab")


def verified(tmp_path: Path, trusted: str, shown: str, *options: str) -> bool:
    """Whether one who trusts these believes what is shown: a certificate, and what follows it."""
    end = "-----END CERTIFICATE-----\n"
    leaf, _, chain = shown.partition(end)
    for name, text in (("trusted", trusted), ("leaf", leaf + end), ("chain", chain)):
        (tmp_path / name).write_text(text)
    between = ["-untrusted", str(tmp_path / "chain")] if chain else []
    argv = ["openssl", "verify", "-x509_strict", "-CAfile", str(tmp_path / "trusted"), *between, *options]
    return subprocess.run([*argv, str(tmp_path / "leaf")], capture_output=True, check=False).returncode == 0


def public_key() -> str:
    return pki.new_public_key()


def test_a_store_of_before_has_the_first_generation(store: FileStore) -> None:
    assert generations.read(store, "lab", AUTHORITIES) == (1,)


@pytest.mark.parametrize("text", [b"", b"x", b"0", b"1 1", b"-1"])
def test_a_damaged_file_is_refused(store: FileStore, text: bytes) -> None:
    store.write("lab/pki/generations", text)
    with pytest.raises(Failed, match="damaged"):
        generations.read(store, "lab", AUTHORITIES)


def test_the_list_says_how_far_a_rotation_came() -> None:
    begun = generations.begun((3,))
    assert (begun, generations.begun(begun)) == ((3, 4), (3, 4))
    assert generations.waits_for_trust(begun) and not generations.waits_for_end(begun)
    turned = generations.turned(begun)
    assert turned == generations.turned(turned) == (4, 3)
    assert generations.waits_for_end(turned) and not generations.waits_for_trust(turned)
    assert not generations.waits_for_end((4,)) and not generations.waits_for_trust((4,))


def test_two_that_write_at_once_do_not_overwrite_each_other(store: FileStore) -> None:
    generations.write(store, "lab", AUTHORITIES, (1,), (1, 2))
    with pytest.raises(Failed, match="somebody else"):
        generations.write(store, "lab", AUTHORITIES, (1,), (1, 2))


def test_both_generations_are_trusted_and_the_first_of_the_list_signs(
    old: pki.Authorities, new: pki.Authorities
) -> None:
    assert [issuer.name for issuer in new.issuers.values()] == [
        "kubernetes-ca-2", "etcd-ca-2", "front-proxy-ca-2", "kubernetes-signing-ca-2"]  # fmt: skip
    assert new.trust_bundle().startswith(old.trust_bundle())
    assert new.trust_bundle().count("BEGIN") == 4
    assert new.bundle("etcd") == old.bundle("etcd") + new.certificate("etcd")
    assert new.newest().trust_bundle() == new.certificate("cluster") + new.certificate("signing")


def test_who_trusts_only_the_old_root_believes_a_server_of_the_new_one(
    tmp_path: Path, old: pki.Authorities, new: pki.Authorities
) -> None:
    shown = new.sign("cluster", public_key(), SERVER)
    assert verified(tmp_path, old.certificate("cluster"), shown, "-purpose", "sslserver")
    assert verified(tmp_path, new.certificate("cluster"), shown, "-purpose", "sslserver")
    assert not verified(tmp_path, new.certificate("etcd"), shown)


def test_the_old_root_gains_nothing_from_the_bridge(
    tmp_path: Path, old: pki.Authorities, new: pki.Authorities
) -> None:
    assert new.sign("cluster", public_key(), CLIENT).count("BEGIN") == 1
    assert new.sign("etcd", public_key(), SERVER).count("BEGIN") == 1
    of_old = old.sign("cluster", public_key(), SERVER)
    assert not verified(tmp_path, new.newest().trust_bundle(), of_old + new.bridge)
    bridge = x509.load_pem_x509_certificate(new.bridge.encode())
    assert bridge.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length == 0


def test_making_them_again_makes_the_same(store: FileStore, keyring: Keyring, new: pki.Authorities) -> None:
    generations.write(store, "lab", AUTHORITIES, (2, 1), (1,))
    pki.ensure_next(store, keyring, "lab")
    generations.write(store, "lab", AUTHORITIES, (1,), (2,))
    again = pki.ensure_authorities(store, keyring, "lab")
    assert (again.trust_bundle(), again.bridge) == (new.newest().trust_bundle(), new.bridge)


def test_keys_of_service_accounts_are_accepted_by_generation(store: FileStore, keyring: Keyring) -> None:
    private, public = pki.ensure_service_account_key(store, keyring, "lab")
    generations.write(store, "lab", ACCOUNTS, (1,), (1, 2))
    both = pki.ensure_service_account_key(store, keyring, "lab")
    assert both[0] == private
    assert both[1].startswith(public) and both[1].count("BEGIN") == 2
    generations.write(store, "lab", ACCOUNTS, (1, 2), (2,))
    assert pki.ensure_service_account_key(store, keyring, "lab")[1] == both[1].removeprefix(public)
    pki.forget(store, "lab", ACCOUNTS, (1,))
    assert store.read("lab/pki/service-account.key.json") is None


def test_a_plan_shows_strangers_whose_keys_nobody_has(store: FileStore, old: pki.Authorities) -> None:
    names = store.names("lab")
    foretold = pki.with_strangers(old)
    assert foretold.trust_bundle().count("BEGIN") == 4
    assert foretold.bundle("etcd").count("BEGIN") == 2
    assert store.names("lab") == names
