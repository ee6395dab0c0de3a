"""Certificates: observed without a program, renewed when they should be, and the key never leaves."""

from __future__ import annotations

import datetime
import ipaddress
import stat
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from clusterbook.cluster import signing
from clusterbook.modules import certificate
from clusterbook.modules.contract import Outcome
from clusterbook.modules.system import System
from clusterbook.modules.system.predicted import PredictedSystem
from tests.unit.modules.conftest import perform

Usage = ExtendedKeyUsageOID


class Authority:
    """A certificate authority that signs what it is told for the key that it is sent."""

    def __init__(self, name: str = "cluster-ca", lifetime: datetime.timedelta = datetime.timedelta(days=365)) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.lifetime = lifetime
        self.backdated = datetime.timedelta()
        self.asked: list[str] = []
        self.arguments: dict[str, Any] = {}
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.datetime.now(datetime.UTC)
        self.certificate = (
            x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(self.key.public_key())
            .serial_number(1).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=3650))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
            .sign(self.key, hashes.SHA256())
        )
        self.pem = self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    def sign(self, public_key: str) -> str:
        self.asked.append(public_key)
        key = serialization.load_pem_public_key(public_key.encode())
        now = datetime.datetime.now(datetime.UTC)
        wanted = self.arguments
        names = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, item) for item in wanted.get("organizations", [])]
        names.append(x509.NameAttribute(NameOID.COMMON_NAME, wanted["common_name"]))
        others: list[x509.GeneralName] = [x509.DNSName(name) for name in wanted.get("dns_names", [])]
        others += [x509.IPAddress(ipaddress.ip_address(item)) for item in wanted.get("ip_addresses", [])]
        usages = {"server_auth": Usage.SERVER_AUTH, "client_auth": Usage.CLIENT_AUTH}
        builder = (
            x509.CertificateBuilder().subject_name(x509.Name(names)).issuer_name(self.certificate.subject)
            .public_key(key).serial_number(x509.random_serial_number())  # type: ignore[arg-type]
            .not_valid_before(now - self.backdated)
            .not_valid_after(now + self.lifetime)
            .add_extension(x509.ExtendedKeyUsage([usages[item] for item in wanted["usages"]]), False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), False)
        )
        if others:
            builder = builder.add_extension(x509.SubjectAlternativeName(others), False)
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


@pytest.fixture
def wanted(place: Path) -> dict[str, Any]:
    return {
        "path": str(place / "tls.crt"), "key_path": str(place / "tls.key"), "authority": "cluster",
        "common_name": "kube-apiserver", "dns_names": ["localhost", "api.example"],
        "ip_addresses": ["10.96.0.1", "127.0.0.1", "fd00:0:0::1"], "usages": ["server_auth", "client_auth"],
        "organizations": ["clusterbook"],
    }


def certify(authority: Authority, arguments: dict[str, Any], **more: Any) -> Outcome:
    authority.arguments = {**arguments, **more}
    given = {**arguments, **more, "_authority_certificate": authority.pem}
    return perform("certificate", given, System(sign=authority.sign), False)


def test_a_key_is_made_once_and_the_second_run_changes_nothing(wanted: dict[str, Any], place: Path) -> None:
    authority = Authority()
    first = certify(authority, wanted)
    assert first.changed, first.message
    second = certify(authority, wanted)
    assert (second.changed, second.failed, len(authority.asked)) == (False, False, 1)
    assert stat.S_IMODE((place / "tls.key").stat().st_mode) == 0o600
    assert stat.S_IMODE((place / "tls.crt").stat().st_mode) == 0o644


def test_openssl_accepts_the_key_and_the_certificate(wanted: dict[str, Any], place: Path) -> None:
    authority = Authority()
    certify(authority, wanted)
    (place / "ca.crt").write_text(authority.pem)
    subprocess.run(["openssl", "verify", "-CAfile", str(place / "ca.crt"), wanted["path"]], check=True,
                   stdout=subprocess.DEVNULL)
    public = subprocess.run(["openssl", "pkey", "-in", wanted["key_path"], "-pubout"], check=True,
                            capture_output=True, text=True).stdout
    assert authority.asked == [public]


@pytest.mark.parametrize(
    ("difference", "what"),
    [
        ({"common_name": "other"}, "common name"),
        ({"dns_names": ["localhost"]}, "dns names"),
        ({"ip_addresses": ["10.96.0.1"]}, "ip addresses"),
        ({"usages": ["client_auth"]}, "usages"),
        ({"organizations": []}, "organizations"),
        ({"renew_before_days": 181, "days": 10}, None),
    ],
)
def test_a_certificate_is_renewed_when_it_says_something_else(
    wanted: dict[str, Any], difference: dict[str, Any], what: str | None
) -> None:
    authority = Authority()
    certify(authority, wanted)
    outcome = certify(authority, wanted, **difference)
    assert [change.what for change in outcome.changes] == ([what] if what else [])
    assert not certify(authority, wanted, **difference).changed


def test_it_is_renewed_with_the_same_key_before_it_ends(wanted: dict[str, Any], place: Path) -> None:
    authority = Authority(lifetime=datetime.timedelta(seconds=2))
    certify(authority, wanted)
    key = (place / "tls.key").read_bytes()
    subprocess.run(["sleep", "1.2"], check=True)
    authority.lifetime = datetime.timedelta(days=365)
    outcome = certify(authority, wanted)
    assert [change.what for change in outcome.changes] == ["valid until"]
    assert (place / "tls.key").read_bytes() == key


def test_one_that_was_made_before_the_wanted_time_is_made_anew_with_a_new_key_once(
    wanted: dict[str, Any], place: Path
) -> None:
    authority = Authority()
    authority.backdated = datetime.timedelta(hours=1)
    certify(authority, wanted)
    key = (place / "tls.key").read_bytes()
    authority.backdated = signing.BACKDATED
    since = int(time.time())
    assert not certify(authority, wanted, issued_after=since - 7200).changed
    outcome = certify(authority, wanted, issued_after=since)
    assert [change.what for change in outcome.changes] == ["made with its key"]
    assert (place / "tls.key").read_bytes() != key
    assert stat.S_IMODE((place / "tls.key").stat().st_mode) == 0o600
    assert not certify(authority, wanted, issued_after=since).changed


def test_one_that_is_rotated_after_its_end_has_a_new_key_too(wanted: dict[str, Any], place: Path) -> None:
    authority = Authority(lifetime=datetime.timedelta(minutes=-10))
    authority.backdated = datetime.timedelta(hours=1)
    assert "did not hold" in certify(authority, wanted).message, "it has ended already"
    key = (place / "tls.key").read_bytes()
    authority.lifetime, authority.backdated = datetime.timedelta(days=365), signing.BACKDATED
    outcome = certify(authority, wanted, issued_after=int(time.time()))
    assert [change.what for change in outcome.changes] == ["made with its key", "valid until"]
    assert (place / "tls.key").read_bytes() != key


def test_the_module_knows_how_far_the_authorities_date_back() -> None:
    assert signing.BACKDATED.total_seconds() == certificate.BACKDATED


def test_another_authority_of_the_same_name_is_noticed(wanted: dict[str, Any]) -> None:
    certify(Authority(), wanted)
    outcome = certify(Authority(), wanted)
    assert [change.what for change in outcome.changes] == ["authority"]


def test_one_is_kept_that_any_of_those_who_sign_for_the_authority_has_signed(wanted: dict[str, Any]) -> None:
    root, intermediate = Authority("root"), Authority("intermediate")
    certify(intermediate, wanted)
    root.pem += intermediate.pem
    assert not certify(root, wanted).changed
    other = Authority("root")
    other.pem += Authority("intermediate").pem
    assert [change.what for change in certify(other, wanted).changes] == ["authority"]


def test_a_foreign_key_beside_the_certificate_is_noticed(wanted: dict[str, Any], place: Path) -> None:
    authority = Authority()
    certify(authority, wanted)
    subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-out", wanted["key_path"]], check=True)
    outcome = certify(authority, wanted)
    assert "certificate's key" in [change.what for change in outcome.changes]
    assert not certify(authority, wanted).changed


def test_a_broken_certificate_is_replaced(wanted: dict[str, Any], place: Path) -> None:
    authority = Authority()
    (place / "tls.crt").write_text("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n")
    assert certify(authority, wanted).changed
    assert not certify(authority, wanted).changed


def test_an_answer_for_another_key_is_not_written(wanted: dict[str, Any], place: Path) -> None:
    authority = Authority()
    other = ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    authority.arguments = wanted
    outcome = perform("certificate", wanted, System(sign=lambda key: authority.sign(other)), False)
    assert outcome.message == "the local machine signed another key than the one sent"
    assert list(place.iterdir()) == []


def test_check_mode_says_what_would_be_signed_and_signs_nothing(wanted: dict[str, Any], place: Path) -> None:
    outcome = perform("certificate", wanted, PredictedSystem(), True)
    assert outcome.changed and list(place.iterdir()) == []
    assert outcome.changes[1].after == "for kube-apiserver, signed by cluster"
