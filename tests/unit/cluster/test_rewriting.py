"""Objects are written anew by empty patches, page by page; only a conflict is tried again."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest

from clusterbook.cluster import rewriting
from clusterbook.cluster.probe import Target
from clusterbook.errors import Failed


class Api(BaseHTTPRequestHandler):
    """Lists three names in pages of two, of some resource none, and answers patches as a test says."""

    protocol_version = "HTTP/1.1"
    answers: ClassVar[dict[str, list[int]]] = {}
    patched: ClassVar[list[str]] = []
    accepted: ClassVar[set[str]] = set()

    def do_GET(self) -> None:
        """A page of the list."""
        query = parse_qs(urlsplit(self.path).query)
        first = int(query.get("continue", ["0"])[0])
        names = [] if "/configmaps?" in self.path else ["one", "two", "three"][first : first + 2]
        items = [{"metadata": {"namespace": "kept", "name": name}} for name in names] or None
        self._give(200, {"metadata": {"continue": "2"} if first == 0 and items else {}, "items": items})

    def do_PATCH(self) -> None:
        """What the test says, else 200."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        name = self.path.rpartition("/")[2]
        self.patched.append(f"{self.path} {body.decode()}")
        left = self.answers.get(name, [])
        self._give(left.pop(0) if left else 200, {"message": "the reason"})

    def _give(self, status: int, answer: object) -> None:
        self.accepted.add(self.headers["Accept"].partition(";")[2][:22])
        text = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *arguments: object) -> None:
        """Says nothing."""


@pytest.fixture
def api() -> Iterator[Target]:
    """A server on the loopback address."""
    Api.answers, Api.patched, Api.accepted = {}, [], set()
    with ThreadingHTTPServer(("127.0.0.1", 0), Api) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield Target("127.0.0.1", int(server.server_address[1]))
        server.shutdown()
        thread.join()


def test_every_object_of_every_page_gets_an_empty_patch_and_only_names_are_asked_for(api: Target) -> None:
    assert rewriting.rewrite(api, "secrets") == 3
    assert Api.patched == [f"/api/v1/namespaces/kept/secrets/{name} {{}}" for name in ("one", "two", "three")]
    assert Api.accepted == {"as=PartialObjectMetada"}


def test_where_nothing_is_kept_nothing_is_written(api: Target) -> None:
    assert rewriting.rewrite(api, "configmaps") == 0


def test_a_conflict_is_tried_again_and_what_is_gone_is_done(api: Target) -> None:
    Api.answers = {"one": [409, 409], "two": [404]}
    assert rewriting.rewrite(api, "secrets") == 3
    assert len(Api.patched) == 5


@pytest.mark.parametrize("status", [403, 422, 500])
def test_anything_else_ends_it_with_the_servers_words(api: Target, status: int) -> None:
    Api.answers = {"two": [status]}
    with pytest.raises(Failed, match=f"secrets kept/two .* says {status}: the reason"):
        rewriting.rewrite(api, "secrets")
    assert len(Api.patched) == 2


def test_an_api_that_does_not_answer_is_told() -> None:
    with pytest.raises(Failed, match="did not answer"):
        rewriting.rewrite(Target("127.0.0.1", 1), "secrets")
