"""Every keyword of Ansible's is understood or refused with a reason, and what is understood is in the documentation."""

from __future__ import annotations

from pathlib import Path

import pytest

from clusterbook.cli.reference_language import NOT_SUPPORTED, every_word
from clusterbook.schema.files import keywords
from clusterbook.variables import ABOUT, PRECEDENCE

DOCS = Path(__file__).parents[2] / "docs"
# What `ansible-doc -t keyword -l` of the 2.19 line lists, but for the ones that it says are gone.
LISTED = """
action always any_errors_fatal args async become become_exe become_flags become_method become_user block changed_when
check_mode collections connection debugger delay delegate_facts delegate_to diff environment fact_path failed_when
force_handlers gather_facts gather_subset gather_timeout handlers hosts ignore_errors ignore_unreachable local_action
loop loop_control max_fail_percentage module_defaults name no_log notify order poll port post_tasks pre_tasks register
remote_user rescue retries roles run_once serial strategy tags tasks throttle timeout until vars vars_files vars_prompt
when listen
"""
ANSIBLES = LISTED.split()
PARTS = (
    ("playbook.schema.json", "$defs/play/else"), ("tasks.schema.json", "$defs/task"),
    ("tasks.schema.json", "$defs/block"), ("tasks.schema.json", "$defs/handler"),
)  # fmt: skip
UNDERSTOOD = frozenset(name for file, pointer in PARTS for name in keywords(file, pointer))


@pytest.mark.parametrize("keyword", ANSIBLES)
def test_a_keyword_of_ansible_is_understood_or_refused_with_a_reason(keyword: str) -> None:
    assert (keyword in UNDERSTOOD) != (keyword in NOT_SUPPORTED)
    assert f"| `{keyword}` |" in (DOCS / "language.md").read_text() or keyword == "listen"


def test_nothing_is_understood_that_ansible_does_not_know() -> None:
    assert {name for name in UNDERSTOOD if not name.startswith("with_")} <= set(ANSIBLES)


def test_every_filter_test_and_lookup_is_in_the_page_of_expressions() -> None:
    page = (DOCS / "expressions.md").read_text()
    missing = {name for name in every_word() if f"`{name}`" not in page and f".{name}`" not in page}
    assert {name for name in missing if name[0].isalpha()} == set()


def test_every_place_of_the_table_of_precedence_is_described() -> None:
    assert tuple(ABOUT) == PRECEDENCE
