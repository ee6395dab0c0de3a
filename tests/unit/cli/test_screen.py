"""What commands say in the end, on a terminal and in a log."""

from __future__ import annotations

import json

import pytest

from clusterbook.cli.apps_screen import show as show_app
from clusterbook.cli.boundary import guard, render
from clusterbook.cli.module_help import names_page
from clusterbook.cli.screen import console, print_json, print_json_line, print_table, say, stage, with_yes
from clusterbook.cluster.apps.app import App
from clusterbook.errors import Failed
from clusterbook.report.summary import recap
from tests.unit.cli.test_apps import running


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


LONG = "word " * 100 + "end"


@pytest.fixture(params=[{}, {"COLUMNS": "40"}, {"FORCE_COLOR": "1"}, {"FORCE_COLOR": "1", "COLUMNS": "40"}], ids=str)
def log(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Standard output is the log of a CI, which may ask for colours."""
    for name in ("COLUMNS", "FORCE_COLOR", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in request.param.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("log")
def test_a_row_of_a_table_is_one_line_of_a_log(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("host", "what", "why"), [("cp-1", LONG, "x" * 300), ("cp-2", "short", LONG)])
    _, first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("cp-1") and LONG in first and first.endswith("x" * 300)
    assert second.startswith("cp-2") and second.endswith(LONG)


@pytest.mark.usefixtures("log")
def test_a_runs_counts_are_a_line_a_host_in_a_log(capsys: pytest.CaptureFixture[str]) -> None:
    numbers = dict.fromkeys(("ok", "changed", "unknown", "skipped", "failed", "unreachable", "rescued", "ignored"), 1)
    host = "a-host." * 30
    console().print(recap({host: numbers}))
    assert host in capsys.readouterr().out


@pytest.mark.usefixtures("log")
def test_an_application_and_the_modules_are_shown_whole_in_a_log(capsys: pytest.CaptureFixture[str]) -> None:
    show_app(running(App("hello", "registry.example.org/" + "part/" * 40 + "image:1")))
    assert "part/" * 40 in capsys.readouterr().out
    assert names_page({"copy": LONG}).splitlines()[0] == f"copy  {LONG}"


def test_the_result_of_a_stage_is_not_cut_in_a_log(capsys: pytest.CaptureFixture[str]) -> None:
    with stage("app") as shown:
        shown.say(LONG)
        shown.result = LONG
    said, ended = capsys.readouterr().out.splitlines()
    assert LONG in said and LONG in ended


@pytest.mark.parametrize(("columns", "whole"), [("60", True), ("30", False)])
def test_a_name_that_is_to_be_typed_again_is_not_folded_while_there_is_room(
    columns: str, whole: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", columns)
    print_table(("run", "of", "result"), [("20261129-055828-83b0", "my-cluster", "1 host unreachable " * 3)])
    _, *lines = capsys.readouterr().out.splitlines()
    assert ("20261129-055828-83b0" in lines[0]) == whole
    assert max(map(len, lines)) <= int(columns)


def test_on_a_terminal_a_row_is_folded_to_fit(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "40")
    print_table(("host", "why"), [("cp-1", LONG)])
    _, *lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 10 and max(map(len, lines)) <= 40
