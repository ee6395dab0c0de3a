"""Times inside expressions, in parameters and in results."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from clusterbook.language.environment import ExpressionError
from clusterbook.language.filters.errors import FilterError
from clusterbook.language.filters.json_text import to_json
from clusterbook.language.filters.texts import to_datetime
from clusterbook.language.times import as_parameters
from clusterbook.language.values import encode
from tests.unit.execute.playing import HEAD, run_files

MOMENT = datetime(2024, 1, 2, 3, 4, 5)


def test_results_and_parameters_hold_times_as_text_with_a_t() -> None:
    assert encode({"a": [MOMENT], "b": MOMENT.time(), "c": date(2024, 1, 2)}) == {
        "a": ["2024-01-02T03:04:05"], "b": "03:04:05", "c": "2024-01-02",
    }  # fmt: skip
    found = as_parameters("ansible.builtin.command", {"argv": ["echo", MOMENT], "more": {"x": MOMENT}})
    assert found == {"argv": ["echo", "2024-01-02T03:04:05"], "more": {"x": "2024-01-02T03:04:05"}}


def test_the_content_of_a_file_has_times_as_text_has_them() -> None:
    assert as_parameters("ansible.builtin.copy", {"content": MOMENT}) == {"content": MOMENT}


def test_a_difference_of_times_is_no_parameter() -> None:
    with pytest.raises(ExpressionError, match=r"a difference of times .1 day, 1:00:00. cannot"):
        as_parameters("ansible.builtin.copy", {"content": [timedelta(days=1, hours=1)]})


def test_a_difference_of_times_has_no_form_in_json() -> None:
    with pytest.raises(FilterError, match=r"a difference of times .* has no form in JSON"):
        to_json({"a": timedelta(1)})


def test_a_text_that_is_no_time_is_refused_with_the_format() -> None:
    with pytest.raises(FilterError, match=r"this is no time in the format %Y: .*'x'"):
        to_datetime("x", "%Y")


def test_a_play_computes_with_times_and_shows_them_but_cannot_keep_their_difference(tmp_path: Path) -> None:
    told = run_files(tmp_path, {"site.yml": HEAD + """\
    - set_fact: {at: "{{ '2024-01-02 03:04:05' | to_datetime }}"}
    - debug: {msg: "{{ at }}"}
    - debug: {msg: "at {{ at }}"}
    - debug: {msg: "{{ (at - at.replace(day=1)).days }}"}
    - set_fact: {difference: "{{ at - at }}"}
      ignore_errors: true
"""})  # fmt: skip
    assert told.messages() == ["2024-01-02T03:04:05", "at 2024-01-02 03:04:05", 1]
    assert "a difference of times (0:00:00) cannot be kept" in told.failures()[0]
