"""What is written down of labs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from clusterbook.errors import Failed
from clusterbook.lab import record


def test_the_base_of_a_host_that_another_version_made_is_known(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text(json.dumps({"spec": {"of_tomorrow": True}, "base": "/bases/one"}))
    assert record.read_base(tmp_path) == Path("/bases/one")


def test_a_host_that_is_not_whole_has_none(tmp_path: Path) -> None:
    with pytest.raises(Failed, match="is not whole"):
        record.read_base(tmp_path)
