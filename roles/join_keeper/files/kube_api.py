"""Kubernetes' API, as services on hosts ask it: by a client certificate, JSON both ways.

Standard library alone, Python >= 3.9.
"""

from __future__ import annotations

import http.client
import json
import ssl
from typing import Any
from urllib.parse import urlsplit


class ApiError(Exception):
    """The API answered with an error. status: its number; said: the begin of its answer."""

    def __init__(self, status: int, about: str, said: bytes = b"") -> None:
        """about: the request."""
        super().__init__(f"{status} for {about}")
        self.status = status
        self.said = said[:200].decode(errors="replace")


class Api:
    """One kept connection to an API server."""

    def __init__(self, settings: dict, seconds: float) -> None:
        """settings: server (an https URL) and paths of PEM files; without a key the certificate's file has it, too."""
        context = ssl.create_default_context(cafile=settings["authority"])
        context.load_cert_chain(settings["certificate"], settings.get("key"))
        address = urlsplit(settings["server"])
        self._connection = http.client.HTTPSConnection(
            address.hostname or "", address.port or 443, timeout=seconds, context=context
        )

    def close(self) -> None:
        """Ends the connection."""
        self._connection.close()

    def call(self, method: str, path: str, body: Any = None, kind: str = "application/json") -> Any:
        """One request. Raises ApiError, OSError."""
        self._connection.request(method, path, None if body is None else json.dumps(body), {"Content-Type": kind})
        response = self._connection.getresponse()
        text = response.read()
        if response.status >= 300:
            raise ApiError(response.status, f"{method} {path.partition('?')[0]}", text)
        return json.loads(text)

    def wait(self, path: str) -> None:
        """Returns when a watch tells something or is over. Raises OSError."""
        self._connection.request("GET", path)
        self._connection.getresponse().readline()
        self._connection.close()  # what else it tells is left unread
