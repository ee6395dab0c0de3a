"""docs/modules.md is what the modules' tables say."""

from __future__ import annotations

from pathlib import Path

from clusterbook.modules import registry
from clusterbook.modules.documentation import page

PAGE = Path(__file__).parents[3] / "docs/modules.md"


def test_the_reference_is_up_to_date() -> None:
    assert PAGE.read_text() == page()


def test_every_module_has_its_section() -> None:
    assert [line[3:] for line in page().splitlines() if line.startswith("## ")] == list(registry.names())
