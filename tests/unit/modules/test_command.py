"""command, shell, raw and script run real programs."""

from __future__ import annotations

from pathlib import Path

from clusterbook.modules.system.commands import run
from tests.unit.modules.conftest import Do


def test_the_output_comes_as_text_and_lines(do: Do) -> None:
    values = do("command", _raw_params="printf 'a b\\nc\\n\\n'").values
    assert (values["rc"], values["stdout"], values["stdout_lines"]) == (0, "a b\nc", ["a b", "c"])


def test_words_are_not_read_by_a_shell(do: Do) -> None:
    assert do("command", argv=["echo", "$(id)", "; ls"]).values["stdout"] == "$(id) ; ls"


def test_a_shell_line_is(do: Do) -> None:
    assert do("shell", cmd="echo a | tr a b").values["stdout"] == "b"


def test_a_failure_tells_the_command_its_exit_and_its_last_words(do: Do) -> None:
    outcome = do("shell", cmd="echo why >&2; exit 3")
    assert outcome.failed and outcome.values["rc"] == 3
    assert outcome.message == "non-zero return code"
    words = outcome.values["explained"]
    assert words.startswith("'echo why >&2; exit 3' failed (exit 3, 0.") and words.endswith(": why")


def test_a_program_that_is_not_there_is_named(do: Do) -> None:
    outcome = do("command", _raw_params="no-such-program x")
    assert outcome.message == "'no-such-program' cannot be run: No such file or directory: no-such-program"


def test_creates_and_removes_guard_also_by_pattern(do: Do, plan: Do, place: Path) -> None:
    arguments = {"_raw_params": "touch done.1", "chdir": str(place), "creates": "done.*"}
    assert plan("command", **arguments).changed
    assert do("command", **arguments).changed
    assert not do("command", **arguments).changed and not plan("command", **arguments).changed
    assert not do("command", _raw_params="false", removes=str(place / "none")).changed


def test_a_command_in_check_mode_would_change_with_an_unknown_result(plan: Do, place: Path) -> None:
    outcome = plan("command", _raw_params="touch x", chdir=str(place))
    assert outcome.changed and outcome.unknown and list(place.iterdir()) == []


def test_what_a_command_would_make_is_unknown_to_later_steps(plan: Do, place: Path) -> None:
    plan("command", _raw_params="make it", creates=str(place / "it"))
    assert plan("stat", path=str(place / "it")).unknown
    assert plan("file", path=str(place / "it"), state="absent").unknown


def test_input_and_directory_reach_the_program(do: Do, place: Path) -> None:
    assert do("shell", cmd="pwd; cat", stdin="text", chdir=str(place)).values["stdout_lines"] == [str(place), "text"]


def test_a_script_of_the_local_machine_runs_and_leaves_nothing(do: Do, sources: Path) -> None:
    (sources / "s.sh").write_text("#!/bin/sh\necho $0 $1\n")
    values = do("script", _raw_params="s.sh 'a b'").values
    path, _, rest = values["stdout"].strip().partition(" ")
    assert rest == "a b" and not Path(path).exists()


def test_a_time_limit_ends_everything_that_was_started(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    try:
        run(["sh", "-c", f"(sleep 2; touch {mark}) & sleep 30"], timeout=0.2)
    except Exception as error:
        assert str(error) == "'sh' did not end within 0.2 s"
    run(["sleep", "2.2"])
    assert not mark.exists()


def test_the_command_is_shown_as_it_was_written(do: Do) -> None:
    values = do("command", argv=["echo", "$HOME"]).values
    assert (values["cmd"], values["stdout"]) == (["echo", "$HOME"], str(Path.home()))


def test_a_script_whose_guard_says_that_its_work_is_done_is_left_out(do: Do, plan: Do, place: Path) -> None:
    for call in (do, plan):
        outcome = call("script", _raw_params="any.sh", creates=str(place))
        assert outcome.skipped and outcome.values["msg"] == f"{place} exists, matching creates option"
        outcome = call("script", _raw_params="any.sh", removes=str(place / "no"))
        assert outcome.skipped and outcome.values["msg"] == f"{place / 'no'} does not exist, matching removes option"


def test_command_warns_of_an_executable_that_it_does_not_heed(do: Do) -> None:
    outcome = do("command", _raw_params="echo x", executable="/bogus")
    assert outcome.values["stdout"] == "x" and "no longer supported" in outcome.values["warnings"][0]
