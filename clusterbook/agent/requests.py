"""What a host that joins by itself asks of its cluster: client certificates for a token, and whose a node's name is.

Certificates: Kubernetes' signing requests.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import ssl
import subprocess
import time
from typing import Any, Dict, List, Optional, Tuple
from urllib.parse import quote, urlsplit

REQUESTS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
SIGNER = "kubernetes.io/kube-apiserver-client"
USAGES = ["digital signature", "client auth"]
SIGNED_SECONDS = 120
TIMEOUT_SECONDS = 10
MISSING = 404


class Missing(OSError):
    """The cluster has no such object."""


class Cluster:
    """The cluster's API, asked with a bearer token or as a client at the first address that answers."""

    def __init__(self, urls: List[str], authority: str, token: str, client: Optional[Tuple[str, str]] = None) -> None:
        """urls: each https://HOST:PORT; authority: PEM of whom to trust; client: files of a certificate and its key.

        token: '' for a client.
        """
        self._addresses = [urlsplit(url) for url in urls]
        self._context = ssl.create_default_context(cadata=authority)
        if client:
            self._context.load_cert_chain(*client)
        self._token = token

    def call(self, method: str, path: str, body: Any = None) -> Dict[str, Any]:
        """One request; JSON both ways. Raises OSError, also for a refusal; Missing for what is not there."""
        for left in reversed(range(len(self._addresses))):
            try:
                status, text = self._ask(method, path, body)
                break
            except OSError:
                if not left:
                    raise
                self._addresses.append(self._addresses.pop(0))
        if status >= 300:
            raise (Missing if status == MISSING else OSError)(f"the API answers {status} to {method} {path}")
        found: Dict[str, Any] = json.loads(text)
        return found

    def _ask(self, method: str, path: str, body: Any) -> Tuple[int, bytes]:
        """Status and body of the first address's answer. Raises OSError."""
        host, port = self._addresses[0].hostname or "", self._addresses[0].port or 443
        connection = http.client.HTTPSConnection(host, port, timeout=TIMEOUT_SECONDS, context=self._context)
        shown = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        headers = {**shown, "Content-Type": "application/json"}
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            return response.status, response.read()
        except http.client.HTTPException as error:
            raise OSError(f"the API does not speak HTTP: {error!r}") from error
        finally:
            connection.close()


def client_certificate(cluster: Cluster, wanted: Dict[str, Any]) -> bool:
    """Key and certificate at the wanted paths, made and asked for when one is not there. True when it was signed now.

    wanted: path, key_path, common_name, days. Raises OSError.
    """
    if os.path.exists(wanted["path"]) and os.path.exists(wanted["key_path"]):
        return False
    for path in (wanted["path"], wanted["key_path"]):
        os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    if not os.path.exists(wanted["key_path"]):
        curve = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]
        _replace(wanted["key_path"], _openssl("genpkey", *curve), 0o600)
    request = _openssl("req", "-new", "-key", wanted["key_path"], "-subj", f"/CN={wanted['common_name']}")
    _replace(wanted["path"], signed(cluster, request, int(wanted["days"])), 0o644)
    return True


def provider_of(cluster: Cluster, node: str) -> str:
    """The provider ID of a node; '' while there is no such node, or none was said. Raises OSError."""
    try:
        found = cluster.call("GET", f"/api/v1/nodes/{quote(node, safe='')}")
    except Missing:
        return ""
    return str(found["spec"].get("providerID", ""))


def signed(cluster: Cluster, request: bytes, days: int) -> bytes:
    """The certificate that the cluster makes of a request in PEM. Raises OSError."""
    body = {
        "apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest",
        "metadata": {"generateName": "clusterbook-join-"},
        "spec": {"request": base64.b64encode(request).decode(), "signerName": SIGNER, "usages": USAGES,
                 "expirationSeconds": days * 86400},
    }
    name = cluster.call("POST", REQUESTS, body)["metadata"]["name"]
    deadline = time.monotonic() + SIGNED_SECONDS
    while time.monotonic() < deadline:
        status = cluster.call("GET", f"{REQUESTS}/{quote(name, safe='')}").get("status", {})
        if status.get("certificate"):
            return base64.b64decode(status["certificate"])
        refused = [one for one in status.get("conditions", ()) if one["type"] in ("Denied", "Failed")]
        if refused:
            raise OSError(f"request {name} was refused: {refused[0].get('message', '')}")
        time.sleep(1)
    raise OSError(f"request {name} was not approved in {SIGNED_SECONDS} s: see clusterbook-csr-approver there")


def _openssl(*words: str) -> bytes:
    done = subprocess.run(["openssl", *words], capture_output=True, check=False)
    if done.returncode:
        raise OSError(f"openssl {words[0]}: {done.stderr.decode('utf-8', 'replace').strip()}")
    return done.stdout


def _replace(path: str, content: bytes, mode: int) -> None:
    partial = f"{path}.join"
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    os.replace(partial, path)
