"""A stand-in becomes the real module when it is used."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from clusterbook.agent.late import Late, late

SLOW = """
VALUE = 3
class Thing:
    size = 2
def double(number):
    return 2 * number
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Of modules that can be loaded: `slow`, and what a test writes."""
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "slow.py").write_text(SLOW)
    yield tmp_path
    for name in ("slow", "user"):
        sys.modules.pop(name, None)


def load(folder: Path, text: str) -> dict[str, object]:
    (folder / "user.py").write_text(text)
    with late(["slow"]):
        import user  # type: ignore[import-not-found]
    return dict(vars(user))


def test_what_nobody_uses_is_never_loaded(folder: Path) -> None:
    load(folder, "import slow\nfrom slow import double")
    assert "slow" not in sys.modules


def test_functions_classes_and_the_module_itself_are_the_real_ones_when_they_are_used(folder: Path) -> None:
    names = load(
        folder,
        """
import slow
from slow import Thing, double
def used():
    return [double(4), slow.double(5), slow.VALUE, Thing.size, isinstance(Thing(), Thing), isinstance(3, slow.Thing)]
""",
    )
    assert callable(names["used"])
    assert names["used"]() == [8, 10, 3, 2, True, False]
    assert type(sys.modules["slow"].Thing) is type


def test_what_is_called_while_it_is_loaded_is_loaded_then(folder: Path) -> None:
    names = load(folder, "from slow import double\nEIGHT = double(4)")
    assert names["EIGHT"] == 8
    assert isinstance(names["double"], Late)


def test_a_module_that_is_there_already_stays(folder: Path) -> None:
    import slow  # type: ignore[import-not-found]

    names = load(folder, "from slow import double")
    assert names["double"] is slow.double


def test_a_name_that_the_module_does_not_have_is_an_error_at_its_first_use(folder: Path) -> None:
    names = load(folder, "from slow import nothing\ndef used():\n    return nothing()")
    assert callable(names["used"])
    with pytest.raises(AttributeError, match="nothing"):
        names["used"]()
