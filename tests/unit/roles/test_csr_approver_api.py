"""What the approver asks an API server for, of a server that answers as Kubernetes does."""

from __future__ import annotations

import http.client
import importlib
import json
import ssl
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

ROLES = Path(__file__).parents[3] / "roles"
ITEM = {"metadata": {"name": "csr-1"}, "spec": {"signerName": "kubernetes.io/kubelet-serving"}}


@dataclass
class Server:
    """What it answers to the next requests, and what it was asked."""

    answers: list[tuple[int, bytes]] = field(default_factory=list)
    asked: list[tuple[str, str, Any]] = field(default_factory=list)


class Handler(BaseHTTPRequestHandler):
    """Answers from the list; the connection stays."""

    protocol_version = "HTTP/1.1"

    def __init__(self, server: Server, *about: Any) -> None:
        """server: what to answer."""
        self.known = server
        super().__init__(*about)

    def do_GET(self) -> None:
        """Any request."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.known.asked.append((self.command, self.path, json.loads(body) if body else None))
        status, text = self.known.answers.pop(0)
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_PUT = do_GET  # noqa: N815

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture
def server() -> Iterator[tuple[Server, int]]:
    """A server on loopback, and its port."""
    one = Server()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, one)) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield one, listening.server_address[1]
        listening.shutdown()


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The approver's calls, with the connection beside them as on a host, and without TLS."""
    for role in ("csr_approver", "join_keeper"):
        monkeypatch.syspath_prepend(str(ROLES / role / "files"))
    context = SimpleNamespace(load_cert_chain=lambda *_: None)
    monkeypatch.setattr(ssl, "create_default_context", lambda cafile: context)
    monkeypatch.setattr(http.client, "HTTPSConnection", lambda host, port, timeout, context: http.client.HTTPConnection(
        host, port, timeout=timeout))  # fmt: skip
    yield importlib.import_module("api")
    for name in ("api", "kube_api"):
        sys.modules.pop(name)


@pytest.fixture
def requests(program: ModuleType, server: tuple[Server, int]) -> Iterator[Any]:
    """The connection."""
    files = dict.fromkeys(("authority", "certificate", "key"), "/x")
    found = program.Requests({"server": f"https://127.0.0.1:{server[1]}", **files}, 5)
    yield found
    found.close()


def test_only_requests_to_signers_of_the_rules_are_listed(requests: Any, server: tuple[Server, int]) -> None:
    other = {"metadata": {"name": "x"}, "spec": {"signerName": "example.com/other"}}
    server[0].answers = [(200, json.dumps({"metadata": {"resourceVersion": "7"}, "items": [ITEM, other]}).encode())]
    assert requests.requests() == ("7", [ITEM])


@pytest.mark.parametrize(("status", "approved"), [(200, True), (404, False), (409, False)])
def test_a_request_that_another_approver_took_is_no_error(
    requests: Any, server: tuple[Server, int], status: int, approved: bool
) -> None:
    server[0].answers = [(status, b"{}")]
    assert requests.approve(ITEM) is approved
    method, path, body = server[0].asked[0]
    assert (method, path.rpartition("/")[2], body["status"]["conditions"][0]["type"]) == ("PUT", "approval", "Approved")


def test_an_answer_that_refuses_is_an_error_with_its_words(
    program: ModuleType, requests: Any, server: tuple[Server, int]
) -> None:
    server[0].answers = [(403, b'{"message": "nodes is forbidden"}')]
    with pytest.raises(program.ApiError, match=r"^403 for GET /api/v1/nodes$") as found:
        requests.nodes()
    assert "nodes is forbidden" in found.value.said


def test_a_watch_ends_with_what_it_tells_first_and_the_next_request_works(
    requests: Any, server: tuple[Server, int]
) -> None:
    server[0].answers = [(200, b'{"type": "ADDED"}\n{"type": "ADDED"}\n'), (200, b""), (200, b'{"items": []}')]
    requests.wait_for_request("7", 60)
    assert server[0].asked[0][1].endswith("?watch=1&timeoutSeconds=60&resourceVersion=7")
    requests.wait_for_request("8", 60)
    assert requests.nodes() == []
