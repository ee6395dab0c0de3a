"""`lint` and `modules` as a person calls them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from clusterbook.cli.lint import lint, modules

ROOT = Path(__file__).parents[3]


def call(task: object, **options: object) -> int:
    """The exit code of a task."""
    from invoke.context import Context
    from invoke.exceptions import Exit

    try:
        task(Context(), **options)  # type: ignore[operator]
    except Exit as end:
        return int(end.code)
    return 0


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "playbooks").mkdir()
    (tmp_path / "playbooks" / "web.yml").write_text("- name: P\n  hosts: all\n  tasks:\n    - ping:\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_finding_is_shown_with_its_line_and_the_next_step(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(lint) == 1
    shown = capsys.readouterr().out
    assert shown.startswith("playbooks/web.yml:4:7: warning: this task (ping) has no name  [missing-name]\n")
    assert "  4 |     - ping:\n    |       ^^^^" in shown
    assert shown.endswith("1 playbook: 1 finding (1 missing-name)\n")


def test_a_rule_that_is_left_out_finds_nothing(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(lint, path="web", skip=["missing-name"]) == 0
    assert capsys.readouterr().out == "1 playbook: nothing found\n"


def test_a_rule_that_does_not_exist_is_refused_with_the_near_one(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(lint, skip=["missing-names"]) == 3
    assert "did you mean 'missing-name'?" in capsys.readouterr().err


def test_findings_are_data_on_request(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(lint, json_=True, sarif="found.sarif") == 1
    (finding,) = json.loads(capsys.readouterr().out.split("\n", 1)[1])
    assert (finding["file"], finding["line"], finding["column"]) == ("playbooks/web.yml", 4, 7)
    assert json.loads((project / "found.sarif").read_text())["version"] == "2.1.0"


def test_a_folder_without_playbooks_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call(lint) == 3
    assert "there are no playbooks and no roles" in capsys.readouterr().err


def test_the_playbooks_and_roles_that_come_along_are_clean(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    code = call(lint)
    assert (code, capsys.readouterr().out.splitlines()[-1].endswith("nothing found")) == (0, True)


def test_a_module_is_shown_with_its_required_parameters_first(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(modules, name="copy") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "ansible.builtin.copy"
    assert next(line for line in lines if line.startswith("  ") and "(" in line).startswith("  dest  (path, required")


def test_what_a_module_returns_is_shown_with_when(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(modules, name="copy") == 0
    shown = capsys.readouterr().out.partition("\nreturns\n")[2]
    assert "  backup_file  (str, with backup, when it changed)\n      Where the old file was kept." in shown
    assert call(modules, name="copy", json_=True) == 0
    told = json.loads(capsys.readouterr().out)["returned"]["size"]
    assert told == {"type": "int", "description": "Bytes.", "when": ""}


def test_a_module_that_does_not_exist_is_an_error_with_the_near_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(modules, name="coppy") == 3
    assert "did you mean 'copy'?" in capsys.readouterr().err


def test_every_module_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(modules) == 0
    assert "ansible.builtin.copy " in capsys.readouterr().out
