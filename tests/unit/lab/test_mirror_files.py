"""The file server gives the files of its folder and nothing else."""

from __future__ import annotations

import http.client
import os
import threading

import pytest

from clusterbook.lab.mirror_files import FileServer, byte_range

CONTENT = bytes(range(256)) * 5000


@pytest.fixture
def ask(tmp_path):
    """Ask the running server; the answer's status, headers and body."""
    folder = tmp_path / "served"
    (folder / "etcd/3.7.3/amd64").mkdir(parents=True)
    (folder / "etcd/3.7.3/amd64/etcd").write_bytes(CONTENT)
    (folder / ".hidden").write_text("hidden")
    (tmp_path / "outside").write_text("outside")
    (folder / "link").symlink_to(tmp_path / "outside")
    os.mkfifo(folder / "pipe")
    server = FileServer(folder, "127.0.0.1", 0)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()

    def call(path, method="GET", **headers):
        connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=10)
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer.status, dict(answer.headers), body

    yield call
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_file_is_sent_whole(ask):
    status, headers, body = ask("/etcd/3.7.3/amd64/etcd")
    assert (status, body) == (200, CONTENT)
    assert headers["Content-Length"] == str(len(CONTENT))


def test_head_tells_the_size_alone(ask):
    status, headers, body = ask("/etcd/3.7.3/amd64/etcd", "HEAD")
    assert (status, headers["Content-Length"], body) == (200, str(len(CONTENT)), b"")


def test_a_range_is_sent_as_such(ask):
    status, headers, body = ask("/etcd/3.7.3/amd64/etcd", Range="bytes=100-199")
    assert (status, body) == (206, CONTENT[100:200])
    assert headers["Content-Range"] == f"bytes 100-199/{len(CONTENT)}"


def test_a_range_past_the_end_is_refused(ask):
    status, headers, _ = ask("/etcd/3.7.3/amd64/etcd", Range=f"bytes={len(CONTENT)}-")
    assert (status, headers["Content-Range"]) == (416, f"bytes */{len(CONTENT)}")


@pytest.mark.parametrize(
    "path",
    ["/", "/etcd", "/etcd/3.7.3/amd64/absent", "/../outside", "/%2e%2e/outside", "/link", "/.hidden", "/pipe",
     "/etcd//3.7.3/amd64/etcd/..", "/etcd/3.7.3/amd64/etcd/x"],
)  # fmt: skip
def test_what_is_no_file_of_the_folder_is_not_found(ask, path):
    assert ask(path)[0] == 404


def test_nothing_can_be_written(ask):
    assert ask("/etcd/3.7.3/amd64/etcd", "PUT")[0] == 501


def test_many_hosts_pull_at_the_same_time(ask):
    bodies = []
    threads = [threading.Thread(target=lambda: bodies.append(ask("/etcd/3.7.3/amd64/etcd")[2])) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert bodies == [CONTENT] * 20


@pytest.mark.parametrize(
    ("header", "wanted"),
    [("", (0, 10)), ("bytes=3-", (3, 10)), ("bytes=3-5", (3, 6)), ("bytes=-4", (6, 10)), ("bytes=0-99", (0, 10)),
     ("bytes=10-", None), ("bytes=5-3", None), ("bytes=-", (0, 10)), ("bytes=0-1,4-5", (0, 10))],
)  # fmt: skip
def test_ranges_are_read_as_http_defines_them(header, wanted):
    assert byte_range(header, 10) == wanted
