"""A file made of pieces."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.modules.conftest import Do


@pytest.fixture
def pieces(place: Path) -> Path:
    """A directory of pieces."""
    path = place / "pieces"
    (path / "inner").mkdir(parents=True)
    for name, text in (("b", "two"), ("a", "one\n"), (".c", "hidden\n"), ("d.bak", "old\n")):
        (path / name).write_text(text)
    return path


@pytest.mark.parametrize(
    ("arguments", "content"),
    [
        ({}, "hidden\none\ntwo\nold\n"),
        ({"ignore_hidden": True, "regexp": "^[ab]$"}, "one\ntwo"),
        ({"regexp": "^[ab]$", "delimiter": "##"}, "one\n##\ntwo"),
        ({"regexp": "^[ab]$", "delimiter": "#\\n#\\n"}, "one\n#\n#\ntwo"),
        ({"regexp": "none"}, ""),
    ],
)
def test_pieces_are_put_together_by_name(
    do: Do, place: Path, pieces: Path, arguments: dict[str, Any], content: str
) -> None:
    target = place / "all"
    assert do("assemble", src=str(pieces), dest=str(target), **arguments).changed
    assert target.read_text() == content
    assert not do("assemble", src=str(pieces), dest=str(target), **arguments).changed


def test_pieces_of_the_local_machine(do: Do, place: Path, sources: Path) -> None:
    (sources / "p").mkdir()
    (sources / "p/1").write_text("x")
    assert do("assemble", src="p", dest=str(place / "all"), remote_src=False).changed
    assert (place / "all").read_text() == "x"


def test_a_rejected_file_leaves_the_old_one(do: Do, place: Path, pieces: Path) -> None:
    (place / "all").write_text("old")
    assert do("assemble", src=str(pieces), dest=str(place / "all"), validate="false %s").failed
    assert (place / "all").read_text() == "old"


def test_no_directory_of_pieces_is_an_error(do: Do, place: Path, pieces: Path) -> None:
    missing = do("assemble", src=str(place / "none"), dest=str(place / "all"))
    assert missing.message == f"src is '{place / 'none'}', which does not exist on the host"
    assert "wanted a directory" in do("assemble", src=str(pieces / "a"), dest=str(place / "all")).message
    assert "a directory; wanted a file" in do("assemble", src=str(pieces), dest=str(place)).message
