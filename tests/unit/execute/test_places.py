"""Where a failure of a running step is told: at the expression or condition that brought it."""

from __future__ import annotations

from pathlib import Path

import pytest

from clusterbook.source import load_text
from tests.unit.execute.playing import HEAD, run_files

VARIABLES = {"a": {"b": "x"}}


@pytest.mark.parametrize("task", [
    "- debug: {msg: x}\n      when: ^a.c.d > 1",
    "- debug: {msg: x}\n      when:\n        - a.b == 'x'\n        - ^a.c.d > 1",
    "- debug: {msg: x}\n      failed_when: ^a.c.d > 1",
    "- command: /bin/true\n      changed_when: [^a.c.d > 1]",
    "- command: /bin/true\n      until: ^a.c.d > 1\n      retries: 1\n      delay: 0",
    "- block:\n      - debug: {msg: x}\n      when: ^a.c.d > 1",
    "- debug: {msg: x}\n      loop: [1]\n      loop_control:\n        break_when: ^a.c.d > 1",
    "- debug: {msg: ^'{{ a.c.d }}'}",
    "- assert:\n        that:\n        - a.b == 'x'\n        - ^a.b == 'y'",
    "- assert: {that: ^a.c.d > 1}",
    "- copy: {dest: /none, content: x, mode: ^'{{ a.b }}'}",
    "- copy: {dest: /none, content: x, backup: ^'{{ a.b }}'}",
    "- file: {dest: /none, state: ^'{{ a.b }}'}",
])  # fmt: skip
def test_a_failure_is_told_where_its_expression_is_written(tmp_path: Path, task: str) -> None:
    before, after = f"{HEAD}    {task}\n".split("^")
    place = (before.count("\n") + 1, len(before.rpartition("\n")[2]) + 1)
    assert load_text(before + after, "site.yml")
    told = run_files(tmp_path, {"site.yml": before + after}, variables=VARIABLES)
    (failure,) = [event for event in told.of("result") if event["status"] == "failed"]
    [item] = failure.get("items") or [failure]
    file, *found = (item.get("place") or failure["place"])
    assert (file, tuple(found)) == (str(tmp_path / "site.yml"), place), item


@pytest.mark.parametrize("task", [
    "copy: {dest: /none/x, content: x}",
    "assert: {that: 1 == 2, fail_msg: in words}",
    "assert: {that: 1 == 2, msg: words}",
])  # fmt: skip
def test_what_has_words_of_its_own_or_no_expression_is_told_at_its_step(tmp_path: Path, task: str) -> None:
    told = run_files(tmp_path, {"site.yml": f"{HEAD}    - {task}\n"})
    (failure,) = [event for event in told.of("result") if event["status"] == "failed"]
    assert "place" not in failure
