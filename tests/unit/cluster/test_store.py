"""The store keeps what it was given, privately, and never half."""

from __future__ import annotations

import multiprocessing
import os
import signal
import stat
import subprocess
import sys
import textwrap
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from clusterbook.cluster.names import StoreError
from clusterbook.cluster.store import (
    FileStore,
    UnwrittenStore,
    check_cluster_name,
    cluster_names,
    new_run,
    open_store,
)
from clusterbook.errors import InvalidInput


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_was_written_is_read_again_and_absence_is_none(store: FileStore) -> None:
    assert store.read("lab/cluster.yaml") is None
    store.write("lab/cluster.yaml", b"one")
    store.write("lab/cluster.yaml", b"two")
    assert store.read("lab/cluster.yaml") == b"two"


def test_folders_are_0700_and_files_0600_whatever_the_umask(store: FileStore, tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        store.write("lab/pki/etcd-ca.crt", b"x")
        run = new_run(store, "lab", datetime(2026, 11, 23, 9, 31, tzinfo=UTC))
    finally:
        os.umask(old)
    root = tmp_path / "state" / "clusterbook"
    assert [mode(path) for path in (root, root / "lab", root / "lab/pki", run)] == [0o700] * 4
    assert mode(root / "lab/pki/etcd-ca.crt") == 0o600
    assert run.name.startswith("20261123-093100-")


def test_a_folder_that_was_opened_to_others_is_closed_again(store: FileStore, tmp_path: Path) -> None:
    store.write("lab/a", b"x")
    (tmp_path / "state/clusterbook/lab").chmod(0o755)
    store.write("lab/b", b"x")
    assert mode(tmp_path / "state/clusterbook/lab") == 0o700


def test_a_swap_succeeds_only_from_the_content_that_was_seen(store: FileStore) -> None:
    assert store.swap("lab/x", None, b"one")
    assert not store.swap("lab/x", None, b"two")
    assert not store.swap("lab/x", b"other", b"two")
    assert store.swap("lab/x", b"one", b"two")
    assert store.read("lab/x") == b"two"
    assert store.swap("lab/x", b"two", None)
    assert store.read("lab/x") is None


def _add_one_fifty_times(address: str) -> None:
    store = open_store({}, address)
    done = 0
    while done < 50:
        old = store.read("counter")
        done += store.swap("counter", old, str(int(old or b"0") + 1).encode())


def test_swaps_of_several_processes_lose_nothing(store: FileStore) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_add_one_fifty_times, args=(store.address,)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert store.read("counter") == b"150"


def test_names_lists_content_and_not_unfinished_writes(store: FileStore, tmp_path: Path) -> None:
    store.write("lab/pki/b.crt", b"x")
    store.write("lab/pki/a.crt", b"x")
    (tmp_path / "state/clusterbook/lab/pki/.a.crt.123456").write_bytes(b"half")
    assert store.names("lab/pki") == ["lab/pki/a.crt", "lab/pki/b.crt"]
    assert store.names("lab/none") == []


def test_clusters_are_the_folders_with_a_cluster_yaml(store: FileStore) -> None:
    assert cluster_names(store) == []
    store.write("lab/cluster.yaml", b"x")
    store.write("other/lock", b"x")
    assert cluster_names(store) == ["lab"]


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "lab//x", "lab/../../x", ""])
def test_a_name_cannot_leave_the_store(store: FileStore, name: str) -> None:
    with pytest.raises(StoreError, match="not a name in a store"):
        store.write(name, b"x")


@pytest.mark.parametrize("name", ["lab", "demo.k8s.local", "a", "x-1"])
def test_names_that_clusters_may_have(name: str) -> None:
    assert check_cluster_name(name) == name


@pytest.mark.parametrize("name", ["", "..", "a/b", "Lab", "-a", "a..b", "x" * 64, "lab\n"])
def test_names_that_clusters_may_not_have(name: str) -> None:
    with pytest.raises(InvalidInput, match="cannot be the name of a cluster"):
        check_cluster_name(name)


def test_a_store_is_found_by_environment_or_default() -> None:
    assert open_store({"CLUSTERBOOK_STATE_STORE": "file:///var/x"}).address == "file:///var/x"
    assert open_store({}).address.endswith("/clusterbook")
    with pytest.raises(InvalidInput, match="'ftp://x' is not the address of a store") as caught:
        open_store({"CLUSTERBOOK_STATE_STORE": "ftp://x"})
    assert "file:///DIRECTORY" in caught.value.next_step


def test_an_unusable_store_says_which_path_and_why(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("a file")
    with pytest.raises(StoreError, match=r"the store file://.*/plain cannot be used: Not a directory"):
        FileStore(tmp_path / "plain").write("lab/x", b"x")


def test_a_writer_killed_at_any_moment_leaves_the_old_or_the_new_content(store: FileStore) -> None:
    program = textwrap.dedent("""
        import sys
        from clusterbook.cluster.store import open_store
        store = open_store({}, sys.argv[1])
        while True:
            for letter in (b"a", b"b"):
                store.write("lab/big", letter * 300_000)
    """)
    store.write("lab/big", b"a" * 300_000)
    for pause in (0.0, 0.003, 0.007, 0.011, 0.02):
        process = subprocess.Popen([sys.executable, "-c", program, store.address])
        time.sleep(0.15 + pause)
        process.send_signal(signal.SIGKILL)
        process.wait()
        content = store.read("lab/big") or b""
        assert content in (b"a" * 300_000, b"b" * 300_000)
    assert store.names("lab") == ["lab/big"]


def test_an_unwritten_store_shows_what_would_be_written_and_the_one_below_stays_as_it_is(store: FileStore) -> None:
    store.write("lab/cluster.yaml", b"one")
    store.write("keyring.json", b"key")
    above = UnwrittenStore(store)
    above.write("new/cluster.yaml", b"two")
    assert above.swap("new/pki/ca.crt", None, b"ca")
    assert not above.swap("new/pki/ca.crt", None, b"other")
    assert above.swap("lab/cluster.yaml", b"one", None)
    assert (above.read("new/cluster.yaml"), above.read("keyring.json"), above.read("lab/cluster.yaml")) == (
        b"two", b"key", None)  # fmt: skip
    assert (above.names("new"), above.names("lab"), cluster_names(above)) == (
        ["new/cluster.yaml", "new/pki/ca.crt"], [], ["new"])  # fmt: skip
    assert (store.folders(), store.read("lab/cluster.yaml")) == (["lab"], b"one")
    with pytest.raises(StoreError):
        above.write("../outside", b"x")
