"""The benchmark's controls are all there, each judged in one way."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from clusterbook.cluster.cis.controls import Control, controls

KINDS = ("waiver", "files", "unit", "file", "differ")
RULES = {
    "files": ("mode", "owner"),
    "unit": ("present", "absent", "equals", "least", "includes", "excludes"),
    "file": ("settings", "least", "lines"),
    "differ": ("differ",),
    "waiver": ("waiver",),
}


def test_every_automated_control_of_the_benchmark_is_there_without_a_waiver() -> None:
    automated = [one for one in controls() if one.automated]
    assert len(automated) == 65
    assert [one.id for one in automated if one.waiver] == []


def test_no_number_is_there_twice_and_they_are_in_order() -> None:
    numbers = [tuple(int(part) for part in one.id.split(".")) for one in controls()]
    assert numbers == sorted(set(numbers))


@pytest.mark.parametrize("control", controls(), ids=lambda one: one.id)
def test_a_control_is_judged_in_one_way_by_at_least_one_rule(control: Control) -> None:
    (kind,) = [each for each in KINDS if getattr(control, each)]
    assert control.judged_by == kind
    assert [rule for rule in RULES[kind] if getattr(control, rule)]
    assert control.hosts in ("control_plane", "etcd", "node")


def test_a_word_that_controls_do_not_have_is_refused(tmp_path: Path) -> None:
    (tmp_path / "controls.yaml").write_text("- {id: '1', title: x, hosts: node, flies: [/etc/x]}\n")
    with pytest.raises(TypeError, match=re.escape("'flies'")):
        controls(tmp_path / "controls.yaml")
