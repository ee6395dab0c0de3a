"""Programs that outlive their caller are known by pid and start time."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from clusterbook.errors import Failed
from clusterbook.lab import process
from clusterbook.lab.command import run, succeeds


def test_a_started_program_is_recorded_and_ends_when_told(tmp_path: Path) -> None:
    started = process.start(["sleep", "60"], tmp_path / "log", tmp_path / "record.json")
    assert process.read_record(tmp_path / "record.json") == started
    assert process.alive(started)
    process.stop(started)
    assert not process.alive(started)


def test_a_program_survives_its_caller(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from clusterbook.lab import process;"
        "here = Path(sys.argv[1]); process.start(['sleep', '60'], here / 'log', here / 'record.json')"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, timeout=30)
    started = process.read_record(tmp_path / "record.json")
    assert process.alive(started)
    process.stop(started)
    assert not process.alive(started)


def test_a_program_that_ignores_the_request_is_ended(tmp_path: Path) -> None:
    script = "trap '' TERM; echo ready; while :; do sleep 1; done"
    started = process.start(["sh", "-c", script], tmp_path / "log", tmp_path / "record.json")
    while "ready" not in process.tail(tmp_path / "log"):
        time.sleep(0.01)
    process.stop(started, grace=0.1)
    assert not process.alive(started)


def test_another_program_with_the_same_pid_is_left_alone(tmp_path: Path) -> None:
    started = process.start(["sleep", "60"], tmp_path / "log", tmp_path / "record.json")
    earlier = process.Process(started.pid, started.started - 1)
    assert not process.alive(earlier)
    process.stop(earlier)
    assert process.alive(started)
    process.stop(started)


def test_a_record_that_cannot_be_read_is_no_process(tmp_path: Path) -> None:
    (tmp_path / "record.json").write_text('{"pid": 1}')
    assert process.read_record(tmp_path / "record.json") is None
    assert process.read_record(tmp_path / "none.json") is None
    assert not process.alive(None)


def test_a_failed_command_is_told_with_its_own_words() -> None:
    with pytest.raises(Failed) as failed:
        run(["sh", "-c", "echo no such thing >&2; exit 3"])
    assert failed.value.message.endswith("ended with 3: no such thing")


def test_a_missing_command_is_told_with_what_to_do() -> None:
    with pytest.raises(Failed, match="no-such-program is not installed") as failed:
        run(["no-such-program"])
    assert failed.value.next_step == "Install what the lab needs: python -m clusterbook.lab install."


def test_a_command_that_hangs_is_ended() -> None:
    with pytest.raises(Failed, match=r"sleep 60 did not end within 0.1 s"):
        run(["sleep", "60"], seconds=0.1)


def test_success_is_told_without_output() -> None:
    assert succeeds(["true"])
    assert not succeeds(["false"])
