"""The few calls of the Kubernetes API that the approver makes, by its client certificate."""

from __future__ import annotations

import http.client
import json
import ssl
from typing import Any
from urllib.parse import quote, urlsplit

REQUESTS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
SERVING, CLIENT = "kubernetes.io/kubelet-serving", "kubernetes.io/kube-apiserver-client"


class ApiError(Exception):
    """The API answered with an error."""


class Api:
    """One kept connection to an API server."""

    def __init__(self, server: str, authority: str, certificate: str, key: str) -> None:
        """server: https URL; the others are paths of PEM files."""
        context = ssl.create_default_context(cafile=authority)
        context.load_cert_chain(certificate, key)
        address = urlsplit(server)
        host, port = address.hostname or "", address.port or 443
        self._connection = http.client.HTTPSConnection(host, port, timeout=90, context=context)

    def close(self) -> None:
        """Ends the connection."""
        self._connection.close()

    def requests(self) -> tuple[str, list]:
        """The version of the list, and all requests to the signers whose certificates the rules know."""
        answer = self._call("GET", REQUESTS)
        found = [item for item in answer["items"] if item["spec"]["signerName"] in (SERVING, CLIENT)]
        return answer["metadata"]["resourceVersion"], found

    def nodes(self) -> list:
        """All nodes."""
        items: list = self._call("GET", "/api/v1/nodes")["items"]
        return items

    def approve(self, item: dict) -> bool:
        """Approves a request. False when another approver was first."""
        condition = {
            "type": "Approved",
            "status": "True",
            "reason": "Rule",
            "message": "approved by clusterbook: by the rules of its approver",
        }
        body = {**item, "status": {"conditions": [condition]}}
        path = f"{REQUESTS}/{quote(item['metadata']['name'], safe='')}/approval"
        return self._call("PUT", path, body, accepted=(404, 409)) is not None

    def wait_for_request(self, version: str, seconds: int) -> None:
        """Returns when a request comes or changes after this version, or after that time."""
        path = f"{REQUESTS}?watch=1&timeoutSeconds={seconds}&resourceVersion={quote(version)}"
        self._connection.request("GET", path)
        response = self._connection.getresponse()
        first = response.readline()
        if first or response.status != 200:
            self._connection.close()

    def _call(self, method: str, path: str, body: dict | None = None, accepted: tuple[int, ...] = ()) -> Any:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        self._connection.request(method, path, None if body is None else json.dumps(body), headers)
        response = self._connection.getresponse()
        text = response.read()
        if response.status in accepted:
            return None
        if response.status >= 300:
            raise ApiError(f"{response.status} for {method} {path.split('?')[0]}: {text[:200]!r}")
        return json.loads(text)
