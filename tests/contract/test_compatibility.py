"""The table of Ansible's own tests agrees with the reasons that are written down."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

import pytest

from tests.community.packages import packages
from tests.community.table import TITLE
from tests.targets.selection import Reasons, read_reasons
from tests.targets.table import DOCUMENT
from tests.targets.test_quick import NAMES

REASONS: Reasons = read_reasons()
_ROW = re.compile(r"^\| ([\w-]+) \| (\w+) \| ([\w ]+) \| (.*) \|$", re.MULTILINE)
TARGETS, _, ROLES = DOCUMENT.read_text().partition(TITLE)
ROWS = {name: (oracle, ours, why) for name, oracle, ours, why in _ROW.findall(TARGETS)}


def test_the_numbers_above_the_table_are_those_of_its_rows() -> None:
    good = [ours for oracle, ours, _ in ROWS.values() if oracle == "pass"]
    said = re.search(r"given (\d+) targets and passes (\d+) .*?\*\*(\d+) pass", DOCUMENT.read_text(), re.DOTALL)
    assert said and tuple(map(int, said.groups())) == (len(ROWS), len(good), good.count("pass"))


@pytest.mark.parametrize("name", sorted(ROWS))
def test_a_row_says_why_a_target_fails_as_it_is_written_down(name: str) -> None:
    oracle, ours, why = ROWS[name]
    assert not REASONS.why_left_out(name)
    if oracle == "pass" and ours in ("fail", "timeout"):
        assert why and why.replace("\\|", "|").startswith(next(iter(written(name)), "not looked at"))
    if ours == "pass":
        assert not written(name) and oracle == "pass"


def test_a_target_has_one_reason_and_every_reason_a_target() -> None:
    names = [name for name, _ in (*REASONS.left_out, *REASONS.failing)]
    assert len(names) == len(set(names))
    assert all(any(fnmatchcase(row, name) for row in ROWS) for name, _ in REASONS.failing)


def test_the_quick_form_runs_targets_that_pass() -> None:
    assert {name for name in NAMES if ROWS[name][1] != "pass"} == set()


def written(name: str) -> list[str]:
    """The reasons for a target's failure."""
    return [reason for pattern, reason in REASONS.failing if fnmatchcase(name, pattern)]


def test_the_roles_of_others_are_all_there_and_each_difference_has_a_reason() -> None:
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in ROLES.splitlines() if line[:2] == "| "]
    told = {(package, role): (same, why) for package, role, _, _, same, _, why in rows[1:]}
    assert set(told) == {(one.name, role) for one in packages() for role in one.roles}
    assert all(why not in ("", "not looked at") for same, why in told.values() if same == "no")
    said = re.search(r"\*\*(\d+) of (\d+)\*\* are the same", ROLES)
    assert said and list(map(int, said.groups())) == [[same for same, _ in told.values()].count("yes"), len(told)]
