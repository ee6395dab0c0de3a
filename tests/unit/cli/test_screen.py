"""What commands say in the end."""

from __future__ import annotations

import json

import pytest

from clusterbook.cli.boundary import guard, render
from clusterbook.cli.screen import print_json, print_json_line, say, with_yes
from clusterbook.errors import Failed


def test_the_command_to_really_do_it_is_the_one_that_was_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["/usr/bin/clusterbook", "reset", "--inventory", "my hosts.yml"])
    assert with_yes("reset") == "clusterbook reset --inventory 'my hosts.yml' --yes"


def test_inside_of_another_program_it_is_the_tasks_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["pytest"])
    assert with_yes("delete-app hello") == "invoke delete-app hello --yes"


def test_the_command_that_does_it_has_yes_in_the_place_of_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["clusterbook", "reset", "--check", "--inventory", "lab"])
    assert with_yes("reset") == "clusterbook reset --inventory lab --yes"


def test_who_started_clusterbook_reads_next_steps_that_can_be_typed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["/root/.local/bin/clusterbook", "plan"])

    def fail() -> int:
        raise Failed("invoke up has not ended", next_step="Run: invoke up")

    assert guard(fail) == 1 and guard(fail, as_json=True) == 1
    say("  invoke plan")
    print_json({"next_step": "invoke plan"})
    output, errors = capsys.readouterr()
    assert output == '  clusterbook plan\n{\n  "next_step": "clusterbook plan"\n}\n'
    assert errors == "error: clusterbook up has not ended\n  next: Run: clusterbook up\n" + (
        '{"error": {"message": "clusterbook up has not ended", "exit_code": 1, "next_step": "Run: clusterbook up"}}\n'
    )


def test_who_started_invoke_reads_invoke(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["/usr/bin/invoke", "plan"])
    assert render(Failed("no", next_step="Run: invoke up")) == "error: no\n  next: Run: invoke up"


def test_a_line_for_programs_says_first_of_what_kind_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    print_json_line("backup", {"id": "1", "about": "two\nlines"})
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith('{"type": "backup", ') and json.loads(line)["about"] == "two\nlines"
