"""Certificates for one run: an authority in memory that signs the local machine's answer service and its workers.

Nobody's private key leaves the process that made it: a worker sends its public key, which is not secret, through the
scheduler, and gets a certificate for it the same way. Valid for the run only: the authority dies with it.
"""

from __future__ import annotations

import datetime
import os
import secrets
import ssl
import tempfile
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAYS = 7
SERVICE = "clusterbook answer service"


class RunAuthority:
    """Signs for one run."""

    def __init__(self) -> None:
        """A new key and certificate."""
        self._key = ec.generate_private_key(ec.SECP256R1())
        name = _name("clusterbook run")
        builder = _builder(name, name, self._key.public_key()).add_extension(x509.BasicConstraints(True, 0), True)
        self._certificate = builder.sign(self._key, hashes.SHA256())

    @property
    def certificate(self) -> str:
        """PEM of the authority."""
        return _pem(self._certificate)

    def worker(self, name: str, public_key: str) -> str:
        """PEM of a worker's certificate."""
        key = serialization.load_pem_public_key(public_key.encode())
        if not isinstance(key, ec.EllipticCurvePublicKey):
            raise ValueError("a worker's key is of another kind")
        return self._sign(name, key, ExtendedKeyUsageOID.CLIENT_AUTH)

    def service(self) -> ssl.SSLContext:
        """TLS of the answer service: workers must show a certificate of this run."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._sign(SERVICE, key.public_key(), ExtendedKeyUsageOID.SERVER_AUTH)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.verify_mode = ssl.CERT_REQUIRED
        return _loaded(context, self.certificate, certificate, key)

    def _sign(self, name: str, key: ec.EllipticCurvePublicKey, usage: x509.ObjectIdentifier) -> str:
        builder = _builder(_name(name), self._certificate.subject, key)
        builder = builder.add_extension(x509.BasicConstraints(False, None), True)
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), True)
        return _pem(builder.sign(self._key, hashes.SHA256()))


def public_key(run: str) -> str:
    """PEM of this worker process's public key for a run."""
    encoding, form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    return own_key(run).public_key().public_bytes(encoding, form).decode()


@cache
def own_key(run: str) -> ec.EllipticCurvePrivateKey:
    """The key of this process for a run: made once, never written. own_key.cache_clear() forgets it."""
    return ec.generate_private_key(ec.SECP256R1())


def worker_context(run: str, authority: str, certificate: str) -> ssl.SSLContext:
    """TLS of a worker: it talks only to the answer service of its run."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # the run's authority signs one service, whatever its address
    return _loaded(context, authority, certificate, own_key(run))


def _loaded(
    context: ssl.SSLContext, authority: str, certificate: str, key: ec.EllipticCurvePrivateKey
) -> ssl.SSLContext:
    """With certificates and key. Python reads a key from files only: it is encrypted, and its password in memory."""
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_verify_locations(cadata=authority)
    password = secrets.token_bytes(32).hex().encode()
    text = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(password)
    )
    descriptor, path = tempfile.mkstemp(prefix="clusterbook-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(certificate.encode() + text)
        context.load_cert_chain(path, password=password)
    finally:
        Path(path).unlink()
    return context


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=10))  # clocks of workers differ
        .not_valid_after(now + datetime.timedelta(days=DAYS))
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
