"""Times that module file sets, and those that it leaves alone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from clusterbook.modules.contract import Change
from tests.unit.modules.conftest import Do

MOMENT = "202202081414.00"


@pytest.mark.parametrize("state", ["file", "directory", "touch"])
def test_a_time_that_is_given_is_set_once(state: str, do: Do, plan: Do, place: Path) -> None:
    path = place / "x"
    path.mkdir() if state == "directory" else path.write_text("")
    os.utime(path, (1_000_000_000, 1_000_000_000))
    wanted = {"modification_time": MOMENT, "access_time": "preserve", "state": state}
    assert plan("file", path=str(path), **wanted).changed and path.stat().st_mtime == 1_000_000_000
    assert do("file", path=str(path), **wanted).changed
    assert path.stat().st_atime == 1_000_000_000 != path.stat().st_mtime
    assert not do("file", path=str(path), **wanted).changed


def test_now_is_a_change_each_time(do: Do, place: Path) -> None:
    path = place / "x"
    path.write_text("")
    os.utime(path, (1, 1))
    outcome = do("file", path=str(path), access_time="now")
    assert [change.what for change in outcome.changes] == ["access time"] and path.stat().st_mtime == 1
    assert do("file", path=str(path), access_time="now").changed


def test_a_file_that_touch_makes_has_the_time_that_is_given(do: Do, place: Path) -> None:
    first = do("file", path=str(place / "x"), state="touch", modification_time=MOMENT, access_time=MOMENT)
    assert first.changed and Change("state", "absent", "file") in first.changes
    again = do("file", path=str(place / "x"), state="touch", modification_time=MOMENT, access_time=MOMENT)
    assert not again.changed


def test_a_time_of_another_form_is_refused(do: Do, place: Path) -> None:
    outcome = do("file", path=str(place), modification_time="yesterday")
    assert outcome.message == "modification_time is 'yesterday', expected the form %Y%m%d%H%M.%S"
