"""Earlier runs: listed, shown again, written as a page or for other programs."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from clusterbook.cli.main import Clusterbook
from clusterbook.cli.namespace import collection
from clusterbook.journal import Journal

EVENTS = (
    {"type": "run", "time": 0.0, "playbook": "/p/site.yml", "inventory": "/i/lab.yml", "id": "x", "check": False},
    {"type": "play", "time": 0.1, "name": "site", "hosts": ["a"], "steps": 1},
    {"type": "result", "time": 1.5, "host": "a", "step": 1, "name": "Write", "role": "", "module": "copy",
     "at": "site.yml:3", "status": "changed", "seconds": 1.2, "changes": []},
    {"type": "summary", "time": 2.0, "hosts": {"a": {"ok": 1, "changed": 1, "unreachable": 0, "failed": 0, "skipped": 0,
                                                     "rescued": 0, "ignored": 0, "unknown": 0}}},
)  # fmt: skip


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store with two runs, of two inventories; the second one was killed."""
    monkeypatch.setenv("CLUSTERBOOK_STATE_STORE", f"file://{tmp_path}/store")
    monkeypatch.chdir(tmp_path)
    for run, name, events in (("20260101-1", "lab", EVENTS), ("20260102-2", "mine", EVENTS[:2])):
        journal = Journal(tmp_path / "store" / name / "runs" / run)
        for event in events:
            journal.event(dict(event))
        journal.close()
    return tmp_path


def call(*words: str) -> int:
    known = collection(["report", *words])
    return Clusterbook(namespace=known, name="clusterbook").go(["clusterbook", "report", *words])


def test_runs_of_every_inventory_are_listed_the_newest_last(capsys: pytest.CaptureFixture[str]) -> None:
    assert call() == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert rows[1] == ["20260101-1", "lab", "site", "run", "2.0", "1", "changed"]
    assert rows[2] == ["20260102-2", "mine", "site", "run", "0.1", "did", "not", "end"]


def test_hosts_that_failed_and_hosts_that_were_not_reached_are_told_apart(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    journal = Journal(store / "store" / "lab" / "runs" / "20260103-1")
    failed = {**EVENTS[2], "status": "failed", "msg": "no"}
    lost = {"type": "unreachable", "time": 0.3, "host": "c", "msg": "connection refused", "next_step": ""}
    for event in (*EVENTS[:2], failed, {**failed, "host": "b"}, lost):
        journal.event(dict(event))
    journal.close()
    assert call() == 0
    assert capsys.readouterr().out.splitlines()[-1].endswith("  2 hosts failed, 1 host unreachable")


def test_a_run_is_shown_again(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("--show", "20260101-1") == 0
    assert "~ a        Write   site.yml:3" in capsys.readouterr().out


def test_a_run_is_named_without_an_option_as_other_tasks_take_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("20260101-1", "--verbose") == 0
    assert "~ a        Write   site.yml:3" in capsys.readouterr().out
    assert call("20260109-9") == 3
    assert "there is no run '20260109-9'" in capsys.readouterr().err


def test_a_page_is_for_its_owner_only(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("--cluster", "lab", "--html", "run.html", "--junit", "run.xml") == 0
    assert "<title>site.yml: changed</title>" in (store / "run.html").read_text()
    assert 'tests="1"' in (store / "run.xml").read_text()
    assert stat.S_IMODE((store / "run.html").stat().st_mode) == 0o600
    assert [line.split()[:2] for line in capsys.readouterr().out.splitlines()] == [
        ["wrote", "run.html"], ["wrote", "run.xml"]
    ]  # fmt: skip


def test_a_run_that_there_is_not_is_named_with_the_nearest_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("--show", "20260101-11") == 3
    assert capsys.readouterr().err.splitlines() == [
        "error: there is no run '20260101-11'; did you mean '20260101-1'?",
        "  next: The last runs are: 20260101-1, 20260102-2.",
    ]


def test_a_file_that_cannot_be_written_is_an_error_with_a_next_step(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("--html", "/nowhere/run.html") == 3
    assert capsys.readouterr().err.splitlines() == [
        "error: cannot write '/nowhere/run.html': no such file or directory",
        "  next: Name a file in a folder of yours.",
    ]
