"""The published report of the laws has every module that keeps them, and nothing in it failed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from clusterbook.modules import registry

DOCUMENT = (Path(__file__).parents[2] / "docs" / "laws.md").read_text()
ROWS = {name: cells.split("|") for name, cells in re.findall(r"^\| ([\w.]+) \|(.*)\|$", DOCUMENT, re.MULTILINE)}
del ROWS["module"]


def files(names: Iterable[str]) -> set[str]:
    """A module may have several names; the laws are those of its file."""
    return {registry.load(name).__name__ for name in names}  # type: ignore[attr-defined]


def test_every_module_of_a_state_is_in_the_report() -> None:
    assert files(ROWS) == files(name for name in registry.names() if registry.specification(name).kind == "state")


def test_each_of_them_holds_somewhere_and_fails_nowhere() -> None:
    assert {name for name, cells in ROWS.items() if {cell.strip() for cell in cells} - {""} != {"holds"}} == set()
