"""One run at a time per cluster, and a dead run holds nobody up."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest

from clusterbook.cluster import lock
from clusterbook.cluster.names import StoreError
from clusterbook.cluster.store import FileStore

HOLD_FOREVER = textwrap.dedent("""
    import sys, time
    from clusterbook.cluster import lock
    from clusterbook.cluster.store import open_store
    with lock.hold(open_store({}, sys.argv[1]), "lab", "provision"):
        print("held", flush=True)
        time.sleep(60)
""")


def start_holder(store: FileStore) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", HOLD_FOREVER, store.address], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def stop(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


def test_a_second_run_is_refused_and_told_who_holds_the_lock(store: FileStore) -> None:
    process = start_holder(store)
    try:
        with pytest.raises(lock.StoreLocked) as caught, lock.hold(store, "lab", "plan"):
            pass
        assert f"process {process.pid}, provision" in caught.value.message
        assert caught.value.next_step.startswith("Wait until that run ends.")
    finally:
        stop(process)


def test_another_cluster_of_the_same_store_is_free(store: FileStore) -> None:
    with lock.hold(store, "lab", "provision"), lock.hold(store, "other", "provision"):
        assert lock.holder(store, "lab") is not None
    assert lock.holder(store, "lab") is None


def test_the_lock_of_a_killed_process_is_taken_over_with_a_message(store: FileStore) -> None:
    stop(start_holder(store))
    said: list[str] = []
    with lock.hold(store, "lab", "plan", say=said.append):
        pass
    assert len(said) == 1
    assert "taking over the lock of" in said[0]
    assert "that process is gone" in said[0]


def test_a_live_lock_is_taken_over_only_when_asked_and_the_old_holder_does_not_release_it(store: FileStore) -> None:
    with lock.hold(store, "lab", "first"):
        second = lock.hold(store, "lab", "second", take_over=True)
        second.__enter__()
    found = lock.holder(store, "lab")
    assert found is not None
    assert found.purpose == "second"
    second.__exit__(None, None, None)
    assert lock.holder(store, "lab") is None


def test_a_silent_holder_on_another_machine_is_taken_over_after_its_time(store: FileStore) -> None:
    now = time.time()
    other = {
        "user": "ann", "machine": "elsewhere.example", "process": 1, "process_started": "x", "purpose": "provision",
        "since": now - 500, "heartbeat": now - 30, "token": "t",
    }  # fmt: skip
    store.write("lab/lock", json.dumps(other).encode())
    with pytest.raises(lock.StoreLocked, match=r"ann on elsewhere\.example"), lock.hold(store, "lab", "plan"):
        pass
    store.write("lab/lock", json.dumps({**other, "heartbeat": now - 200}).encode())
    with lock.hold(store, "lab", "plan"):
        pass


def test_the_heartbeat_moves_while_the_lock_is_held(store: FileStore) -> None:
    with lock.hold(store, "lab", "provision", heartbeat_seconds=0.05) as mine:
        beats: list[float] = []
        while len(set(beats)) < 3 and len(beats) < 500:
            found = lock.holder(store, "lab")
            assert found is not None
            beats.append(found.heartbeat)
            time.sleep(0.02)
        assert beats[-1] > mine.heartbeat


def test_a_damaged_lock_file_does_not_lock_for_ever(store: FileStore) -> None:
    store.write("lab/lock", b"{not json")
    with lock.hold(store, "lab", "plan"):
        pass


def test_the_heartbeat_goes_on_after_the_store_could_not_be_reached(
    store: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, left = FileStore.swap, [3]

    def swap(self: FileStore, name: str, old: bytes | None, new: bytes | None) -> bool:
        if threading.current_thread() is not threading.main_thread() and left[0]:
            left[0] -= 1
            raise StoreError("the store cannot be used")
        return real(self, name, old, new)

    monkeypatch.setattr(FileStore, "swap", swap)
    with lock.hold(store, "lab", "provision", heartbeat_seconds=0.02) as mine:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            found = lock.holder(store, "lab")
            if found and found.heartbeat > mine.heartbeat:
                break
            time.sleep(0.02)
        assert not left[0] and found and found.heartbeat > mine.heartbeat
    assert lock.holder(store, "lab") is None


def test_the_heartbeat_leaves_a_lock_that_is_another_s_alone(store: FileStore) -> None:
    with lock.hold(store, "lab", "first", heartbeat_seconds=0.02):
        taken = False
        while not taken:  # as another run takes it, between two beats
            old = store.read("lab/lock") or b""
            theirs = json.dumps({**json.loads(old), "token": "theirs"}).encode()
            taken = store.swap("lab/lock", old, theirs)
        time.sleep(0.2)
        assert store.read("lab/lock") == theirs
    assert store.read("lab/lock") == theirs
