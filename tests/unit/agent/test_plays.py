"""What a step of a check does on the host, and how often."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from clusterbook.agent import plays
from clusterbook.agent.link import Link
from clusterbook.agent.plays import PlayRuntime
from clusterbook.agent.record import Record
from clusterbook.language.runtime import Call
from clusterbook.modules import registry
from clusterbook.modules.contract import Outcome, Specification
from clusterbook.modules.perform import perform
from clusterbook.modules.system.predicted import PredictedSystem

Check = Callable[..., dict[str, Any]]


@pytest.fixture
def check(tmp_path: Path) -> Iterator[Check]:
    """Runs a module in a check that foretells no more than Ansible does."""
    incoming, written = os.pipe()
    directory = str(tmp_path / "state")
    runtime = PlayRuntime(Link(incoming, written), "play", directory, PredictedSystem(), Record())
    runtime.foresight = False
    yield lambda module, **arguments: runtime.perform(Call(1, f"ansible.builtin.{module}", arguments, check=True))
    runtime.close()
    os.close(incoming)
    os.close(written)


@pytest.mark.parametrize(("kind", "differs"), [("state", False), ("query", False), ("action", True)])
def test_a_step_that_would_change_nothing_or_only_asks_is_done_once(
    check: Check, monkeypatch: pytest.MonkeyPatch, kind: str, differs: bool
) -> None:
    seen: list[str] = []

    def look(*given: Any) -> Any:
        seen.append("look")
        return {} if kind == "state" else Outcome(differs)

    module = SimpleNamespace(
        NAME="test", KIND=kind, observe=look, run=look, check=look, apply=look, diff=lambda arguments, state: [],
        returns=lambda arguments, before, after: {},
    )  # fmt: skip
    monkeypatch.setattr(registry, "load", lambda name: module)
    monkeypatch.setattr(registry, "specification", lambda name: Specification(name, kind, "", {}))
    assert check("file")["changed"] is differs
    assert seen == ["look"]


def test_a_file_in_a_folder_that_an_earlier_step_would_make_is_a_change(check: Check, tmp_path: Path) -> None:
    place = tmp_path / "made"
    assert check("file", path=str(place), state="directory")["changed"]
    assert check("file", path=str(place / "inner"), state="touch")["changed"]
    assert check("lineinfile", path=str(place / "inner"), line="x")["failed"]
    assert not place.exists()


@pytest.mark.parametrize("asks", [False, True])
def test_a_step_that_would_change_something_is_done_again_only_for_one_that_cannot_be_done_without_it(
    check: Check, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, asks: bool
) -> None:
    performed: list[str] = []

    def counted(module: str, *given: Any) -> Outcome:
        performed.append(given[0]["path"])
        return perform(module, *given)

    monkeypatch.setattr(plays, "perform", counted)
    place, other = str(tmp_path / "made"), str(tmp_path / "other")
    assert check("file", path=place, state="directory")["changed"]
    assert check("file", path=other, state="directory")["changed"]
    if asks:
        assert check("file", path=place + "/inner", state="touch")["changed"]
        assert check("file", path=place + "/second", state="touch")["changed"]
    again = [place + "/inner", place, other, place + "/inner", place + "/second", place + "/second"]
    assert performed == [place, other, *(again if asks else [])]
