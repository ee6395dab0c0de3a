"""Steps run in children of the agent: what only looks shares a warm one, what changes has a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from clusterbook.agent import observers
from clusterbook.agent.link import Link
from clusterbook.agent.marks import Marks
from clusterbook.agent.performer import CHANGE_SECONDS, Performer, changes_host
from clusterbook.language.runtime import Call, Stopped
from clusterbook.modules import registry
from clusterbook.modules.contract import Change, Specification
from clusterbook.modules.system import System

KILLED = {"failed": True, "changed": False, "msg": "the step's process was killed"}


@pytest.fixture
def performer(tmp_path: Path) -> Iterator[Performer]:
    incoming, written = os.pipe()
    marks = Marks(str(tmp_path / "state"), "play")
    made = Performer(Link(incoming, written), marks, lambda ask, call: System(), lambda event: None)
    yield made
    made.close()
    os.close(incoming)
    os.close(written)


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A state module of the test's own, found under every name; its functions can be replaced."""
    made = SimpleNamespace(
        NAME="test", KIND="state", memory=[], observe=lambda arguments, system: {}, diff=lambda arguments, state: [],
        apply=lambda arguments, state, system: None, returns=lambda arguments, before, after: dict(after),
    )  # fmt: skip
    monkeypatch.setattr(registry, "load", lambda name: made)
    monkeypatch.setattr(registry, "specification", lambda name: Specification(name, "state", "", {}))
    return made


def changes_once(module: SimpleNamespace, apply: Callable[..., None]) -> None:
    """The module finds a difference until it was applied in the same process."""
    module.diff = lambda arguments, state: [] if state.get("done") else [Change("x", 0, 1)]
    module.observe = lambda arguments, system: {"done": bool(module.memory), "process": os.getpid()}

    def applied(*given: Any) -> None:
        module.memory.append(1)
        apply(*given)

    module.apply = applied


def step(**details: Any) -> Call:
    return Call(1, "ansible.builtin.file", {}, **details)


def test_steps_that_change_nothing_share_one_process(performer: Performer, module: SimpleNamespace) -> None:
    module.returns = lambda arguments, before, after: {"process": os.getpid()}
    processes = {performer.run(step())["process"] for _ in range(5)}
    assert len(processes) == 1
    assert os.getpid() not in processes


def test_what_a_change_leaves_in_memory_never_reaches_a_later_step(
    performer: Performer, module: SimpleNamespace
) -> None:
    changes_once(module, lambda *given: os.environ.update(LEFT="behind"))
    module.returns = lambda arguments, before, after: {"left": os.environ.get("LEFT", ""), "process": os.getpid()}
    first, second = performer.run(step()), performer.run(step())
    assert first["changed"] and second["changed"]  # the second one did not see the first one's memory
    assert first["process"] != second["process"]
    assert module.memory == [] and "LEFT" not in os.environ


def test_a_step_with_an_environment_of_its_own_has_a_process_of_its_own(
    performer: Performer, module: SimpleNamespace
) -> None:
    module.returns = lambda arguments, before, after: {"value": os.environ.get("COLOUR", ""), "process": os.getpid()}
    with_environment = performer.run(step(environment={"COLOUR": "red"}))
    without = performer.run(step())
    assert (with_environment["value"], without["value"]) == ("red", "")
    assert with_environment["process"] != without["process"]


@pytest.mark.parametrize("phase", ["observe", "apply"])
def test_a_step_that_takes_too_long_is_ended_and_the_next_one_runs(
    performer: Performer, module: SimpleNamespace, tmp_path: Path, phase: str
) -> None:
    def slow(*given: Any) -> dict[str, Any]:
        time.sleep(5)
        (tmp_path / "late").touch()
        return {}

    if phase == "observe":
        module.observe = slow
    else:
        changes_once(module, slow)
    result = performer.run(step(timeout=0.3))
    assert result["timedout"] == {"period": 0.3}
    performer.close()  # the warm child has the module as it was
    module.observe, module.diff = lambda arguments, system: {}, lambda arguments, state: []
    assert performer.run(step())["failed"] is False
    assert not (tmp_path / "late").exists()


@pytest.mark.parametrize("phase", ["observe", "apply"])
def test_a_killed_step_fails_and_the_next_one_runs(
    performer: Performer, module: SimpleNamespace, tmp_path: Path, phase: str
) -> None:
    armed = tmp_path / "armed"
    armed.touch()

    def killed(*given: Any) -> dict[str, Any]:
        if armed.exists():
            armed.unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        return {}

    if phase == "observe":
        module.observe = killed
    else:
        changes_once(module, killed)
    assert performer.run(step()) == KILLED
    assert performer.run(step())["failed"] is False


def test_a_crash_is_a_result_and_the_next_step_runs(performer: Performer, module: SimpleNamespace) -> None:
    module.observe = lambda arguments, system: {}["absent"]
    crashed = performer.run(step())
    assert crashed["msg"] == "the module crashed; this is a bug"
    assert "KeyError" in crashed["stderr"]
    assert performer.run(step())["failed"] is True


def test_marks_are_written_before_the_change_and_only_for_a_change(
    performer: Performer, module: SimpleNamespace, tmp_path: Path
) -> None:
    marks = Marks(str(tmp_path / "state"), "play")
    performer.run(step(notify=("restart",)))
    assert marks.names() == set()
    performer.close()  # the warm child has the module as it was
    seen = tmp_path / "seen"
    changes_once(module, lambda *given: seen.write_text(" ".join(marks.names())))
    performer.run(step(notify=("restart",)))
    assert seen.read_text() == "restart"
    assert marks.names() == {"restart"}


def test_an_unknown_user_fails_the_step(performer: Performer, module: SimpleNamespace) -> None:
    result = performer.run(step(user="nobody-of-this-name"))
    assert result == {
        "failed": True, "changed": False, "msg": "there is no account 'nobody-of-this-name' on this host to become",
    }  # fmt: skip


def test_the_warm_children_end_with_the_play(performer: Performer, module: SimpleNamespace) -> None:
    module.returns = lambda arguments, before, after: {"process": os.getpid()}
    process = performer.run(step())["process"]
    performer.close()
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


@pytest.mark.parametrize("kind", ["state", "action", "query"])
def test_a_step_does_not_outlive_the_connection_for_long(
    performer: Performer, module: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    limit, other = ("COMMAND_SECONDS", "CHANGE_SECONDS")[:: -1 if kind == "state" else 1]
    monkeypatch.setattr(f"clusterbook.agent.performer.{limit}", 0.2)
    monkeypatch.setattr(f"clusterbook.agent.performer.{other}", 600.0)
    module.KIND, agent = kind, os.getpid()

    def never_ends(*given: Any) -> Any:
        (tmp_path / "process").write_text(str(subprocess.Popen(["sleep", "60"], stdout=subprocess.DEVNULL).pid))
        os.kill(agent, signal.SIGUSR1)
        time.sleep(60)

    module.run = module.observe = never_ends
    before = signal.signal(signal.SIGUSR1, lambda number, frame: performer._link.cut())
    try:
        with pytest.raises(Stopped):
            performer.run(step())
    finally:
        signal.signal(signal.SIGUSR1, before)
    left = Path("/proc", (tmp_path / "process").read_text(), "cmdline")
    for _ in range(300):  # a killed process needs a moment, and has no words once it has ended
        if not left.exists() or left.read_bytes() == b"":
            return
        time.sleep(0.1)
    raise AssertionError(left.read_bytes())


def test_a_step_that_another_agent_of_the_run_waits_for_ends_by_itself(
    performer: Performer, module: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clusterbook.agent.performer.CHANGE_SECONDS", 0.1)
    finished: list[dict[str, Any]] = []
    performer._awaited, performer._finished = lambda: True, finished.append

    def slow(*given: Any) -> dict[str, Any]:
        time.sleep(1)
        return {}

    module.observe = slow
    performer._link.cut()
    with pytest.raises(Stopped):
        performer.run(step())
    assert finished == [{"changed": False, "failed": False}]


def test_a_value_that_only_this_process_knows_gets_a_fork_of_it(performer: Performer, tmp_path: Path) -> None:
    class Text(str):
        __slots__ = ()

    forked = observers.Observers(lambda ask, call: System(), lambda outcome: {})
    call = Call(1, "ansible.builtin.stat", {"path": Text(tmp_path)})
    assert forked.begin(call) is None
    assert performer.run(call)["stat"]["exists"] is True


def test_a_change_of_the_host_is_let_finish_for_an_hour_after_the_connection_has_ended() -> None:
    assert CHANGE_SECONDS == 3600
    whole = ("ansible.builtin.apt", "ansible.builtin.pip", "ansible.builtin.copy")
    cut = ("ansible.builtin.shell", "ansible.builtin.stat", "ansible.builtin.wait_for")
    assert [changes_host(module) for module in (*whole, *cut)] == [True] * 3 + [False] * 3
