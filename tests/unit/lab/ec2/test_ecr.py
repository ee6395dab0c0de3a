"""The registry of the lab's ECR gives images to those who show the account's token, and to nobody else."""

from __future__ import annotations

import base64
import http.client
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from clusterbook.cloud.aws import Cloud
from clusterbook.lab.ec2.ecr import Registry

MANIFEST = b'{"schemaVersion": 2}'
PATH = "/v2/team/hello/manifests/1"


class Mirror(BaseHTTPRequestHandler):
    """A registry with one image."""

    def do_GET(self) -> None:
        """The manifest."""
        found = self.path == PATH
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "application/vnd.oci.image.manifest.v1+json")
        self.send_header("Docker-Content-Digest", "sha256:1")
        self.send_header("Content-Length", str(len(MANIFEST) if found else 0))
        self.end_headers()
        if found and self.command == "GET":
            self.wfile.write(MANIFEST)

    def do_HEAD(self) -> None:
        """The manifest without its content."""
        self.do_GET()

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing."""


@pytest.fixture
def port(aws: Any) -> Iterator[int]:
    """Where the registry listens."""
    mirror = ThreadingHTTPServer(("127.0.0.1", 0), Mirror)
    registry = Registry(("127.0.0.1", 0), f"127.0.0.1:{mirror.server_address[1]}", Cloud("", "us-east-2"))
    servers = (mirror, registry)
    threads = [threading.Thread(target=server.serve_forever, daemon=True) for server in servers]
    for thread in threads:
        thread.start()
    yield int(registry.server_address[1])
    for server, thread in zip(servers, threads, strict=True):
        server.shutdown()
        server.server_close()
        thread.join()


def ask(port: int, path: str, authorization: str = "", method: str = "GET") -> tuple[int, bytes, Any]:
    """Status, content and headers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request(method, path, headers={"Authorization": authorization} if authorization else {})
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, content, answer.headers


@pytest.mark.parametrize("shown", [
    "", "Bearer x", "Basic !", "Basic " + base64.b64encode(b"AWS:of-another-account").decode()
])  # fmt: skip
def test_a_pull_without_the_account_s_token_is_refused_and_told_how_to_show_one(port: int, shown: str) -> None:
    status, content, headers = ask(port, PATH, shown)
    assert (status, content) == (401, b"")
    assert headers["WWW-Authenticate"].startswith("Basic realm=")


def test_a_pull_with_the_token_is_answered_by_the_mirror_s_registry(port: int, aws: Any) -> None:
    token = aws("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
    status, content, headers = ask(port, PATH, f"Basic {token}")
    assert (status, content, headers["Docker-Content-Digest"]) == (200, MANIFEST, "sha256:1")
    assert ask(port, PATH, f"Basic {token}", "HEAD")[:2] == (200, b"")
    assert ask(port, "/v2/team/other/manifests/1", f"Basic {token}")[0] == 404
