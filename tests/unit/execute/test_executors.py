"""Hosts worked on by workers: processes of this machine, and what happens when one is killed."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from clusterbook.compile.plan import Plan, PlayPlan
from clusterbook.errors import InvalidInput
from clusterbook.execute import executors
from clusterbook.execute.events import Events
from clusterbook.execute.executors import choose, open_places
from clusterbook.execute.hosts import Agents
from clusterbook.execute.run import Outcome, Runner
from clusterbook.execute.services import Services
from clusterbook.language.program import Flush
from clusterbook.language.values import Secret, Template
from clusterbook.transport.connect import Connector
from clusterbook.transport.protocol import Options
from tests.unit.execute.test_run import COMMAND, Recorder, play, step

SHELL = "ansible.builtin.shell"


def run(
    *plays: PlayPlan, executor: str = "processes", services: Services | None = None,
    watch: Callable[[Recorder, Any], None] | None = None,
) -> tuple[Outcome, Recorder]:  # fmt: skip
    """A run in workers; watch(recorder, office) runs beside it."""
    services, recorder, plan = services or Services(), Recorder(), Plan(plays)
    events = Events([recorder], plan.steps)
    hosts = len({name for one in plays for name in one.hosts})
    chosen = choose(executor, hosts)
    agents = Agents(Connector(Options()), f"run-{os.urandom(4).hex()}", services, lock_hosts=False, keep=chosen.key)
    places = open_places(chosen, hosts, agents, services, Options(), False,
                         lambda host, text: events.emit("taken_over", host=host, msg=text))  # fmt: skip
    try:
        if watch is not None:
            Thread(target=watch, args=(recorder, places), daemon=True).start()
        return Runner(plan, agents, services, events, places=places).run(), recorder
    finally:
        places.close()


def troubles(recorder: Recorder) -> str:
    """What went wrong, whole."""
    kinds = ("failure", "unreachable", "taken_over")
    found = [event for event in recorder.events if event["type"] in kinds or event.get("status") == "failed"]
    return "\n".join(map(str, found))


def kill_a_worker(recorder: Recorder, places: Any, when: Callable[[], bool], name: str = "") -> None:
    """SIGKILL, once the condition holds. name: of a host whose worker it is to be."""
    while not when():
        time.sleep(0.01)
    office = places._office
    worker = next(remote.name for remote in office.crew.everyone() if name in remote.hosts)
    os.kill(office._pids[worker], signal.SIGKILL)


def test_workers_do_what_threads_do(tmp_path: Path) -> None:
    steps = (
        step(1, COMMAND, {"argv": ["mktemp", "-p", str(tmp_path), "once.XXXX"]}, run_once=True, register="made"),
        step(2, "ansible.builtin.debug", {"msg": Template("{{ made.stdout }}")}),
    )
    outcome, recorder = run(play("abcd", steps, lockstep=True))
    assert outcome.exit_code(check=False) == 0, troubles(recorder)
    made = [str(path) for path in tmp_path.glob("once.*")]
    assert [event["msg"] for event in recorder.of("result") if event["step"] == 2] == made * 4
    order = [event["step"] for event in recorder.of("start")]
    assert order == sorted(order)


def test_secrets_and_files_are_answered_by_the_local_machine(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "big").write_bytes(os.urandom(3_000_000))
    steps = (
        step(1, "ansible.builtin.copy", {"src": "big", "dest": str(tmp_path / "there")}),
        step(2, COMMAND, {"argv": ["test", Template("{{ password }}"), "=", "correct-horse"]}),
    )
    one = play("a", steps, bases=(str(tmp_path),), secrets=frozenset({"key"}), variables={"password": Secret("key")})
    outcome, recorder = run(one, services=Services(secret=lambda name: "correct-horse"))
    assert outcome.exit_code(check=False) == 0, troubles(recorder)
    assert (tmp_path / "there").read_bytes() == (tmp_path / "files" / "big").read_bytes()
    assert "correct-horse" not in str(recorder.events)


def counted(number: int, folder: Path, **keywords: Any) -> Any:
    """A command that leaves a line for each time that it ran on a host."""
    line = "echo {} >> " + str(folder) + "/{{{{ inventory_hostname }}}}"
    return step(number, SHELL, {"_raw_params": Template(line.format(number) + "; sleep 0.2")}, **keywords)


@pytest.mark.parametrize("lockstep", [True, False], ids=["linear", "free"])
def test_a_killed_worker_loses_nothing_and_no_command_runs_twice(tmp_path: Path, lockstep: bool) -> None:
    conf = str(tmp_path / "conf-{{ inventory_hostname }}")
    first = play("abcd", (
        counted(1, tmp_path, register="before"), counted(2, tmp_path),
    ), lockstep=lockstep)  # fmt: skip
    second = play("abcd", (
        step(11, "ansible.builtin.copy", {"dest": Template(conf), "content": "x"}, notify=("step 19",)),
        counted(12, tmp_path, register="seen"), counted(13, tmp_path), counted(14, tmp_path, run_once=True),
        step(15, "ansible.builtin.debug", {"msg": Template("{{ before.rc }} {{ seen.rc }}")}),
        counted(16, tmp_path), Flush(0, resumes=True),
    ), handlers=(counted(19, tmp_path),), lockstep=lockstep)  # fmt: skip

    def watch(recorder: Recorder, places: Any) -> None:
        kill_a_worker(recorder, places, lambda: any(e["step"] == 13 for e in recorder.of("start")), "a")

    outcome, recorder = run(first, second, watch=watch)
    assert outcome.exit_code(check=False) == 0, troubles(recorder)
    assert {event["host"] for event in recorder.of("taken_over")} >= {"a"}
    ran = {name: (tmp_path / name).read_text().split() for name in "abcd"}
    for name in "abcd":
        assert [line for line in ran[name] if line != "14"] == ["1", "2", "12", "13", "16", "19"]
        results = [event["step"] for event in recorder.of("result", name)]
        assert results == sorted(set(results), key=results.index), "an event came twice"
        assert set(results) >= {1, 2, 11, 12, 13, 15, 16, 19}
    assert sum(lines.count("14") for lines in ran.values()) == 1
    assert {event["msg"] for event in recorder.of("result") if event["step"] == 15} == {"0 0"}
    assert recorder.of("pending") == []


def test_when_all_workers_are_gone_the_local_machine_goes_on_itself(tmp_path: Path) -> None:
    def watch(recorder: Recorder, places: Any) -> None:
        for name in "ab":
            kill_a_worker(recorder, places, lambda: len(recorder.of("start")) >= 4, name)

    outcome, recorder = run(play("ab", tuple(counted(n, tmp_path) for n in range(1, 6))), watch=watch)
    assert outcome.exit_code(check=False) == 0, troubles(recorder)
    assert len(recorder.of("taken_over")) >= 2
    for name in "ab":
        assert (tmp_path / name).read_text().split() == ["1", "2", "3", "4", "5"]


def test_no_process_is_left(tmp_path: Path) -> None:
    pids: list[int] = []

    def watch(recorder: Recorder, places: Any) -> None:
        while not recorder.of("result"):
            time.sleep(0.01)
        pids.extend(places._office._pids.values())

    run(play("ab", (counted(1, tmp_path), counted(2, tmp_path))), watch=watch)
    assert len(pids) == 2
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_processes_are_chosen_from_many_hosts_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    assert choose("", executors.MANY - 1).name == "threads"
    assert choose("", executors.MANY).name == "processes"
    assert choose("threads", 5000).name == "threads"
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    assert choose("", executors.MANY).name == "threads"


@pytest.mark.parametrize("wanted", ["fibres", "dask://", "dask"])
def test_another_executor_is_refused_with_those_that_there_are(wanted: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        choose(wanted, 1)
    assert caught.value.message == f"--executor is {wanted!r}, expected threads, processes or dask://HOST:PORT"
