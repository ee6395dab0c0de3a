"""lineinfile, blockinfile and replace: tables of text before, arguments, text after."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest

from tests.unit.modules.conftest import Do

LINE: list[tuple[str, dict[str, Any], str]] = [
    ("a\nb\n", {"line": "c"}, "a\nb\nc\n"),
    ("a\nb\n", {"line": "b"}, "a\nb\n"),
    ("a", {"line": "b"}, "a\nb\n"),
    ("x=1\ny=2\nx=3\n", {"line": "x=9", "regexp": "^x="}, "x=1\ny=2\nx=9\n"),
    ("x=1\ny=2\nx=3\n", {"line": "x=9", "regexp": "^x=", "firstmatch": True}, "x=9\ny=2\nx=3\n"),
    ("x=1\n", {"line": r"x=\1\1", "regexp": r"^x=(\d)", "backrefs": True}, "x=11\n"),
    ("y\n", {"line": r"x=\1", "regexp": r"^x=(\d)", "backrefs": True}, "y\n"),
    ("a\nb\nc\n", {"line": "n", "insertafter": "^a"}, "a\nn\nb\nc\n"),
    ("a\nb\nc\n", {"line": "n", "insertbefore": "^c"}, "a\nb\nn\nc\n"),
    ("a\n", {"line": "n", "insertbefore": "BOF"}, "n\na\n"),
    ("a\n", {"line": "n", "insertafter": "nothing"}, "a\nn\n"),
    ("a.b\naxb\n", {"line": "n", "search_string": "a.b"}, "n\naxb\n"),
    ("a\nb\na\n", {"line": "a", "state": "absent"}, "b\n"),
    ("x1\nx2\ny\n", {"regexp": "^x", "state": "absent"}, "y\n"),
]
BLOCK: list[tuple[str, dict[str, Any], str]] = [
    ("a\n", {"block": "x\ny"}, "a\n# BEGIN ANSIBLE MANAGED BLOCK\nx\ny\n# END ANSIBLE MANAGED BLOCK\n"),
    ("a", {"block": "x", "marker": "# {mark}"}, "a\n# BEGIN\nx\n# END\n"),
    ("# BEGIN\nold\n# END\nz\n", {"block": "new", "marker": "# {mark}"}, "# BEGIN\nnew\n# END\nz\n"),
    ("a\n# BEGIN\nold\n# END\nz\n", {"state": "absent", "marker": "# {mark}"}, "a\nz\n"),
    ("a\n# BEGIN\nold\n# END\n", {"block": "", "marker": "# {mark}"}, "a\n"),
    ("a\nz\n", {"block": "n", "marker": "# {mark}", "insertafter": "a"}, "a\n# BEGIN\nn\n# END\nz\n"),
    ("a\n", {"block": "n", "marker": "# {mark}", "insertbefore": "BOF"}, "# BEGIN\nn\n# END\na\n"),
]
REPLACE: list[tuple[str, dict[str, Any], str]] = [
    ("a b a\n", {"regexp": "a", "replace": "c"}, "c b c\n"),
    ("k = 1\nk = 2\n", {"regexp": r"^k = (\d)$", "replace": r"k=\1"}, "k=1\nk=2\n"),
    ("a [ a ] a\n", {"regexp": "a", "replace": "b", "after": r"\[", "before": r"\]"}, "a [ b ] a\n"),
    ("a\n", {"regexp": "zzz", "replace": "b"}, "a\n"),
    ("# swap\n/swap none swap\n", {"regexp": r"^(/swap.*)$", "replace": r"# \1"}, "# swap\n# /swap none swap\n"),
]
GROUPS = (("lineinfile", LINE), ("blockinfile", BLOCK), ("replace", REPLACE))
TABLES = [(name, *row) for name, rows in GROUPS for row in rows]


@pytest.mark.parametrize(("module", "before", "arguments", "after"), TABLES)
def test_the_text_becomes_what_is_wanted_and_stays(
    do: Do, plan: Do, place: Path, module: str, before: str, arguments: dict[str, Any], after: str
) -> None:
    path = place / "file"
    path.write_text(before)
    foreseen = plan(module, path=str(path), **arguments)
    assert path.read_text() == before
    outcome = do(module, path=str(path), **arguments)
    assert path.read_text() == after and not outcome.failed
    assert outcome.changed == foreseen.changed == (before != after)
    assert outcome.changes == foreseen.changes
    assert not do(module, path=str(path), **arguments).changed


@pytest.mark.parametrize(("module", "arguments"), [("lineinfile", {"line": "x"}), ("blockinfile", {"block": "x"})])
def test_a_missing_file_is_made_only_when_asked(do: Do, place: Path, module: str, arguments: dict[str, str]) -> None:
    path = place / "new"
    assert do(module, path=str(path), **arguments).message == f"Destination {path} does not exist !"
    outcome = do(module, path=str(path), create=True, mode="0600", **arguments)
    assert outcome.changed and stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_rejected_text_leaves_the_old_one(do: Do, place: Path) -> None:
    path = place / "file"
    path.write_text("good\n")
    outcome = do("lineinfile", path=str(path), line="bad", validate="grep -qv bad -z %s")
    assert outcome.message == "'grep -qv bad -z %s' rejects the new file (exit 1)"
    assert path.read_text() == "good\n" and [item.name for item in place.iterdir()] == ["file"]


def test_a_backup_keeps_the_old_text(do: Do, place: Path) -> None:
    path = place / "file"
    path.write_text("a\n")
    kept = do("lineinfile", path=str(path), line="b", backup=True).values["backup"]
    assert Path(kept).read_text() == "a\n"


def test_an_edited_file_keeps_its_owner_and_mode(do: Do, place: Path) -> None:
    path = place / "file"
    path.write_text("a\n")
    path.chmod(0o640)
    do("file", path=str(path), owner="nobody")
    do("replace", path=str(path), regexp="a", replace="b")
    assert (stat.S_IMODE(path.stat().st_mode), path.stat().st_uid) == (0o640, 65534)


def test_replace_says_when_the_text_around_is_not_there_and_what_it_cannot_do(do: Do, place: Path) -> None:
    path = place / "x"
    path.write_text("a b c\n")
    outcome = do("replace", path=str(path), regexp="b", replace="d", after="z")
    assert not outcome.changed and outcome.values["msg"].startswith("Pattern for before/after params did not match")
    assert do("replace", path=str(path), regexp="b", replace="\\D").message.startswith("Unable to process replace")


def test_a_block_keeps_the_ends_of_its_lines(do: Do, place: Path) -> None:
    path = place / "x"
    path.write_bytes(b"a\r\n")
    assert do("blockinfile", path=str(path), block="b\r\nc").changed
    assert path.read_bytes() == b"a\r\n# BEGIN ANSIBLE MANAGED BLOCK\nb\r\nc\n# END ANSIBLE MANAGED BLOCK\n"
    assert not do("blockinfile", path=str(path), block="b\r\nc").changed
    kept = do("blockinfile", path=str(path), block="d", backup=True).values["backup_file"]
    assert b"b\r\nc" in Path(kept).read_bytes()


def test_a_line_that_is_several_is_put_in_once(do: Do, place: Path) -> None:
    path = place / "x"
    path.write_text("a\n")
    assert do("lineinfile", path=str(path), line="b\nc").changed and path.read_text() == "a\nb\nc\n"
    assert not do("lineinfile", path=str(path), line="b\nc").changed


def test_a_block_whose_marks_are_alike_is_put_in_once(do: Do, place: Path) -> None:
    path = place / "x"
    path.write_text("a\n")
    for changed in (True, False):
        assert do("blockinfile", path=str(path), block="b", marker="# mark").changed is changed
    assert path.read_text() == "a\n# mark\nb\n# mark\n"


def test_a_line_that_matches_itself_again_is_written_and_not_called_undone(do: Do, place: Path) -> None:
    path = place / "x"
    path.write_text("k = v\nk = w\n")
    assert do("lineinfile", path=str(path), regexp="^k = (.*)", backrefs=True, line=r"k = \1x").changed
    assert path.read_text() == "k = v\nk = wx\n"
    assert do("lineinfile", path=str(path), regexp="^k", line="z", mode="0600").changed
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("k = v\nz\n", 0o600)
