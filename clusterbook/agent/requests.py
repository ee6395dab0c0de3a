"""Client certificates that the cluster itself signs for a host that shows a token (Kubernetes' signing requests)."""

from __future__ import annotations

import base64
import http.client
import json
import os
import ssl
import subprocess
import time
from typing import Any, Dict, List, Tuple
from urllib.parse import quote, urlsplit

REQUESTS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
SIGNER = "kubernetes.io/kube-apiserver-client"
USAGES = ["digital signature", "client auth"]
SIGNED_SECONDS = 120
TIMEOUT_SECONDS = 10


class Cluster:
    """The cluster's API, asked with a bearer token at the first address that answers."""

    def __init__(self, urls: List[str], authority: str, token: str) -> None:
        """urls: each https://HOST:PORT; authority: PEM of whom to trust."""
        self._addresses = [urlsplit(url) for url in urls]
        self._context = ssl.create_default_context(cadata=authority)
        self._token = token

    def call(self, method: str, path: str, body: Any = None) -> Dict[str, Any]:
        """One request; JSON both ways. Raises OSError, also for a refusal."""
        for left in reversed(range(len(self._addresses))):
            try:
                status, text = self._ask(method, path, body)
                break
            except OSError:
                if not left:
                    raise
                self._addresses.append(self._addresses.pop(0))
        if status >= 300:
            raise OSError(f"the API answers {status} to {method} {path}")
        found: Dict[str, Any] = json.loads(text)
        return found

    def _ask(self, method: str, path: str, body: Any) -> Tuple[int, bytes]:
        """Status and body of the first address's answer. Raises OSError."""
        host, port = self._addresses[0].hostname or "", self._addresses[0].port or 443
        connection = http.client.HTTPSConnection(host, port, timeout=TIMEOUT_SECONDS, context=self._context)
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
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
