"""Certificates signed by a CA of the cluster. Of a request only the public key is used; the rest is our own word."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from clusterbook.errors import Failed, InvalidInput

BACKDATED = timedelta(minutes=5)
MASTERS = "system:masters"
_USAGES = {"server_auth": ExtendedKeyUsageOID.SERVER_AUTH, "client_auth": ExtendedKeyUsageOID.CLIENT_AUTH}
_DNS_NAME = re.compile(r"(?=.{1,253}$)(\*\.)?[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*")
_CURVES = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)
PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey


@dataclass(frozen=True)
class CertificateSubject:
    """What a certificate says, from the inventory alone. usages: server_auth, client_auth. days: validity."""

    common_name: str
    organizations: tuple[str, ...] = ()
    dns_names: tuple[str, ...] = ()
    ip_addresses: tuple[str, ...] = ()
    usages: tuple[str, ...] = ("client_auth",)
    days: int = 365


@dataclass(frozen=True)
class Issuer:
    """A CA that can sign. Its key never shows."""

    name: str
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)

    def __getstate__(self) -> object:
        """A CA key does not travel to other processes."""
        raise TypeError("an Issuer is not sent to other processes")


def sign(issuer: Issuer, public_key_pem: str, subject: CertificateSubject, now: datetime) -> str:
    """PEM of a leaf certificate.

    Valid from 5 minutes ago (hosts' clocks differ) for subject.days, never beyond the CA itself.
    """
    _check(subject)
    public_key = _public_key(public_key_pem)
    start = now - BACKDATED
    end = min(start + timedelta(days=subject.days), issuer.certificate.not_valid_after_utc)
    if end <= now or start < issuer.certificate.not_valid_before_utc - BACKDATED:
        raise Failed(
            f"the {issuer.name} CA is only valid until {issuer.certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC",
            next_step="Check this machine's clock, or have it renewed: invoke rotate-certs --yes",
        )
    builder = _leaf(issuer, public_key, subject).not_valid_before(start).not_valid_after(end)
    certificate = builder.sign(issuer.key, hashes.SHA256())
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _leaf(issuer: Issuer, public_key: PublicKey, subject: CertificateSubject) -> x509.CertificateBuilder:
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(issuer.certificate.subject)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(key_usage(encipher=isinstance(public_key, rsa.RSAPublicKey)), critical=True)
        .add_extension(x509.ExtendedKeyUsage([_USAGES[usage] for usage in subject.usages]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()), critical=False)
    )
    names = _alternative_names(subject)
    return builder.add_extension(x509.SubjectAlternativeName(names), critical=False) if names else builder


def key_usage(*, encipher: bool = False, authority: bool = False) -> x509.KeyUsage:
    """The key usage of a leaf (encipher: RSA keys) or of a CA."""
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=encipher,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def _name(subject: CertificateSubject) -> x509.Name:
    organizations = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, text) for text in subject.organizations]
    return x509.Name([*organizations, x509.NameAttribute(NameOID.COMMON_NAME, subject.common_name)])


def _alternative_names(subject: CertificateSubject) -> list[x509.GeneralName]:
    names: list[x509.GeneralName] = [x509.DNSName(name) for name in dict.fromkeys(subject.dns_names)]
    names += [x509.IPAddress(ipaddress.ip_address(text)) for text in dict.fromkeys(subject.ip_addresses)]
    return names


def _check(subject: CertificateSubject) -> None:
    problems = [
        *_bad_texts(subject),
        *(f"{usage!r} is not a usage (server_auth, client_auth)" for usage in subject.usages if usage not in _USAGES),
        *(f"{name!r} is not a DNS name" for name in subject.dns_names if not _DNS_NAME.fullmatch(name)),
        *(f"{text!r} is not an IP address" for text in subject.ip_addresses if not _is_address(text)),
    ]
    if not subject.usages:
        problems.append("it has no usages")
    if subject.days < 1:
        problems.append(f"{subject.days} days of validity are less than one")
    if MASTERS in subject.organizations and (subject.days > 1 or subject.usages != ("client_auth",)):
        problems.append(f"{MASTERS} is above every access rule and cannot be revoked: only clients get it, for one day")
    if problems:
        raise InvalidInput(
            f"certificate {subject.common_name!r}: {'; '.join(problems)}",
            next_step="Correct the certificate task or the inventory variables that it uses.",
        )


def _bad_texts(subject: CertificateSubject) -> Sequence[str]:
    texts = (("common name", subject.common_name), *(("organization", text) for text in subject.organizations))
    return [
        f"the {what} {text!r} must have 1 to 64 printable characters"
        for what, text in texts
        if not 1 <= len(text) <= 64 or not text.isprintable()
    ]


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _public_key(pem: str) -> PublicKey:
    try:
        key = serialization.load_pem_public_key(pem.encode())
    except (ValueError, TypeError) as error:
        raise _bad_key("is not a public key in PEM form") from error
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < 2048:
        raise _bad_key(f"is an RSA key of only {key.key_size} bits")
    if isinstance(key, ec.EllipticCurvePublicKey) and not isinstance(key.curve, _CURVES):
        raise _bad_key(f"is on the curve {key.curve.name}")
    if not isinstance(key, PublicKey):
        raise _bad_key("is neither EC, RSA nor Ed25519")
    return key


def _bad_key(what: str) -> Failed:
    return Failed(
        f"what a host sent to be signed {what}", next_step="Check the private key of that certificate on the host."
    )
