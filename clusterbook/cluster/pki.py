"""The cluster's certificate authorities and service account key, made once, kept in the store.

Three roots, as every Kubernetes installer has them (cluster, etcd, front proxy: who is trusted by one is a stranger to
the others), and `signing`, an intermediate of the cluster root for kube-controller-manager, which must have the key of
some CA on the host to sign kubelets' certificates. No root key ever leaves the store.

The private key is written before the certificate that shows its public half, and a mark before the first signature:
whatever moment a run dies, the next one goes on, and nothing that was signed loses its CA.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from clusterbook.cluster import signing
from clusterbook.cluster.secrets import Keyring, ensure_secret
from clusterbook.cluster.signing import CertificateSubject, Issuer
from clusterbook.cluster.store import Store
from clusterbook.errors import Failed, InvalidInput

ROOTS = {"cluster": "kubernetes-ca", "etcd": "etcd-ca", "front_proxy": "front-proxy-ca"}
SIGNING = "signing"
SIGNING_NAME = "kubernetes-signing-ca"
VALIDITY = timedelta(days=3652)
Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The local machine's clock."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Authorities:
    """The CAs of one cluster, ready to sign. Safe to use from several threads."""

    store: Store
    cluster: str
    issuers: Mapping[str, Issuer]
    clock: Clock = utc_now

    def sign(self, authority: str, public_key_pem: str, subject: CertificateSubject) -> str:
        """PEM of a certificate for that public key. authority: cluster, etcd or front_proxy. See signing.sign."""
        if authority not in ROOTS:
            raise InvalidInput(
                f"{authority!r} is not an authority of a cluster", next_step=f"Use one of: {', '.join(ROOTS)}."
            )
        issuer = self.issuers[authority]
        pem = signing.sign(issuer, public_key_pem, subject, self.clock())
        serial = x509.load_pem_x509_certificate(pem.encode()).serial_number
        self.store.write(f"{self.cluster}/pki/issued/{authority}/{serial:040x}.crt", pem.encode(), durable=False)
        return pem

    def certificate(self, authority: str) -> str:
        """The public certificate of a CA, PEM."""
        return _pem(self.issuers[authority].certificate)

    def trust_bundle(self) -> str:
        """What clients and servers of the API trust: the cluster root and the intermediate, PEM."""
        return self.certificate("cluster") + self.certificate(SIGNING)


def ensure_authorities(store: Store, keyring: Keyring, cluster: str, clock: Clock = utc_now) -> Authorities:
    """The CAs of a cluster; what is missing is made, what exists is never made again."""
    issuers = {name: _ensure_issuer(store, keyring, cluster, name, clock, None) for name in ROOTS}
    issuers[SIGNING] = _ensure_issuer(store, keyring, cluster, SIGNING, clock, issuers["cluster"])
    for name in issuers:
        store.swap(f"{cluster}/pki/{_file(name)}.used", None, b"This CA has signed certificates.\n")
    return Authorities(store, cluster, issuers, clock)


def signing_key(store: Store, keyring: Keyring, cluster: str) -> str:
    """The intermediate's private key, PEM, for kube-controller-manager."""
    return _stored_secret(store, keyring, _key_name(cluster, SIGNING)).decode()


def ensure_service_account_key(store: Store, keyring: Keyring, cluster: str) -> tuple[str, str]:
    """(private, public) PEM of the pair that service account tokens are signed with."""
    private = ensure_secret(store, keyring, f"{cluster}/pki/service-account.key.json", _new_key)
    key = serialization.load_pem_private_key(private, password=None)
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()


def _ensure_issuer(
    store: Store, keyring: Keyring, cluster: str, name: str, clock: Clock, parent: Issuer | None
) -> Issuer:
    certificate_name = f"{cluster}/pki/{_file(name)}.crt"
    complete = store.read(certificate_name) is not None and store.read(_key_name(cluster, name)) is not None
    if not complete and store.read(f"{cluster}/pki/{_file(name)}.used") is not None:
        raise _lost(cluster, name)
    if not complete and store.read(certificate_name) is not None:
        raise _lost(cluster, name)
    key = _load_key(ensure_secret(store, keyring, _key_name(cluster, name), _new_key))
    if store.read(certificate_name) is None:
        made = _make_certificate(ROOTS.get(name, SIGNING_NAME), key, clock(), parent)
        store.swap(certificate_name, None, _pem(made).encode())
    certificate = x509.load_pem_x509_certificate(store.read(certificate_name) or b"")
    if certificate.public_key() != key.public_key():
        raise _lost(cluster, name)
    return Issuer(certificate.subject.rfc4514_string().removeprefix("CN="), certificate, key)


def _lost(cluster: str, name: str) -> Failed:
    return Failed(
        f"the {name} CA of cluster {cluster!r} has signed certificates,"
        " but its files in the store are gone or do not match",
        next_step=f"Restore {cluster}/pki/{_file(name)}.crt and .key.json from a backup of the store.",
    )


def _make_certificate(
    common_name: str, key: ec.EllipticCurvePrivateKey, now: datetime, parent: Issuer | None
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    start = now - signing.BACKDATED
    end = start + VALIDITY if parent is None else parent.certificate.not_valid_after_utc
    signer = key if parent is None else parent.key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if parent is None else parent.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None if parent is None else 0), critical=True)
        .add_extension(signing.key_usage(authority=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    return builder.sign(signer, hashes.SHA256())


def _new_key() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )


def _load_key(pem: bytes) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(pem, password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey), "CA keys are made as EC keys"
    return key


def _stored_secret(store: Store, keyring: Keyring, name: str) -> bytes:
    sealed = store.read(name)
    if sealed is None:
        raise Failed(f"{name} is not in the store", next_step="Run invoke provision once, it makes the cluster's PKI.")
    return keyring.open(name, sealed)


def _key_name(cluster: str, name: str) -> str:
    return f"{cluster}/pki/{_file(name)}.key.json"


def _file(name: str) -> str:
    return f"{name.replace('_', '-')}-ca"


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
