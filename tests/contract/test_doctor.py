"""Every cause that doctor knows is brought about on real hosts."""

from __future__ import annotations

import re
from pathlib import Path

from clusterbook.cluster.doctor.causes import CAUSES

LAB = Path(__file__).parents[1] / "lab" / "test_doctor.py"


def test_each_cause_is_named_by_a_test_of_the_lab() -> None:
    assert set(re.findall(r'"([a-z-]+)"', LAB.read_text())) >= set(CAUSES)
