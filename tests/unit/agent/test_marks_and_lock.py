"""What an agent keeps on its host."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from clusterbook.agent.lock import HostLock
from clusterbook.agent.marks import Marks
from clusterbook.language.runtime import Refused


def test_a_mark_stays_until_its_handler_ran(tmp_path: Path) -> None:
    assert Marks(str(tmp_path), "play").add("Restart etcd")
    assert not Marks(str(tmp_path), "play").add("Restart etcd")
    assert Marks(str(tmp_path), "play").names() == {"Restart etcd"}
    Marks(str(tmp_path), "play").remove("Restart etcd")
    assert Marks(str(tmp_path), "play").names() == set()


def test_a_mark_that_cannot_be_written_says_where(tmp_path: Path) -> None:
    (tmp_path / "pending").write_text("a file in its way")
    with pytest.raises(Refused, match=rf"^{tmp_path}/pending/\w+: Not a directory\.$"):
        Marks(str(tmp_path), "play").add("Restart etcd")


def test_marks_of_another_play_are_not_ours(tmp_path: Path) -> None:
    Marks(str(tmp_path), "one").add("Restart")
    assert Marks(str(tmp_path), "two").names() == set()


def test_a_torn_mark_is_left_out(tmp_path: Path) -> None:
    Marks(str(tmp_path), "play").add("Restart")
    next((tmp_path / "pending").rglob("*/*")).write_text("{")
    assert Marks(str(tmp_path), "play").names() == set()


def test_a_second_run_is_told_who_holds_the_lock(tmp_path: Path) -> None:
    holder = {"run": "20261123-0931", "user": "ada", "machine": "laptop", "started": "09:31"}
    first = HostLock(str(tmp_path))
    assert first.take(holder) is None
    assert HostLock(str(tmp_path)).take({"run": "other"}) == holder


def test_agents_of_one_run_share_the_lock(tmp_path: Path) -> None:
    first = HostLock(str(tmp_path))
    assert first.take({"run": "r"}) is None
    assert HostLock(str(tmp_path)).take({"run": "r"}) is None


def test_the_lock_of_a_process_that_was_killed_is_free(tmp_path: Path) -> None:
    code = (
        "import os,signal,sys; from clusterbook.agent.lock import HostLock\n"
        "lock = HostLock(sys.argv[1]); lock.take({'run': 'dead'}); os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert HostLock(str(tmp_path)).take({"run": "next"}) is None
