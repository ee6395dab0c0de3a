"""copy and template on a real file system."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from clusterbook.modules.contract import Change
from tests.unit.modules.conftest import Do, tree


def test_text_is_written_with_mode_and_shown_as_a_difference(do: Do, place: Path) -> None:
    dest = str(place / "f")
    first = do("copy", dest=dest, content="one\n", mode="0640")
    assert first.changes == (Change("content", None, "one\n"), Change("mode", None, "0640"))
    second = do("copy", dest=dest, content="two\n")
    assert second.changes == (Change("content", "one\n", "two\n"),) and second.values["mode"] == "0640"
    assert not do("copy", dest=dest, content="two\n").changed


def test_bytes_that_are_no_text_are_shown_by_their_size(do: Do, place: Path, sources: Path) -> None:
    (sources / "b").write_bytes(b"\0\1\2")
    assert do("copy", dest=str(place / "b"), src="b").changes == (Change("content", None, "(3 bytes)"),)


def test_a_mapping_is_written_as_json(do: Do, place: Path) -> None:
    do("copy", dest=str(place / "j"), content={"a": [1, True]})
    assert (place / "j").read_text() == '{"a": [1, true]}'


def test_a_private_file_is_never_readable_by_others(
    do: Do, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    modes: list[int] = []
    rename = os.rename

    def watched(source: str, target: str) -> None:
        modes.append(stat.S_IMODE(os.stat(source).st_mode))
        rename(source, target)

    monkeypatch.setattr(os, "rename", watched)
    do("copy", dest=str(place / "secret"), content="x", mode="0600")
    assert modes == [0o600]


def test_a_directory_is_copied_with_what_is_below(do: Do, place: Path, sources: Path) -> None:
    (sources / "d/e").mkdir(parents=True)
    (sources / "d/e/f").write_text("x")
    (sources / "d/e/f").chmod(0o755)
    assert do("copy", src="d", dest=str(place), mode="preserve").changed
    assert (place / "d/e/f").read_text() == "x" and stat.S_IMODE((place / "d/e/f").stat().st_mode) == 0o755
    assert not do("copy", src="d", dest=str(place), mode="preserve").changed
    (sources / "d/e/f").write_text("y")
    changes = do("copy", src="d", dest=str(place), mode="preserve").changes
    assert [change.what for change in changes] == [f"{place}/d/e/f content"]


def test_a_final_slash_copies_only_what_is_inside(do: Do, place: Path, sources: Path) -> None:
    (sources / "d").mkdir()
    (sources / "d/f").write_text("x")
    do("copy", src="d/", dest=str(place / "new"))
    assert (place / "new/f").read_text() == "x"


def test_a_file_of_the_host_is_copied(do: Do, place: Path) -> None:
    (place / "one").write_text("x")
    assert do("copy", src=str(place / "one"), dest=str(place / "two"), remote_src=True).changed
    assert not do("copy", src=str(place / "one"), dest=str(place / "two"), remote_src=True).changed


def test_a_rejected_file_leaves_the_old_one_and_nothing_else(do: Do, place: Path) -> None:
    (place / "f").write_text("good")
    outcome = do("copy", dest=str(place / "f"), content="bad", validate="grep -q good %s")
    assert outcome.failed and outcome.next_step == "Correct the content; the old file is still in place."
    assert [path.name for path in place.iterdir()] == ["f"] and (place / "f").read_text() == "good"


def test_force_false_keeps_a_file_that_exists(do: Do, place: Path) -> None:
    (place / "f").write_text("mine")
    assert not do("copy", dest=str(place / "f"), content="yours", force=False).changed
    assert do("copy", dest=str(place / "g"), content="yours", force=False).changed


def test_a_missing_directory_is_named_with_what_to_do(do: Do, place: Path) -> None:
    outcome = do("copy", dest=str(place / "no/f"), content="x")
    assert outcome.message == f"{place}/no/f cannot be written: directory {place}/no does not exist"


def test_a_link_is_replaced_unless_it_shall_be_followed(do: Do, place: Path) -> None:
    (place / "target").write_text("old")
    (place / "link").symlink_to("target")
    do("copy", dest=str(place / "link"), content="new", follow=True)
    assert (place / "link").is_symlink() and (place / "target").read_text() == "new"
    do("copy", dest=str(place / "link"), content="newest")
    assert not (place / "link").is_symlink() and (place / "target").read_text() == "new"


def test_a_template_is_written_as_rendered(do: Do, place: Path) -> None:
    arguments = {"src": "a.conf.j2", "dest": str(place / "a.conf"), "_content": "x = 1\n", "owner": "nobody"}
    assert do("template", **arguments).values["owner"] == "nobody"
    assert not do("template", **arguments).changed


def test_check_mode_shows_the_same_difference_and_later_steps_see_it(do: Do, plan: Do, place: Path) -> None:
    (place / "f").write_text("old\n")
    before = tree(place)
    foreseen = plan("copy", dest=str(place / "f"), content="new\n", mode="0600")
    assert not plan("lineinfile", path=str(place / "f"), line="new").changed
    assert not plan("file", path=str(place / "f"), mode="0600").changed
    assert plan("file", path=str(place / "f"), state="absent").changed
    assert plan("stat", path=str(place / "f")).values["stat"] == {"exists": False}
    assert tree(place) == before
    assert do("copy", dest=str(place / "f"), content="new\n", mode="0600").changes == foreseen.changes


def test_a_directory_of_the_host_is_copied_with_its_mode(do: Do, place: Path) -> None:
    (place / "from/deep").mkdir(parents=True)
    (place / "from").chmod(0o750)
    (place / "from/deep").chmod(0o711)
    assert do("copy", src=f"{place}/from/", dest=str(place / "to"), remote_src=True, mode="preserve").changed
    assert (place / "to").stat().st_mode & 0o777 == 0o750
    assert (place / "to/deep").stat().st_mode & 0o777 == 0o711
