"""How the table of Ansible's own tests is written anew."""

from __future__ import annotations

import pytest

from tests.targets import table
from tests.targets.host import Result
from tests.targets.selection import Reasons
from tests.targets.suite import Target

REASONS = Reasons((), (("roles", "a known cause"),))
BEFORE = """- clusterbook: commit `1234567`, 2026-01-02, Python 3.11.7; a row stays until its target is run again.
| copy | pass | fail | not looked at; ends with: a\\|b |
| file | fail | not run | ansible-playbook does not pass it on this host |
| roles | pass | fail | an old cause |
| stat | pass | pass |  |
"""


@pytest.fixture(autouse=True)
def targets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four targets."""
    found = [Target(name, "role", frozenset()) for name in ("copy", "file", "roles", "stat")]
    monkeypatch.setattr(table.suite, "targets", lambda: found)


def result(name: str, tool: str, status: str) -> tuple[tuple[str, str], Result]:
    return (tool, name), Result(name, tool, status, 1.0, "")


def test_a_row_stays_until_its_target_is_run_again() -> None:
    text = table.text(dict([result("roles", "oracle", "pass"), result("roles", "ours", "pass")]), REASONS, BEFORE)
    assert text.split("|---|---|---|---|\n")[1].split("\n\n")[0] == (
        "| copy | pass | fail | not looked at; ends with: a\\|b |\n"
        "| file | fail | not run | ansible-playbook does not pass it on this host |\n"
        "| roles | pass | pass |  |\n| stat | pass | pass |  |"
    )
    assert "given 4 targets and passes 3" in text and "**2 pass with" in text and "1234567" not in text


def test_without_a_newer_result_only_reasons_change() -> None:
    text = table.text({}, REASONS, BEFORE)
    assert "| roles | pass | fail | a known cause |" in text
    assert BEFORE.splitlines()[0] in text
