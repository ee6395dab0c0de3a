"""A host without a local machine has its cluster sign its client certificates, once, and says why when it does not."""

from __future__ import annotations

import base64
import http.client
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from clusterbook.agent import requests


class Cluster:
    """An API that signs, or refuses."""

    def __init__(self, refuses: str = "") -> None:
        self.refuses = refuses
        self.asked: list[dict[str, Any]] = []

    def call(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """Takes a request, then has decided on it."""
        if method == "POST":
            self.asked.append(body)
            return {"metadata": {"name": "clusterbook-join-x"}}
        assert path.endswith("/clusterbook-join-x")
        if self.refuses:
            return {"status": {"conditions": [{"type": "Denied", "message": self.refuses}]}}
        return {"status": {"certificate": base64.b64encode(self._signed()).decode()}}

    def _signed(self) -> bytes:
        request = x509.load_pem_x509_csr(base64.b64decode(self.asked[-1]["spec"]["request"]))
        now, key = datetime.now(UTC), ec.generate_private_key(ec.SECP256R1())
        builder = x509.CertificateBuilder(
            x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "signer")]), request.subject, request.public_key(),
            x509.random_serial_number(), now, now + timedelta(days=1),
        )  # fmt: skip
        return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@pytest.fixture
def wanted(tmp_path: Path) -> dict[str, Any]:
    """What a play says of a certificate."""
    folder = tmp_path / "pki"
    return {"path": f"{folder}/proxy.crt", "key_path": f"{folder}/proxy.key", "common_name": "system:kube-proxy",
            "days": 7}  # fmt: skip


def test_a_key_is_made_here_and_its_certificate_asked_for_under_the_wanted_name(wanted: dict[str, Any]) -> None:
    cluster = Cluster()
    assert requests.client_certificate(cluster, wanted)  # type: ignore[arg-type]
    spec = cluster.asked[0]["spec"]
    assert (spec["signerName"], spec["usages"]) == (requests.SIGNER, ["digital signature", "client auth"])
    assert spec["expirationSeconds"] == 7 * 86400
    certificate = x509.load_pem_x509_certificate(Path(wanted["path"]).read_bytes())
    key = serialization.load_pem_private_key(Path(wanted["key_path"]).read_bytes(), None)
    assert certificate.subject.rfc4514_string() == "CN=system:kube-proxy"
    assert certificate.public_key() == key.public_key()
    assert Path(wanted["key_path"]).stat().st_mode & 0o777 == 0o600
    assert not requests.client_certificate(cluster, wanted)  # type: ignore[arg-type]
    assert len(cluster.asked) == 1


def test_a_refused_request_says_why_and_leaves_no_certificate(wanted: dict[str, Any]) -> None:
    with pytest.raises(OSError, match="request clusterbook-join-x was refused: no such name"):
        requests.client_certificate(Cluster("no such name"), wanted)  # type: ignore[arg-type]
    assert not Path(wanted["path"]).exists()


class Answering(requests.Cluster):
    """A cluster at addresses of which only some answer."""

    def __init__(self, urls: list[str], down: set[str], status: int = 200, said: bytes = b"{}") -> None:
        super().__init__(urls, "", "abcdef.0123456789abcdef")
        self.down, self.status, self.said = down, status, said
        self.asked: list[str] = []

    def _ask(self, method: str, path: str, body: Any) -> tuple[int, bytes]:
        host = self._addresses[0].hostname or ""
        self.asked.append(host)
        if host in self.down:
            raise OSError(f"{host} does not answer")
        return self.status, self.said


URLS = ["https://10.20.32.10:6443", "https://10.20.64.10:6443"]


def test_a_control_plane_that_is_down_is_passed_over_and_not_asked_first_again() -> None:
    cluster = Answering(URLS, {"10.20.32.10"})
    assert cluster.call("GET", "/a") == cluster.call("GET", "/b") == {}
    assert cluster.asked == ["10.20.32.10", "10.20.64.10", "10.20.64.10"]


def test_when_no_control_plane_answers_the_last_one_s_error_is_told() -> None:
    with pytest.raises(OSError, match=r"10\.20\.64\.10 does not answer"):
        Answering(URLS, {"10.20.32.10", "10.20.64.10"}).call("GET", "/a")


def test_a_refusal_holds_for_all_control_planes() -> None:
    cluster = Answering(URLS, set(), 403)
    with pytest.raises(OSError, match="the API answers 403 to GET /a"):
        cluster.call("GET", "/a")
    assert cluster.asked == ["10.20.32.10"]


@pytest.mark.parametrize(("status", "said", "provider"), [
    (404, b"{}", ""),
    (200, b'{"spec": {}}', ""),
    (200, b'{"spec": {"providerID": "aws:///us-east-2a/i-0gone"}}', "aws:///us-east-2a/i-0gone"),
])  # fmt: skip
def test_a_node_says_whose_instance_it_is_unless_there_is_none(status: int, said: bytes, provider: str) -> None:
    assert requests.provider_of(Answering(URLS, set(), status, said), "ip-10-20-40-7") == provider


def test_who_may_not_look_at_a_node_is_told_so() -> None:
    with pytest.raises(OSError, match="the API answers 403 to GET /api/v1/nodes/ip-10-20-40-7"):
        requests.provider_of(Answering(URLS, set(), 403), "ip-10-20-40-7")


def test_a_client_shows_its_certificate_and_no_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[Any] = []
    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", lambda context, *files: shown.append(files))
    monkeypatch.setattr(http.client.HTTPSConnection, "request", lambda self, *about: shown.append(about[3]))
    monkeypatch.setattr(http.client.HTTPSConnection, "getresponse", lambda self: Missing())
    cluster = requests.Cluster(URLS[:1], "", "", ("a.crt", "a.key"))
    assert requests.provider_of(cluster, "ip-10-20-40-7") == ""
    assert shown == [("a.crt", "a.key"), {"Content-Type": "application/json"}]


class Missing:
    """An answer that there is no such object."""

    status = 404

    def read(self) -> bytes:
        """What it says."""
        return b"{}"
