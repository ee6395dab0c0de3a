"""A mirror listens on an address of this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from clusterbook.errors import InvalidInput
from clusterbook.lab.mirror_servers import Mirror, check_address


def test_an_address_of_another_machine_is_refused_before_anything_is_fetched(tmp_path: Path) -> None:
    check_address(Mirror(tmp_path, "127.0.0.1"))
    with pytest.raises(InvalidInput, match=r"'203.0.113.9' is no address of this machine: cannot assign") as refused:
        check_address(Mirror(tmp_path, "203.0.113.9"))
    assert "ip address" in refused.value.next_step
