"""Lines of a program while it runs."""

from __future__ import annotations

import subprocess

import pytest

from clusterbook.modules.contract import ModuleFailed
from clusterbook.modules.system import following
from clusterbook.modules.system.commands import run
from clusterbook.modules.system.following import Follower

Told = list[tuple[list[str], int]]


def follower(times: list[float]) -> tuple[Follower, Told]:
    """times: what the clock says, one after the other; the last one for ever."""
    told: Told = []
    clock = iter(times)
    last = [0.0]

    def now() -> float:
        last[0] = next(clock, last[0])
        return last[0]

    return Follower(lambda lines, left_out: told.append((list(lines), left_out)), now), told


def test_a_program_that_ends_soon_is_not_told_of() -> None:
    one, told = follower([0.0, 0.9])
    one.take(1, b"a\nb\n")
    assert told == []


def test_after_a_second_whole_lines_are_told_and_a_begun_one_waits_for_its_end() -> None:
    one, told = follower([0.0, 1.5, 1.5, 2.0, 2.0])
    one.take(1, b"a\nb\nhal")
    one.take(1, b"f\n")
    assert told == [(["a", "b"], 0), (["half"], 0)]


def test_lines_of_both_outputs_do_not_run_into_each_other() -> None:
    one, told = follower([0.0, 0.5, 1.5])
    one.take(1, b"out")
    one.take(2, b"err\n")
    one.take(1, b"put\n")
    assert told == [(["err", "output"], 0)]


def test_of_many_lines_the_last_ones_are_told_and_the_others_counted() -> None:
    one, told = follower([0.0, 1.5])
    one.take(1, b"".join(b"%d\n" % number for number in range(100)))
    assert told == [([str(number) for number in range(88, 100)], 88)]


def test_a_progress_bar_that_writes_over_itself_is_lines() -> None:
    one, told = follower([0.0, 1.5])
    one.take(1, b"10%\r20%\r")
    assert told == [(["10%", "20%"], 0)]


def test_a_very_long_line_is_never_cut_into_pieces() -> None:
    one, told = follower([0.0, 1.5])
    one.take(1, b"x" * 70000)
    one.take(1, b"secret" * 20000)
    one.take(1, b"\n")
    assert told == [(["… a very long line"], 0)]


def test_a_letter_of_several_bytes_that_comes_in_two_parts_is_one_letter() -> None:
    one, told = follower([0.0, 1.5])
    one.take(1, b"\xc3")
    one.take(1, b"\xa9\n")
    assert told == [(["é"], 0)]


def test_what_a_followed_program_gives_back_is_what_it_gives_unfollowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "FIRST_SECONDS", 0.0)
    text = "line\n" * 50_000
    argv = ["sh", "-c", "cat; echo err >&2; exit 3"]
    told: list[str] = []
    followed = run(argv, stdin=text, tell=lambda lines, left_out: told.extend(lines))
    plain = run(argv, stdin=text)
    assert (followed.returncode, followed.stdout, followed.stderr) == (3, text, "err\n")
    assert (plain.returncode, plain.stdout, plain.stderr) == (3, text, "err\n")
    assert set(told) <= {"line", "err"} and told


def test_a_program_that_does_not_read_its_input_is_no_failure() -> None:
    assert run(["true"], stdin="x" * 1_000_000, tell=lambda lines, left_out: None).returncode == 0


def test_a_followed_program_is_ended_by_its_timeout() -> None:
    with pytest.raises(ModuleFailed, match=r"did not end within 0\.2 s"):
        run(["sleep", "60"], timeout=0.2, tell=lambda lines, left_out: None)


def test_the_pipes_of_a_followed_program_are_closed() -> None:
    process = subprocess.Popen(["echo", "x"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert following.communicate(process, None, None, lambda lines, left_out: None) == (b"x\n", b"")
    assert process.stdout is not None and process.stdout.closed
