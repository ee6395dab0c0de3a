"""What goes wrong in one look at the account is written down, and the next look happens."""

from __future__ import annotations

import pytest

from clusterbook.lab.ec2.machines import Told


def test_an_error_ends_its_look_alone_and_is_written_down_once_while_it_stays_the_same(
    capsys: pytest.CaptureFixture[str],
) -> None:
    told = Told()
    for problem in ("no answer", "no answer", "another", "no answer"):
        with told.errors():
            raise KeyError(problem)
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("KeyError")]
    assert said == ["KeyError: 'no answer'", "KeyError: 'another'", "KeyError: 'no answer'"]


def test_the_end_of_the_program_is_no_error() -> None:
    with pytest.raises(KeyboardInterrupt), Told().errors():
        raise KeyboardInterrupt
