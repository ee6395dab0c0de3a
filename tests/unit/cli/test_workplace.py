"""A private folder that goes at the end of a run, or with the next run when its own was killed."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from clusterbook.cli.workplace import workplace

KILLED = """
import os, signal
from clusterbook.cli.workplace import workplace
with workplace("restore") as folder:
    (folder / "snapshot.db").write_text("objects")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "clusterbook" / "work"


def test_it_is_closed_to_others_and_goes_at_the_end_also_after_an_error(place: Path) -> None:
    with pytest.raises(KeyError), workplace("restore") as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
        assert folder.parent.stat().st_mode & 0o777 == 0o700
        (folder / "snapshot.db").write_text("objects")
        raise KeyError
    assert [each.name for each in place.iterdir()] == ["lock"]


def test_what_a_killed_run_left_goes_with_the_next_one(place: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED], check=False)
    assert done.returncode == -signal.SIGKILL
    (left,) = place.glob("restore-*")
    assert (left / "files" / "snapshot.db").read_text() == "objects"
    with workplace("backup"):
        assert not left.exists()


def test_a_run_that_goes_on_keeps_its_own(place: Path) -> None:
    with workplace("restore") as first:
        (first / "snapshot.db").write_text("objects")
        with workplace("restore") as second:
            assert second != first
            assert (first / "snapshot.db").exists()
