"""unarchive and find on real files."""

from __future__ import annotations

import io
import os
import stat
import tarfile
import time
import zipfile
from pathlib import Path

import pytest

from clusterbook.modules import archives
from tests.unit.modules.conftest import Do, tree


def tar(path: Path, *members: tuple[str, object]) -> None:
    """A compressed archive of (name, text) or (name, TarInfo fields)."""
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members:
            item = tarfile.TarInfo(name)
            item.mtime, item.mode = 1_700_000_000, 0o644
            data = b""
            if isinstance(content, str):
                data = content.encode()
                item.size = len(data)
            elif isinstance(content, dict):
                for key, value in content.items():
                    setattr(item, key, value)
            archive.addfile(item, io.BytesIO(data))


LINKED = {"type": tarfile.SYMTYPE, "linkname": "a"}
FOLDER = {"type": tarfile.DIRTYPE, "mode": 0o755}


def test_an_archive_is_unpacked_once_and_repaired_later(do: Do, place: Path, sources: Path) -> None:
    tar(sources / "x.tgz", ("d", FOLDER), ("d/a", "one"), ("d/run", "two"), ("d/l", LINKED))
    assert do("unarchive", src="x.tgz", dest=str(place)).changed
    assert (place / "d/a").read_text() == "one" and os.readlink(place / "d/l") == "a"
    assert (place / "d/a").stat().st_mtime == 1_700_000_000
    assert not do("unarchive", src="x.tgz", dest=str(place)).changed
    (place / "d/a").write_text("by hand")
    (place / "d/l").unlink()
    assert do("unarchive", src="x.tgz", dest=str(place)).changed
    assert (place / "d/a").read_text() == "one" and (place / "d/l").is_symlink()


def test_parts_of_names_are_stripped_and_entries_chosen(do: Do, place: Path, sources: Path) -> None:
    tar(sources / "x.tgz", ("v1/bin/a", "one"), ("v1/doc/b", "two"))
    arguments = {"src": "x.tgz", "dest": str(place), "extra_opts": ["--strip-components=1"], "exclude": ["doc"]}
    values = do("unarchive", list_files=True, **arguments).values
    assert values["files"] == ["bin/a"] and set(tree(place)) == {"bin", "bin/a"}


def test_a_zip_archive_keeps_its_modes(do: Do, place: Path) -> None:
    path = place / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        item = zipfile.ZipInfo("bin/tool")
        item.external_attr = (stat.S_IFREG | 0o755) << 16
        archive.writestr(item, "x")
    assert do("unarchive", src=str(path), dest=str(place), remote_src=True).changed
    assert stat.S_IMODE((place / "bin/tool").stat().st_mode) == 0o755
    assert not do("unarchive", src=str(path), dest=str(place), remote_src=True).changed


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("../x", "y", "would be written outside the destination"),
        ("/etc/x", "y", "would be written outside the destination"),
        ("l", {"type": tarfile.SYMTYPE, "linkname": "../../etc"}, "outside the destination"),
        ("l", {"type": tarfile.SYMTYPE, "linkname": "/etc"}, "outside the destination"),
        ("dev", {"type": tarfile.CHRTYPE}, "which is a device or a pipe"),
    ],
)
def test_an_archive_cannot_write_elsewhere(
    do: Do, place: Path, sources: Path, name: str, content: object, words: str
) -> None:
    tar(sources / "x.tgz", ("good", "x"), (name, content))
    outcome = do("unarchive", src="x.tgz", dest=str(place))
    assert outcome.failed and words in outcome.message and tree(place) == {}


def test_links_of_an_archive_are_not_followed_by_its_own_entries(do: Do, place: Path, sources: Path) -> None:
    here = {"type": tarfile.SYMTYPE, "linkname": "."}
    up = {"type": tarfile.SYMTYPE, "linkname": ".."}
    tar(sources / "x.tgz", ("a", here), ("a/b", up), ("b/evil", "y"))
    outcome = do("unarchive", src="x.tgz", dest=str(place))
    assert outcome.failed and "holds 'a/b' behind its own link 'a', which may lead elsewhere" in outcome.message
    assert tree(place) == {} and not (place.parent / "evil").exists()


def test_an_archive_that_unpacks_to_too_much_is_refused_before_it_is_unpacked(
    do: Do, place: Path, sources: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "LARGEST", 1 << 20)
    tar(sources / "x.tgz", *((f"zeros-{number}", "0" * 300_000) for number in range(4)))
    outcome = do("unarchive", src="x.tgz", dest=str(place))
    assert outcome.failed and "unpacks to more than" in outcome.message and tree(place) == {}


def test_check_mode_unpacks_nothing_and_later_steps_see_the_files(plan: Do, place: Path, sources: Path) -> None:
    tar(sources / "x.tgz", ("d", FOLDER), ("d/a", "one"))
    assert plan("unarchive", src="x.tgz", dest=str(place)).changed
    assert plan("lineinfile", path=str(place / "d/a"), line="one").changed is False
    assert tree(place) == {}


def test_files_are_found_by_name_age_size_and_content(do: Do, place: Path) -> None:
    (place / "d").mkdir()
    (place / "a.log").write_text("error\n")
    (place / "b.log").write_text("x" * 2000)
    (place / "d/c.log").write_text("fine\n")
    (place / ".hidden.log").touch()
    os.utime(place / "b.log", (time.time() - 7200, time.time() - 7200))

    def found(**arguments: object) -> list[str]:
        files = do("find", paths=str(place), **arguments).values["files"]
        return [str(Path(item["path"]).relative_to(place)) for item in files]

    assert found(patterns="*.log") == ["a.log", "b.log"]
    assert found(patterns="*.log", recurse=True) == ["a.log", "b.log", "d/c.log"]
    assert found(patterns="*.log", hidden=True) == [".hidden.log", "a.log", "b.log"]
    assert found(patterns=r"^[ab]\.log$", use_regex=True, excludes="^b") == ["a.log"]
    assert found(age="1h") == ["b.log"] and found(age="-1h") == ["a.log"]
    assert found(size="1k") == ["b.log"] and found(contains="err.*") == ["a.log"]
    assert found(file_type="directory") == ["d"]


def test_an_archive_that_brings_what_creates_names_is_unpacked_once(do: Do, place: Path) -> None:
    (place / "from").mkdir()
    (place / "from/one").write_text("1")
    (place / "to").mkdir()
    with tarfile.open(place / "a.tar", "w") as packed:
        packed.add(place / "from", "from")
    wanted = {"src": str(place / "a.tar"), "dest": str(place / "to"), "remote_src": True}
    outcome = do("unarchive", creates=str(place / "to/from/one"), **wanted)
    assert outcome.changed and outcome.values["dest"] == str(place / "to")
    assert not do("unarchive", creates=str(place / "to/from/one"), **wanted).changed
