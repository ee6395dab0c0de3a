"""Tables of results read well on a screen and in Markdown."""

from __future__ import annotations

from bench.table import table


def test_numbers_stand_to_the_right_and_words_to_the_left() -> None:
    assert table(("what", "s"), [("floor", 1.234), ("provision", 31.26)]).splitlines() == [
        "| what      |    s |",
        "|-----------|-----:|",
        "| floor     | 1.23 |",
        "| provision | 31.3 |",
    ]


def test_a_missing_value_is_a_dash() -> None:
    assert table(("what", "s"), [("plan", None)]).splitlines()[-1] == "| plan | - |"
