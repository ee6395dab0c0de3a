"""The cache keeps whole files by content and lets two builders take turns."""

from __future__ import annotations

import hashlib
import threading

from clusterbook.cluster.artifacts.cache import Cache


def test_a_file_is_found_under_its_sum_only(tmp_path):
    cache = Cache(tmp_path)
    with cache.workspace() as folder:
        (folder / "file").write_bytes(b"content")
        sha256 = cache.add(folder / "file")
    assert sha256 == hashlib.sha256(b"content").hexdigest()
    assert cache.find(sha256).read_bytes() == b"content"
    assert cache.find("0" * 64) is None


def test_a_workspace_leaves_nothing_behind(tmp_path):
    cache = Cache(tmp_path)
    with cache.workspace() as folder:
        (folder / "file").write_bytes(b"content")
    assert not list((tmp_path / "work").iterdir())


def test_a_record_counts_only_while_all_its_files_are_there(tmp_path):
    cache = Cache(tmp_path)
    with cache.workspace() as folder:
        (folder / "file").write_bytes(b"content")
        sha256 = cache.add(folder / "file")
    cache.write_record("tool/1.0.0/amd64/0123", "go 1", {"tool": sha256})
    assert cache.record("tool/1.0.0/amd64/0123", "go 1") == {"tool": sha256}
    assert cache.record("tool/1.0.0/amd64/0123", "go 2") is None
    cache.find(sha256).unlink()
    assert cache.record("tool/1.0.0/amd64/0123", "go 1") is None


def test_a_second_builder_waits_for_the_first(tmp_path):
    cache, order, entered = Cache(tmp_path), [], threading.Event()

    def second():
        entered.set()
        with Cache(tmp_path).held("tool"):
            order.append("second")

    with cache.held("tool"):
        thread = threading.Thread(target=second)
        thread.start()
        entered.wait()
        thread.join(0.2)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]
