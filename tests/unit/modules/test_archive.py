"""Archives of the host's files."""

from __future__ import annotations

import gzip
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.unit.modules.conftest import Do


@pytest.fixture
def content(place: Path) -> Path:
    """A directory with two files, a link and a directory."""
    path = place / "content"
    (path / "inner").mkdir(parents=True)
    (path / "a").write_text("a")
    (path / "inner/b.bak").write_text("b")
    (path / "link").symlink_to("a")
    return path


@pytest.mark.parametrize("kind", ["gz", "bz2", "xz", "tar"])
def test_a_directory_is_packed_once(do: Do, content: Path, kind: str) -> None:
    target = content.with_name("content.tar" if kind == "tar" else f"content.tar.{kind}")
    first = do("archive", path=str(content), format=kind, mode="0640")
    assert first.changed and first.values["dest_state"] == "archive" and first.values["state"] == "file"
    assert target.stat().st_mode & 0o777 == 0o640
    with tarfile.open(target) as archive:
        assert sorted(archive.getnames()) == ["content/a", "content/inner", "content/inner/b.bak", "content/link"]
    assert not do("archive", path=str(content), format=kind, mode="0640").changed
    (content / "a").write_text("other")
    assert do("archive", path=str(content), format=kind).changed


def test_several_paths_go_into_a_zip_without_what_is_excluded(do: Do, place: Path, content: Path) -> None:
    given = {"path": [str(content / "a"), f"{content}/inn*"], "dest": str(place / "x.zip"), "format": "zip",
             "exclusion_patterns": ["*.bak"]}
    assert do("archive", **given).changed and not do("archive", **given).changed
    assert sorted(zipfile.ZipFile(place / "x.zip").namelist()) == ["a"]


def test_names_begin_where_the_paths_part(do: Do, place: Path, content: Path) -> None:
    def names(*paths: str, **more: Any) -> list[str]:
        done = do("archive", path=list(paths), dest=str(place / "x.tar"), format="tar", **more)
        assert done.changed, done.message
        with tarfile.open(place / "x.tar") as archive:
            return sorted(archive.getnames())

    assert names(f"{content}/") == ["a", "inner", "inner/b.bak", "link"]
    assert names(f"{content}/inner", f"{content}/a") == ["a", "inner/b.bak"]
    assert names(f"{content}/*", exclude_path=[f"{content}/inner"]) == ["a", "link"]
    found = do("archive", path=[str(content / "a"), str(content / "none")], dest=str(place / "y.tar")).values
    assert found["dest_state"] == "incomplete" and found["missing"] == [str(content / "none")]
    assert found["expanded_paths"] == [str(content / "a"), str(content / "none")]


def test_a_single_file_is_compressed_and_may_be_removed(do: Do, content: Path) -> None:
    outcome = do("archive", path=str(content / "a"), remove=True)
    assert outcome.values["dest_state"] == "compress" and not (content / "a").exists()
    assert gzip.decompress((content / "a.gz").read_bytes()) == b"a"
    assert not do("archive", path=str(content / "a"), remove=True, dest=str(content / "a.gz")).changed


def test_several_paths_need_a_name(do: Do, content: Path) -> None:
    assert do("archive", path=[str(content / "a"), str(content / "inner")]).message.startswith("dest is missing")


def test_a_plan_cannot_tell_what_a_second_archive_of_the_same_name_would_change(plan: Do, content: Path) -> None:
    given = {"path": str(content), "dest": str(content.with_name("x.tar.gz"))}
    assert plan("archive", **given).changed
    assert plan("archive", **given).unknown
