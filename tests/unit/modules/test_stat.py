"""What stat tells besides the inode: the kind of content, the flags of chattr."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from clusterbook.modules.inode_flags import flag_values
from tests.unit.modules.conftest import Do


@pytest.mark.skipif(shutil.which("file") is None, reason="the program file is not installed")
def test_the_program_file_is_asked_for_the_kind_of_content(do: Do, place: Path) -> None:
    path = place / "a:b"
    path.write_text("hello world")
    told = do("stat", path=str(path)).values["stat"]
    assert (told["mimetype"], told["charset"]) == ("text/plain", "us-ascii")
    assert "mimetype" not in do("stat", path=str(path), get_mime=False).values["stat"]


def test_the_kind_is_unknown_without_that_program(do: Do, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(place))
    told = do("stat", path=str(place)).values["stat"]
    assert (told["mimetype"], told["charset"]) == ("unknown", "unknown")


def test_flags_are_told_of_files_and_are_empty_elsewhere(do: Do, place: Path) -> None:
    (place / "fifo").symlink_to("nowhere")
    told = do("stat", path=str(place / "fifo")).values["stat"]
    assert (told["attr_flags"], told["attributes"], told["version"]) == ("", [], None)
    assert flag_values(str(place / "missing")) == {}
    (place / "file").write_text("")
    flags = flag_values(str(place / "file"))
    assert flags == {} or len(flags["attributes"]) == len(flags["attr_flags"])
