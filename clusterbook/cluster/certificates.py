"""Every certificate of a cluster, on its hosts and in its store: until when it is good, and whether its chain is right.

Hosts give the public certificates alone: what is between the lines of a private key is left out over there, for a
kubelet keeps both in one file. What they give is parsed, not believed: chains are checked against the store's CAs.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import yaml
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID

from clusterbook.cluster.pki import ROOTS, SIGNING, Authorities, path_of
from clusterbook.cluster.store import Store

# In place of an authority's name: the file holds CAs themselves.
COPIES = "the CAs"


@dataclass(frozen=True)
class Place:
    """A file of hosts with a certificate. authority: of the store, who must have signed it; used_by: a component."""

    path: str
    authority: str
    used_by: str


_PKI = "/etc/kubernetes/pki"
SIGNS = f"{_PKI}/signing-ca.crt"
# All that roles and kubelets write; a host has those of its roles.
PLACES = (
    Place("/etc/etcd/pki/server.crt", "etcd", "etcd"),
    Place("/etc/etcd/pki/peer.crt", "etcd", "etcd, between members"),
    Place("/etc/etcd/pki/healthcheck-client.crt", "etcd", "etcdctl on the host"),
    Place(f"{_PKI}/apiserver.crt", "cluster", "kube-apiserver"),
    Place(f"{_PKI}/apiserver-kubelet-client.crt", "cluster", "kube-apiserver, to kubelets"),
    Place(f"{_PKI}/apiserver-etcd-client.crt", "etcd", "kube-apiserver, to etcd"),
    Place(f"{_PKI}/front-proxy-client.crt", "front_proxy", "kube-apiserver, to extensions"),
    Place(f"{_PKI}/kube-controller-manager.crt", "cluster", "kube-controller-manager"),
    Place(f"{_PKI}/kube-scheduler.crt", "cluster", "kube-scheduler"),
    Place(f"{_PKI}/kube-proxy.crt", "cluster", "kube-proxy"),
    Place(f"{_PKI}/flannel.crt", "cluster", "flannel"),
    Place(f"{_PKI}/bridge-routes.crt", "cluster", "route keeper"),
    Place(f"{_PKI}/admin.crt", "cluster", "kubectl on the host"),
    Place("/etc/kubernetes/csr-approver/client.crt", "cluster", "approver of kubelets' certificates"),
    Place("/etc/kubernetes/join-keeper/client.crt", "cluster", "keeper of joining"),
    Place("/etc/kubernetes/aws-cloud-controller/client.crt", "cluster", "AWS cloud controller"),
    Place("/etc/clusterbook-logging/agent.crt", "cluster", "agent of logs"),
    Place("/etc/clusterbook-prometheus/client.crt", "cluster", "prometheus"),
    Place("/etc/clusterbook-logging/aggregator.crt", "cluster", "aggregator of logs"),
    Place("/run/clusterbook-bootstrap/operator.crt", "cluster", "provision, for some seconds"),
    Place("/var/lib/kubelet/pki/kubelet-client-current.pem", SIGNING, "kubelet"),
    Place("/var/lib/kubelet/pki/kubelet-server-current.pem", SIGNING, "kubelet, for logs and exec"),
    Place("/etc/etcd/pki/ca.crt", COPIES, "whom etcd trusts"),
    Place(f"{_PKI}/ca.crt", COPIES, "whom the cluster trusts"),
    Place("/etc/clusterbook-logging/ca.crt", COPIES, "whom logging trusts"),
    Place("/etc/clusterbook-prometheus/ca.crt", COPIES, "whom prometheus trusts"),
    Place(f"{_PKI}/etcd-ca.crt", COPIES, "whom kube-apiserver trusts"),
    Place(f"{_PKI}/front-proxy-ca.crt", COPIES, "whom kube-apiserver trusts"),
    Place(SIGNS, COPIES, "signs kubelets' certificates"),
)
_HEAD = "certificate of "
_READ = r"""for file in {files}; do
[ -f "$file" ] || continue
echo "{head}$file"
sed -n '/^-----BEGIN CERTIFICATE-----/,/^-----END CERTIFICATE-----/p' "$file" || exit 1
done"""


@dataclass(frozen=True)
class Certificate:
    """One certificate. host: empty for the store; expires: None when it is none; fault: what of its chain is wrong."""

    name: str
    host: str
    path: str
    issued_by: str
    expires: datetime | None
    fault: str
    used_by: str
    fingerprint: str = ""
    issued: datetime | None = None

    def days_left(self, now: datetime) -> int | None:
        """Whole days; below 0 when it has expired."""
        return None if self.expires is None else (self.expires - now) // timedelta(days=1)

    def ends_within(self, now: datetime, days: int) -> bool:
        """Whether it has expired or will within these days; they count for at most half of its life."""
        if self.expires is None:
            return False
        life = self.expires - (self.issued or now)
        return self.expires - now <= min(timedelta(days=days), life / 2)


def reading_command() -> str:
    """A shell's command that prints the certificates of a host, each file's after a line with its name."""
    return _READ.format(files=" ".join(place.path for place in PLACES), head=_HEAD)


def of_host(host: str, output: bytes, authorities: Authorities) -> list[Certificate]:
    """What `reading_command` printed on a host."""
    places = {place.path: place for place in PLACES}
    found: list[Certificate] = []
    for part in f"\n{output.decode('ascii', 'replace')}".split(f"\n{_HEAD}")[1:]:
        path, _, pem = part.partition("\n")
        if path in places:
            found += _in_file(host, places[path], pem, authorities)
    return found


def of_store(store: Store, authorities: Authorities) -> list[Certificate]:
    """The CAs, and the administrator's kubeconfig when it was asked for."""
    found = []
    for name in (*ROOTS, SIGNING):
        issuers = authorities.trusted["cluster" if name == SIGNING else name]
        for number, certificate, issuer in zip(authorities.numbers, authorities.trusted[name], issuers, strict=True):
            used_by = "signs kubelets' certificates" if name == SIGNING else "signs, and is trusted"
            told = used_by if certificate == authorities.issuers[name].certificate else "is trusted"
            path = f"{path_of(authorities.cluster, name, number)}.crt"
            found.append(_certificate(certificate, "", path, told, _fault(certificate, issuer)))
    path = f"{authorities.cluster}/kubeconfig"
    written = store.read(path)
    if written is not None:
        found += _in_file("", Place(path, "cluster", "people, kubectl"), _of_kubeconfig(written), authorities)
    return found


def in_order(found: Sequence[Certificate]) -> list[Certificate]:
    """Those that end first come first, before them what is no certificate."""
    return sorted(found, key=lambda one: (one.expires.date() if one.expires else date.min, one.path, one.host))


def _in_file(host: str, place: Place, pem: str, authorities: Authorities) -> Iterator[Certificate]:
    try:
        held = x509.load_pem_x509_certificates(pem.encode())
        if place.authority != COPIES:  # the first one is the owner's; others are its chain
            yield _certificate(held[0], host, place.path, place.used_by, _signed(held[0], place, authorities))
            return
        known = {_fingerprint(each) for trusted in authorities.trusted.values() for each in trusted}
        for each in held:
            fault = "" if _fingerprint(each) in known else "not a CA of the store"
            yield _certificate(each, host, place.path, place.used_by, fault)
    except ValueError:
        yield Certificate("?", host, place.path, "?", None, "not a certificate", place.used_by)


def _certificate(found: x509.Certificate, host: str, path: str, used_by: str, fault: str) -> Certificate:
    return Certificate(
        _name(found.subject), host, path, _name(found.issuer), found.not_valid_after_utc, fault, used_by,
        _fingerprint(found), found.not_valid_before_utc,
    )  # fmt: skip


def _signed(certificate: x509.Certificate, place: Place, authorities: Authorities) -> str:
    """What is wrong with who has signed it; empty: one of those who may today."""
    faults = [_fault(certificate, signer) for signer in authorities.signers(place.authority)]
    return "" if "" in faults else faults[0]


def _fault(certificate: x509.Certificate, issuer: x509.Certificate) -> str:
    """Why a certificate is not one that this CA has signed."""
    if certificate.issuer != issuer.subject:
        return f"signed by {_name(certificate.issuer)}, wanted {_name(issuer.subject)}"
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, TypeError, ValueError):
        return f"signed by another {_name(issuer.subject)} than the store's"
    return ""


def _name(name: x509.Name) -> str:
    """The common name, else all of it, as it can be shown on a terminal."""
    common = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    text = str(common[0].value) if common else name.rfc4514_string()
    return "".join(letter if letter.isprintable() else "?" for letter in text)[:100]


def _fingerprint(certificate: x509.Certificate) -> str:
    return certificate.fingerprint(hashes.SHA256()).hex()


def _of_kubeconfig(written: bytes) -> str:
    """The certificate of its only user, PEM; empty when it has none."""
    try:
        document = yaml.safe_load(written)
        user: Mapping[str, str] = document["users"][0]["user"]
        return base64.b64decode(user["client-certificate-data"]).decode("ascii")
    except (yaml.YAMLError, LookupError, TypeError, ValueError):
        return ""
