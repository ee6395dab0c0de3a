"""Downloads go on where they broke and never end in wrong bytes."""

from __future__ import annotations

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from clusterbook.cluster.artifacts.download import NotThere, fetch, published_sum
from clusterbook.errors import Failed

CONTENT = bytes(range(256)) * 4096
SUM = hashlib.sha256(CONTENT).hexdigest()


def nothing(done, total):
    """Report nothing."""


@pytest.fixture
def breaking_server():
    """A server that breaks the connection in the middle of every answer, and remembers where each one began."""
    begun = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
            begun.append(start)
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(CONTENT) - start))
            self.end_headers()
            rest = CONTENT[start:]
            self.wfile.write(rest[: max(len(rest) // 2, 300_000)])

        def log_message(self, *_):
            """Stay quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/file", begun
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_download_that_breaks_goes_on_where_it_broke(breaking_server, tmp_path):
    url, begun = breaking_server
    assert fetch(url, tmp_path / "file", SUM, nothing).read_bytes() == CONTENT
    assert begun[0] == 0
    assert begun == sorted(set(begun))
    assert len(begun) > 1


def test_a_download_goes_on_from_what_an_earlier_run_left(served, tmp_path):
    (served.folder / "file").write_bytes(CONTENT)
    (tmp_path / "file").write_bytes(CONTENT[:1000])
    seen = []
    fetch(f"{served.url}/file", tmp_path / "file", SUM, lambda done, total: seen.append((done, total)))
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert all(total == len(CONTENT) for _, total in seen)


def test_a_whole_file_that_an_earlier_run_left_is_not_fetched_again(tmp_path):
    (tmp_path / "file").write_bytes(CONTENT)
    assert fetch("http://127.0.0.1:9/file", tmp_path / "file", SUM, nothing) == tmp_path / "file"


def test_wrong_bytes_that_an_earlier_run_left_are_thrown_away(served, tmp_path):
    (served.folder / "file").write_bytes(CONTENT)
    (tmp_path / "file").write_bytes(b"x" * 1000)
    with pytest.raises(Failed, match="the lock says"):
        fetch(f"{served.url}/file", tmp_path / "file", SUM, nothing)
    assert fetch(f"{served.url}/file", tmp_path / "file", SUM, nothing).read_bytes() == CONTENT


def test_an_address_without_the_file_says_so(served, tmp_path):
    with pytest.raises(NotThere, match="answers 404"):
        fetch(f"{served.url}/file", tmp_path / "file", SUM, nothing)


def test_only_http_addresses_are_fetched(tmp_path):
    with pytest.raises(Failed, match="is not an HTTP address"):
        fetch("file:///etc/passwd", tmp_path / "file", SUM, nothing)


@pytest.mark.parametrize(
    "listing",
    [SUM, f"{SUM}\n", f"{SUM}  tool\n", f"{'0' * 64}  other\n{SUM} *tool\n", f"{SUM.upper()}  tool"],
)
def test_the_usual_forms_of_published_sums_are_read(listing):
    assert published_sum(listing, "tool") == SUM


def test_a_listing_without_the_file_gives_no_sum():
    assert published_sum(f"{SUM}  other\n", "tool") is None
