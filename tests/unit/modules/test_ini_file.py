"""Options in files of sections."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from clusterbook.modules.ini_text import Wanted, edited
from tests.unit.modules.conftest import Do


def wanted(**changes: Any) -> Wanted:
    return Wanted(**{"section": "s", "option": "o", "values": ("v",), "present": True, **changes})


@pytest.mark.parametrize(
    ("before", "change", "after"),
    [
        ("", {}, "\n[s]\no = v\n"),
        ("[s]\n", {"equals": "="}, "[s]\no=v\n"),
        ("[s]\no=x\n\n[t]\no=1\n", {}, "[s]\no = v\n\n[t]\no=1\n"),
        ("[s]\n#o = z\na=b\n\n# c\n[t]\n", {}, "[s]\no = v\na=b\n\n# c\n[t]\n"),
        ("[s]\n#o = z\na=b\n", {"inactive": False}, "[s]\n#o = z\na=b\no = v\n"),
        ("[s]\no = v\no = w\n", {}, "[s]\no = v\n"),
        ("[s]\no=v\n", {"ignore_spaces": True}, "[s]\no=v\n"),
        ("[s]\no=1\no=2\n", {"values": ("3",), "exclusive": False}, "[s]\no=1\no=2\no = 3\n"),
        ("[s]\no=1\no=2\no=4\n", {"values": ("2", "3")}, "[s]\no = 3\no = 2\n"),
        ("[s]\no=1\n", {"bare": True, "values": ()}, "[s]\no\n"),
        ("[s]\n", {"bare": True, "values": ()}, "[s]\no\n"),
        ("x=1\n[s]\n", {"section": None}, "x=1\no = v\n[s]\n"),
        ("x=1\n", {"option": None}, "x=1\n[s]\n"),
        ("[s]\na=1\no=2\n[t]\n", {"present": False}, "[s]\na=1\n[t]\n"),
        ("[s]\no=1\no=2\n", {"present": False, "exclusive": False, "values": ("2",)}, "[s]\no=1\n"),
        ("x=1\n[s]\na=1\n[t]\n", {"present": False, "option": None}, "x=1\n[t]\n"),
        ("[s]\nk=1\n[s]\nk=2\n", {"conditions": (("k", ("2",)),)}, "[s]\nk=1\n[s]\nk=2\no = v\n"),
        ("[s]\nk=1\n", {"conditions": (("k", ("3",)),)}, "[s]\nk=1\n[s]\nk = 3\no = v\n"),
        ("[s]\no = a=b\n", {"values": ("a=b",)}, "[s]\no = a=b\n"),
    ],
)
def test_a_text_becomes_what_is_wanted_once(before: str, change: dict[str, Any], after: str) -> None:
    assert edited(before, wanted(**change))[0] == after
    assert edited(after, wanted(**change))[0] == after


def test_a_file_is_made_changed_and_left_alone(do: Do, place: Path) -> None:
    path = place / "new/f.ini"
    arguments = {"path": str(path), "section": "s", "option": "o", "value": "v", "mode": "0600"}
    first = do("ini_file", **arguments)
    assert first.changed and first.values["msg"] == "section and option added"
    assert path.read_text() == "\n[s]\no = v\n" and path.stat().st_mode & 0o777 == 0o600
    assert not do("ini_file", **arguments).changed
    assert do("ini_file", path=str(path), section="s", state="absent").values["msg"] == "section removed"
    assert do("ini_file", path=str(place / "none"), section="s", option="o", state="absent").changed is False


def test_an_option_without_a_value_is_refused_unless_it_may_stand_alone(do: Do, place: Path) -> None:
    path = str(place / "f")
    assert do("ini_file", path=path, section="s", option="o").failed
    assert do("ini_file", path=path, section="s", option="o", allow_no_value=True).changed
    assert do("ini_file", path=path, section="s", option="o", create=False, value="1").changed
    assert do("ini_file", path=path + "x", section="s", option="o", create=False, value="1").failed
