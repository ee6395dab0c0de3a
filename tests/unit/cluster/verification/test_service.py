"""What a verify file asks of its unit, from what systemctl says."""

from __future__ import annotations

from typing import Any, cast

import pytest
from testinfra.host import Host

from clusterbook.cluster.verification.service import Service


class Shown:
    """A host whose systemctl shows this."""

    def __init__(self, text: str) -> None:
        self.text = text

    def check_output(self, command: str, *words: str) -> str:
        assert (command.split()[0], words) == ("systemctl", ("etcd",))
        return self.text


def lapses(text: str) -> list[str]:
    return Service(cast(Host, cast(Any, Shown(text))), "etcd").lapses()


def test_a_unit_that_runs_and_always_comes_back_has_no_lapses() -> None:
    assert lapses("Restart=always\nActiveState=active\nUnitFileState=enabled") == []


@pytest.mark.parametrize("wrong", ["Restart=no", "ActiveState=failed", "UnitFileState=disabled", "UnitFileState="])
def test_each_property_that_is_not_as_wanted_is_told(wrong: str) -> None:
    right = ["Restart=always", "ActiveState=active", "UnitFileState=enabled"]
    assert lapses("\n".join([wrong, *(line for line in right if line.split("=")[0] != wrong.split("=")[0])])) == [wrong]
