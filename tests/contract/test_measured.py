"""What the page of measurements says is what the benchmarks kept."""

from __future__ import annotations

import json
from pathlib import Path

from bench import report

DOCS = Path(__file__).parents[2] / "docs"


def test_each_section_whose_numbers_are_kept_is_made_of_them() -> None:
    page = (DOCS / "measured.md").read_text()
    assert page.startswith(report.HEAD)
    for path in (DOCS / "reports").glob("bench-*.json"):
        assert report.made(path.stem.removeprefix("bench-"), json.loads(path.read_text())) in page
