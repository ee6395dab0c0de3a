"""The error boundary: what a person reads, and the exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from invoke.context import Context
from invoke.exceptions import Exit

from clusterbook.cli import boundary
from clusterbook.cli.namespace import collection
from clusterbook.errors import Failed, Interrupted, InvalidInput, InvalidProject, Position, Unreachable


@pytest.fixture
def playbook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "main.yml"
    path.write_text("- service:\n    enable: true\n")
    monkeypatch.chdir(tmp_path)
    return path


def test_an_error_shows_what_where_and_what_to_do_next(playbook: Path) -> None:
    error = InvalidInput(
        "unknown parameter 'enable' of module 'service'",
        where=Position(str(playbook), 2, 5),
        next_step="Write 'enabled'.",
    )
    assert boundary.render(error).splitlines() == [
        "error: unknown parameter 'enable' of module 'service'",
        "  at main.yml:2:5",
        "  1 | - service:",
        "  2 |     enable: true",
        "    |     ^^^^^^",
        "  next: Write 'enabled'.",
    ]


def test_several_problems_come_together_with_their_number(playbook: Path) -> None:
    one = InvalidInput("first", where=Position(str(playbook), 1, 1), next_step="Mend it.")
    text = boundary.render(InvalidProject([one, InvalidInput("second")]))
    assert "error: first" in text
    assert "error: second" in text
    assert text.endswith("2 problems found. No host was touched.")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Failed("x"), 1),
        (InvalidInput("x"), 3),
        (Unreachable("x"), 4),
        (Interrupted("x"), 130),
        (KeyboardInterrupt(), 130),
    ],
)
def test_each_kind_of_error_has_its_exit_code(
    error: BaseException, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    def action() -> int:
        raise error

    assert boundary.guard(action) == code
    assert capsys.readouterr().err


def test_with_json_an_error_is_data(capsys: pytest.CaptureFixture[str]) -> None:
    def action() -> int:
        raise Failed("it broke", next_step="Mend it.")

    assert boundary.guard(action, as_json=True) == 1
    assert json.loads(capsys.readouterr().err) == {
        "error": {"message": "it broke", "exit_code": 1, "next_step": "Mend it."}
    }


def test_anything_else_is_a_bug_with_a_traceback_and_how_to_report_it(capsys: pytest.CaptureFixture[str]) -> None:
    def action() -> int:
        raise ZeroDivisionError("really")

    assert boundary.guard(action) == 1
    shown = capsys.readouterr().err
    assert "Traceback (most recent call last)" in shown
    assert "this is a bug in clusterbook" in shown
    assert "next: report the lines above" in shown


def test_a_task_ends_invoke_with_the_exit_code_of_its_error() -> None:
    @boundary.command()
    def broken(_: object) -> None:
        """Example: invoke broken"""
        raise InvalidInput("no")

    with pytest.raises(Exit) as end:
        broken.body(None)
    assert end.value.code == 3


def test_a_task_that_returns_a_code_ends_with_it() -> None:
    @boundary.command()
    def pending(_: object) -> int:
        """Example: invoke pending"""
        return 2

    with pytest.raises(Exit) as end:
        pending.body(None)
    assert end.value.code == 2


def test_words_of_a_host_in_an_error_do_not_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise Failed("h-1 says: \x1b]0;owned\x07\x1b[2J\u202eevil\nand more")

    assert boundary.guard(fail) == 1
    shown = capsys.readouterr().err
    assert not {"\x1b", "\x07", "\u202e"} & set(shown)
    assert "\nand more" in shown


@boundary.command(help={"yes": "really do it"})
def undo(_: Context, name: str = "", yes: bool = False) -> int:
    """Undo it."""
    print(f"{name} {yes}")
    return 0 if yes else 2


def test_a_task_with_yes_takes_check_for_what_it_does_without(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Exit) as told:
        undo(Context(), name="it", check=True)
    assert told.value.code == 2 and capsys.readouterr().out == "it False\n"
    assert "check" in {one.name for one in undo.get_arguments()} and "check" in undo.help


def test_check_and_yes_together_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Exit) as told:
        undo(Context(), name="it", check=True, yes=True)
    assert told.value.code == 3
    assert capsys.readouterr().err.startswith("error: --check shows what would be done, --yes does it\n")


@pytest.mark.parametrize("name", [
    "provision", "reset", "update-cluster", "delete-cluster", "eks-join", "iam", "add-node", "remove-node",
    "replace-node", "upgrade", "restore", "rotate-certs", "rotate-ca", "rotate-encryption-key", "force-unlock",
    "delete-app",
])
def test_whatever_changes_a_cluster_can_be_asked_first(name: str) -> None:
    assert "check" in {one.name for one in collection()[name].get_arguments()}
