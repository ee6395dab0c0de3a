"""Commands in texts, as the person that reads them can type them."""

from __future__ import annotations

import pytest

from clusterbook.report.called import as_called, next_as_called, program


@pytest.mark.parametrize(
    ("started", "name"),
    [
        ("/usr/local/bin/clusterbook", "clusterbook"),
        ("clusterbook-playbook", "clusterbook"),
        ("/opt/clusterbook/__main__.py", "clusterbook"),
        ("/usr/bin/invoke", "invoke"),
        ("inv", "invoke"),
        ("pytest", "invoke"),
    ],
)
def test_the_program_is_called_as_it_was_started(monkeypatch: pytest.MonkeyPatch, started: str, name: str) -> None:
    monkeypatch.setattr("sys.argv", [started, "plan"])
    assert program() == name
    assert as_called("Run: invoke plan, then (invoke up)") == f"Run: {name} plan, then ({name} up)"


def test_a_word_that_only_contains_the_name_is_no_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["clusterbook"])
    assert as_called("re-invoke plan, under plain invoke: reinvoke up") == (
        "re-invoke plan, under plain invoke: reinvoke up"
    )


def test_in_a_value_only_next_steps_are_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["clusterbook"])
    found = [{"detail": "invoke plan", "next_step": "invoke plan"}, {"next_step": None}]
    assert next_as_called({"found": found, "size": 3}) == {
        "found": [{"detail": "invoke plan", "next_step": "clusterbook plan"}, {"next_step": None}], "size": 3,
    }  # fmt: skip
