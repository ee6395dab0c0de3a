"""Files, directories and links on a real file system."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from clusterbook.modules import ownership
from tests.unit.modules.conftest import Do, tree


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_a_directory_is_made_with_its_parents_and_the_same_mode(do: Do, place: Path) -> None:
    path = place / "a/b/c"
    first = do("file", path=str(path), state="directory", mode="0750")
    assert first.changed and mode(path) == 0o750 and mode(place / "a") == 0o750
    assert not do("file", path=str(path), state="directory", mode="0750").changed


def test_a_mode_written_symbolically_changes_only_what_it_names(do: Do, place: Path) -> None:
    path = place / "file"
    path.touch(0o640)
    assert do("file", path=str(path), mode="u+x,o=r").values["mode"] == "0744"
    assert not do("file", path=str(path), mode="u+x,o=r").changed


def test_owner_and_group_are_set_by_name(do: Do, place: Path) -> None:
    path = place / "file"
    path.touch()
    outcome = do("file", path=str(path), owner="nobody", group="nogroup")
    assert [change.what for change in outcome.changes] == ["owner", "group"]
    assert outcome.values["owner"] == "nobody" and path.stat().st_uid == 65534


def test_an_unknown_owner_is_named_with_what_to_do(do: Do, place: Path) -> None:
    outcome = do("file", path=str(place), owner="nobody-here")
    assert outcome.message == "owner is 'nobody-here': no such user"
    assert outcome.next_step == "Create user nobody-here in an earlier step."


def test_absent_removes_a_whole_directory_once(do: Do, place: Path) -> None:
    (place / "d/e").mkdir(parents=True)
    (place / "d/e/f").write_text("x")
    assert do("file", path=str(place / "d"), state="absent").changed
    assert not (place / "d").exists()
    assert not do("file", path=str(place / "d"), state="absent").changed


def test_absent_removes_a_link_and_not_what_it_points_to(do: Do, place: Path) -> None:
    (place / "target").mkdir()
    (place / "link").symlink_to("target")
    assert do("file", path=str(place / "link"), state="absent").changed
    assert (place / "target").is_dir()


def test_recurse_changes_what_differs_below_and_does_not_follow_links(do: Do, place: Path) -> None:
    (place / "d/e").mkdir(parents=True)
    (place / "d/e/f").touch(0o600)
    outside = place / "outside"
    outside.touch(0o600)
    (place / "d/link").symlink_to(outside)
    outcome = do("file", path=str(place / "d"), state="directory", recurse=True, mode="u=rwX,go=rX")
    assert outcome.changed and mode(place / "d/e/f") == 0o644 and mode(outside) == 0o600
    assert not do("file", path=str(place / "d"), state="directory", recurse=True, mode="u=rwX,go=rX").changed


def test_a_link_is_made_replaced_and_then_left(do: Do, place: Path) -> None:
    for name in ("one", "two"):
        (place / name).touch()
    link = place / "link"
    assert do("file", src=str(place / "one"), path=str(link), state="link").changed
    again = do("file", src=str(place / "two"), path=str(link), state="link")
    assert again.changed and os.readlink(link) == str(place / "two") and again.values["dest"] == str(link)
    assert not do("file", src=str(place / "two"), path=str(link), state="link").changed


def test_a_link_to_nothing_needs_force(do: Do, place: Path) -> None:
    refused = do("file", src="/nonexistent", path=str(place / "link"), state="link")
    assert refused.message == "src is '/nonexistent', which does not exist"
    assert do("file", src="/nonexistent", path=str(place / "link"), state="link", force=True).changed
    assert not do("file", src="/nonexistent", path=str(place / "link"), state="link", force=True).changed


def test_a_file_in_the_place_of_a_link_needs_force(do: Do, place: Path) -> None:
    (place / "target").touch()
    (place / "link").write_text("kept")
    assert do("file", src=str(place / "target"), path=str(place / "link"), state="link").failed
    assert (place / "link").read_text() == "kept"
    assert do("file", src=str(place / "target"), path=str(place / "link"), state="link", force=True).changed


def test_a_hard_link_shares_the_file(do: Do, place: Path) -> None:
    (place / "one").write_text("x")
    assert do("file", src=str(place / "one"), path=str(place / "two"), state="hard").changed
    assert (place / "two").samefile(place / "one")
    assert not do("file", src=str(place / "one"), path=str(place / "two"), state="hard").changed


def test_touch_makes_a_file_and_with_preserved_times_changes_nothing_again(do: Do, place: Path) -> None:
    path = str(place / "file")
    kept = {"access_time": "preserve", "modification_time": "preserve"}
    assert do("file", path=path, state="touch", mode="0600").changed
    assert not do("file", path=path, state="touch", **kept).changed
    assert do("file", path=path, state="touch").changed


def test_state_file_does_not_make_one(do: Do, place: Path) -> None:
    outcome = do("file", path=str(place / "nothing"), state="file")
    assert outcome.failed and outcome.message == f"{place / 'nothing'} is absent, cannot continue"


def test_a_file_where_a_directory_shall_be_is_not_lost(do: Do, place: Path) -> None:
    (place / "x").write_text("kept")
    assert do("file", path=str(place / "x"), state="directory").message == f"{place / 'x'} already exists as a file"
    assert (place / "x").read_text() == "kept"


@pytest.mark.parametrize(
    "arguments",
    [
        {"path": "new", "state": "directory", "mode": "0700"},
        {"path": "new/deeper", "state": "directory", "owner": "nobody"},
        {"path": "old", "state": "absent"},
        {"path": "old", "state": "touch"},
        {"path": "old", "mode": "0600"},
        {"path": "link", "src": "old", "state": "link"},
    ],
)
def test_check_mode_predicts_and_touches_nothing(do: Do, plan: Do, place: Path, arguments: dict[str, str]) -> None:
    (place / "old").write_text("x")
    arguments = {**arguments, "path": str(place / arguments["path"])}
    before = tree(place)
    foreseen = plan("file", **arguments)
    assert foreseen.changed and tree(place) == before
    assert do("file", **arguments).changes == foreseen.changes


def test_labels_of_selinux_mean_nothing_on_a_host_without_it(
    do: Do, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ownership, "SELINUX", str(place / "enforce"))
    path = place / "file"
    path.write_text("x")
    labels = {"seuser": "system_u", "serole": "object_r", "setype": "etc_t", "selevel": "s0"}
    assert not do("file", path=str(path), **labels).changed
    assert not do("copy", dest=str(path), content="x", setype="_default").changed
    (place / "enforce").write_text("1")
    outcome = do("file", path=str(path), setype="etc_t")
    assert outcome.message == "setype is 'etc_t': labels of SELinux are not set, and this host has SELinux"
    assert outcome.next_step == "Remove setype from the step, and set the label by a command."


def test_flags_of_chattr_are_refused(do: Do, place: Path) -> None:
    assert do("file", path=str(place), attributes="+i").message == "attributes is '+i': this parameter is not supported"
