"""The cluster's certificate authorities and service account key, made once, kept in the store.

Three roots, as every Kubernetes installer has them (cluster, etcd, front proxy: who is trusted by one is a stranger to
the others), and `signing`, an intermediate of the cluster root for kube-controller-manager, which must have the key of
some CA on the host to sign kubelets' certificates. No root key ever leaves the store.

All four are made anew together, a generation (see generations.py). A new root has a second certificate, which the old
root signed: API servers show it, so that who trusts the old root alone believes them all the same.

The private key is written before the certificate that shows its public half, and a mark before the first signature:
whatever moment a run dies, the next one goes on, and nothing that was signed loses its CA.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from clusterbook.cluster import generations, signing
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
    """The CAs of one cluster, ready to sign. Safe to use from several threads.

    issuers: those that sign. trusted: of every generation, the oldest first, as numbers says them. bridge: PEM of the
    cluster root's second certificate, by the root before it; empty when there was none.
    """

    store: Store
    cluster: str
    issuers: Mapping[str, Issuer]
    trusted: Mapping[str, tuple[x509.Certificate, ...]]
    numbers: generations.Generations
    clock: Clock = utc_now
    bridge: str = ""

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
        return pem + self.bridge if authority == "cluster" and "server_auth" in subject.usages else pem

    def certificate(self, authority: str) -> str:
        """The public certificate of the CA that signs, PEM."""
        return as_pem(self.issuers[authority].certificate)

    def signers(self, authority: str) -> tuple[x509.Certificate, ...]:
        """Who may have signed a certificate of that authority today.

        For the cluster it is its root, and the intermediate by which control planes sign what hosts ask the API for.
        """
        names = (authority, SIGNING) if authority == "cluster" else (authority,)
        return tuple(self.issuers[name].certificate for name in names)

    def signers_bundle(self, authority: str) -> str:
        """The same as PEM."""
        return "".join(as_pem(each) for each in self.signers(authority))

    def bundle(self, authority: str) -> str:
        """The public certificates of a CA that are trusted, PEM."""
        return "".join(as_pem(each) for each in self.trusted[authority])

    def trust_bundle(self) -> str:
        """What clients and servers of the API trust: cluster roots, each with its intermediate, PEM."""
        pairs = zip(self.trusted["cluster"], self.trusted[SIGNING], strict=True)
        return "".join(as_pem(root) + as_pem(intermediate) for root, intermediate in pairs)

    def newest(self) -> Authorities:
        """The same when only those that sign are trusted."""
        return replace(self, trusted={name: (issuer.certificate,) for name, issuer in self.issuers.items()})


def path_of(cluster: str, name: str, number: int) -> str:
    """Where the store has a CA of a generation, without the ending."""
    return f"{cluster}/pki/{_numbered(_file(name), number)}"


def ensure_authorities(store: Store, keyring: Keyring, cluster: str, clock: Clock = utc_now) -> Authorities:
    """The CAs of a cluster; what is missing is made, what exists is never made again."""
    kept = generations.read(store, cluster, generations.AUTHORITIES)
    made = {number: _ensure_generation(store, keyring, cluster, number, clock) for number in sorted(kept)}
    for number, issuers in made.items():
        for name in issuers:
            store.swap(f"{path_of(cluster, name, number)}.used", None, b"This CA has signed certificates.\n")
    trusted = {name: tuple(issuers[name].certificate for issuers in made.values()) for name in made[kept[0]]}
    bridge = (store.read(_bridge_name(cluster, kept[0])) or b"").decode()
    return Authorities(store, cluster, made[kept[0]], trusted, tuple(made), clock, bridge)


def ensure_next(store: Store, keyring: Keyring, cluster: str, clock: Clock = utc_now) -> None:
    """Make the CAs of the next generation, and the new cluster root's certificate by the one that signs now."""
    kept = generations.read(store, cluster, generations.AUTHORITIES)
    number = generations.following(kept)
    old = _ensure_generation(store, keyring, cluster, kept[0], clock)["cluster"]
    new = _ensure_generation(store, keyring, cluster, number, clock)["cluster"]
    bridge = make_certificate(new.certificate.subject, new.key, clock(), old)
    store.swap(_bridge_name(cluster, number), None, as_pem(bridge).encode())


def with_strangers(authorities: Authorities) -> Authorities:
    """The same when as many new CAs are trusted besides, whose keys nobody keeps: for a plan."""
    trusted = {}
    for name, held in authorities.trusted.items():
        key = _load_key(_new_key())
        trusted[name] = (*held, make_certificate(held[0].subject, key, authorities.clock(), None))
    return replace(authorities, trusted=trusted)


def forget(store: Store, cluster: str, what: str, numbers: generations.Generations) -> None:
    """Remove the private keys of generations that nobody trusts any more."""
    names = ["service-account"] if what == generations.ACCOUNTS else [_file(name) for name in (*ROOTS, SIGNING)]
    for number in numbers:
        for file in names:
            name = f"{cluster}/pki/{_numbered(file, number)}.key.json"
            held = store.read(name)
            if held is not None:
                store.swap(name, held, None)


def signing_key(store: Store, keyring: Keyring, cluster: str) -> str:
    """The intermediate's private key, PEM, for kube-controller-manager."""
    number = generations.read(store, cluster, generations.AUTHORITIES)[0]
    return _stored_secret(store, keyring, f"{path_of(cluster, SIGNING, number)}.key.json").decode()


def ensure_service_account_key(store: Store, keyring: Keyring, cluster: str) -> tuple[str, str]:
    """(private, public) PEM: the key that signs service account tokens, and all by which they are checked."""
    kept = generations.read(store, cluster, generations.ACCOUNTS)
    made = {number: _service_account_key(store, keyring, cluster, number) for number in sorted(kept)}
    return made[kept[0]][0], "".join(public for _, public in made.values())


def newest_service_account_key(store: Store, keyring: Keyring, cluster: str) -> str:
    """The public PEM of the pair that signs now."""
    return _service_account_key(store, keyring, cluster, generations.read(store, cluster, generations.ACCOUNTS)[0])[1]


def new_public_key() -> str:
    """The public PEM of a pair that nobody keeps: for a plan."""
    return _public_of(_new_key())


def _service_account_key(store: Store, keyring: Keyring, cluster: str, number: int) -> tuple[str, str]:
    name = f"{cluster}/pki/{_numbered('service-account', number)}.key.json"
    private = ensure_secret(store, keyring, name, _new_key)
    return private.decode(), _public_of(private)


def _public_of(private: bytes) -> str:
    key = serialization.load_pem_private_key(private, password=None).public_key()
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(serialization.Encoding.PEM, form).decode()


def _ensure_generation(store: Store, keyring: Keyring, cluster: str, number: int, clock: Clock) -> dict[str, Issuer]:
    paths = {name: path_of(cluster, name, number) for name in (*ROOTS, SIGNING)}
    issuers = {name: _ensure_issuer(store, keyring, paths[name], name, clock, None) for name in ROOTS}
    issuers[SIGNING] = _ensure_issuer(store, keyring, paths[SIGNING], SIGNING, clock, issuers["cluster"])
    return issuers


def _ensure_issuer(
    store: Store, keyring: Keyring, path: str, name: str, clock: Clock, parent: Issuer | None
) -> Issuer:
    certificate_name, key_name = f"{path}.crt", f"{path}.key.json"
    complete = store.read(certificate_name) is not None and store.read(key_name) is not None
    if not complete and store.read(f"{path}.used") is not None:
        raise _lost(path, name)
    if not complete and store.read(certificate_name) is not None:
        raise _lost(path, name)
    key = _load_key(ensure_secret(store, keyring, key_name, _new_key))
    if store.read(certificate_name) is None:
        suffix = path.rpartition("/")[2].removeprefix(_file(name))
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{ROOTS.get(name, SIGNING_NAME)}{suffix}")])
        made = make_certificate(subject, key, clock(), parent)
        store.swap(certificate_name, None, as_pem(made).encode())
    certificate = x509.load_pem_x509_certificate(store.read(certificate_name) or b"")
    if certificate.public_key() != key.public_key():
        raise _lost(path, name)
    return Issuer(certificate.subject.rfc4514_string().removeprefix("CN="), certificate, key)


def _lost(path: str, name: str) -> Failed:
    return Failed(
        f"the {name} CA of cluster {path.partition('/')[0]!r} has signed certificates,"
        " but its files in the store are gone or do not match",
        next_step=f"Restore {path}.crt and .key.json from a backup of the store.",
    )


def make_certificate(
    subject: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime, parent: Issuer | None
) -> x509.Certificate:
    """The certificate of a CA of that name and key: a root, or an intermediate, which does not outlive its parent."""
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


def _bridge_name(cluster: str, number: int) -> str:
    return f"{path_of(cluster, 'cluster', number)}.bridge.crt"


def _numbered(file: str, number: int) -> str:
    return file if number == 1 else f"{file}-{number}"


def _file(name: str) -> str:
    return f"{name.replace('_', '-')}-ca"


def as_pem(certificate: x509.Certificate) -> str:
    """The certificate as text."""
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
