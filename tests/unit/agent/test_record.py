"""What a host keeps of a run for the next worker."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from clusterbook.agent.record import FOLDER, Record, seal, unseal

KEY = bytes(range(32))


def opened(tmp_path: Path, continues: bool = False, key: bytes = KEY) -> tuple[Record, bool]:
    record = Record()
    return record, record.open(str(tmp_path), key, "run-1", "a", continues)


def test_the_next_agent_is_given_what_was_finished_play_by_play(tmp_path: Path) -> None:
    record, _ = opened(tmp_path)
    record.begin()
    record.add({"stdout": "secret"})
    record.begin()
    record.add({"rc": 1})
    record.save()
    assert b"secret" not in b"".join(path.read_bytes() for path in (tmp_path / FOLDER).iterdir())
    os.close(record._descriptor)
    following, known = opened(tmp_path, continues=True)
    assert known
    following.begin()
    assert following.known() == {"stdout": "secret"}
    assert following.known() is None
    following.begin()
    assert following.replaying
    assert following.known() == {"rc": 1}
    assert not following.replaying
    following.drop()
    assert list((tmp_path / FOLDER).iterdir()) == []


def test_a_run_that_goes_on_where_nothing_was_left_says_so(tmp_path: Path) -> None:
    record, _ = opened(tmp_path)
    os.close(record._descriptor)
    assert opened(tmp_path, continues=True)[1] is False


@pytest.mark.parametrize("damage", ["another key", "changed"])
def test_what_was_not_left_by_this_run_is_not_believed(damage: str) -> None:
    data = seal(KEY, b"results")
    assert unseal(KEY, data) == b"results"
    if damage == "another key":
        assert unseal(bytes(32), data) is None
    else:
        assert unseal(KEY, data[:-1] + bytes([data[-1] ^ 1])) is None


def test_the_same_data_is_never_sealed_the_same_way() -> None:
    assert seal(KEY, b"results") != seal(KEY, b"results")


def test_an_agent_that_still_works_is_told_to_end_and_waited_for(tmp_path: Path) -> None:
    code = (
        "import signal, sys, time\n"
        "from clusterbook.agent.record import Record\n"
        "told = []\n"
        "signal.signal(signal.SIGTERM, lambda *_: told.append(1))\n"
        "record = Record()\n"
        f"record.open({str(tmp_path)!r}, {KEY!r}, 'run-1', 'a', False)\n"
        "record.begin()\n"
        "print('ready', flush=True)\n"
        "while not told: time.sleep(0.01)\n"
        "time.sleep(0.3)\n"
        "record.add({'rc': 7})\n"
        "record.save()\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as old:
        assert old.stdout is not None
        assert old.stdout.readline() == "ready\n"
        record, known = opened(tmp_path, continues=True)
        record.begin()
        assert known
        assert record.known() == {"rc": 7}
    record.drop()


def test_what_old_runs_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / FOLDER).mkdir()
    old = tmp_path / FOLDER / "old"
    old.write_bytes(b"sealed")
    os.utime(old, (time.time() - 7 * 24 * 3600,) * 2)
    record, _ = opened(tmp_path)
    assert not old.exists()
    record.drop()
