"""What a command writes into the repository is as new as what it is made from."""

from __future__ import annotations

from pathlib import Path

import pytest

from clusterbook.cli.reference import written

ROOT = Path(__file__).parents[2]
WRITTEN = written(ROOT)


@pytest.mark.parametrize("name", sorted(WRITTEN))
def test_a_written_file_is_current(name: str) -> None:
    assert (ROOT / name).read_text("utf-8") == WRITTEN[name], "write it again: make reference"
