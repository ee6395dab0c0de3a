"""Whole plays through real agents on this machine."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from clusterbook.compile.plan import Plan, PlayPlan, StepInfo
from clusterbook.compile.walk import every_step
from clusterbook.errors import Position
from clusterbook.execute.events import Events
from clusterbook.execute.hosts import Agents
from clusterbook.execute.run import Outcome, Runner
from clusterbook.execute.services import Services
from clusterbook.execute.session import AgentSession
from clusterbook.language.program import Flush, HostPart, Program, Step
from clusterbook.language.values import Secret, Template
from clusterbook.model import Host
from clusterbook.source import vault
from clusterbook.transport.connect import Connector
from clusterbook.transport.protocol import Options

COMMAND = "ansible.builtin.command"


class Recorder:
    """Keeps the events."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    def event(self, event: dict[str, Any]) -> None:
        self.events.append(event)

    def of(self, kind: str, host: str = "") -> list[dict[str, Any]]:
        return [e for e in self.events if e["type"] == kind and (not host or e.get("host") == host)]


def step(number: int, module: str, arguments: Any, **keywords: Any) -> Step:
    """A step; its arguments' texts are literal, templates are marked as such."""
    return Step(number, f"step {number}", module, arguments, **keywords)


def play(names: str, instructions: tuple[Any, ...], **settings: Any) -> PlayPlan:
    handlers = settings.pop("handlers", ())
    secrets = settings.pop("secrets", frozenset())
    variables = settings.pop("variables", {})
    bases = settings.pop("bases", ())
    steps = tuple(every_step((*instructions, *handlers)))
    settings.setdefault("lockstep", False)
    settings.setdefault("modules", tuple({s.module for s in steps if s.module != "ansible.builtin.debug"}))
    program = Program("test", "test", instructions, handlers, **settings)
    infos = {
        s.id: StepInfo(s.id, str(s.name), "", s.module, Position("play.yml", s.id), bases=bases)
        for s in steps
    }
    hosts = {name: Host(name, ("all",), {"ansible_connection": "local"}) for name in names}
    parts = {name: HostPart(name, ("all",), variables) for name in names}
    return PlayPlan("test", program, infos, (tuple(names),), hosts, parts, False, secrets, frozenset())


def run(*plays: PlayPlan, services: Services | None = None, **about: Any) -> tuple[Outcome, Recorder]:
    recorder = Recorder()
    return started(recorder, *plays, services=services, **about), recorder


def started(recorder: Recorder, *plays: PlayPlan, services: Services | None = None, **about: Any) -> Outcome:
    services = services or Services()
    known = {name: host for play in plays for name, host in play.hosts.items()}
    plan = Plan(plays, **{"hosts": known, **about})
    events = Events([recorder], plan.steps)
    agents = Agents(Connector(Options()), "run-1", services, lock_hosts=False)
    try:
        return Runner(plan, agents, services, events).run()
    finally:
        agents.close()


def test_a_play_changes_the_host_and_a_second_run_changes_nothing(tmp_path: Path) -> None:
    target = tmp_path / "made"
    steps = (step(1, "ansible.builtin.file", {"path": str(target), "state": "directory", "mode": "0750"}),)
    first, _ = run(play("a", steps))
    assert first.counts["a"]["changed"] == 1
    assert target.is_dir()
    second, _ = run(play("a", steps))
    assert second.counts["a"]["changed"] == 0
    assert second.exit_code(check=True) == 0


def test_a_check_changes_nothing_and_says_what_would_change(tmp_path: Path) -> None:
    folder, file = tmp_path / "etc", tmp_path / "etc" / "conf"
    steps = (
        step(1, "ansible.builtin.file", {"path": str(folder), "state": "directory"}),
        step(2, "ansible.builtin.copy", {"dest": str(file), "content": "x = 1\n"}),
        step(3, "ansible.builtin.copy", {"dest": str(file), "content": "x = 1\n"}),
    )
    outcome, recorder = run(play("a", steps, check=True))
    assert [event["status"] for event in recorder.of("result")] == ["changed", "changed", "ok"]
    assert outcome.exit_code(check=True) == 2
    assert list(tmp_path.iterdir()) == [] or not folder.exists()


def test_a_check_of_a_later_play_sees_what_an_earlier_one_would_have_done(tmp_path: Path) -> None:
    file = str(tmp_path / "token")
    made = step(1, "ansible.builtin.copy", {"dest": file, "content": "x"})
    gone = step(2, "ansible.builtin.file", {"path": file, "state": "absent"})
    _, recorder = run(play("a", (made,), check=True), play("a", (gone,), check=True))
    assert [event["status"] for event in recorder.of("result")] == ["changed", "changed"]


def test_hosts_in_lockstep_start_a_step_together() -> None:
    steps = tuple(step(number, "ansible.builtin.debug", {"msg": "x"}) for number in range(1, 6))
    _, recorder = run(play("abc", steps, lockstep=True))
    order = [event["step"] for event in recorder.of("start")]
    assert order == sorted(order)


def test_a_run_once_step_runs_on_one_host_and_all_see_its_result(tmp_path: Path) -> None:
    steps = (
        step(1, COMMAND, {"argv": ["mktemp", "-p", str(tmp_path), "once.XXXX"]}, run_once=True, register="made"),
        step(2, "ansible.builtin.debug", {"msg": Template("{{ made.stdout }}")}),
    )
    _, recorder = run(play("abc", steps))
    messages = {event["msg"] for event in recorder.of("result") if event["step"] == 2}
    assert messages == {str(path) for path in tmp_path.glob("once.*")}
    assert len(messages) == 1


def test_a_failed_host_does_not_stop_the_others() -> None:
    steps = (
        step(1, COMMAND, {"argv": ["test", Template("{{ inventory_hostname }}"), "=", "a"]}),
        step(2, "ansible.builtin.debug", {"msg": "on"}),
    )
    outcome, recorder = run(play("ab", steps))
    assert outcome.exit_code(check=False) == 1
    assert [event["host"] for event in recorder.of("result") if event["step"] == 2] == ["a"]


def test_no_play_follows_one_whose_hosts_all_failed() -> None:
    fails, works = (step(n, COMMAND, {"argv": [word]}) for n, word in ((1, "false"), (2, "true")))
    outcome, recorder = run(play("a", (fails,)), play("ab", (works,)))
    assert outcome.exit_code(check=False) == 1
    assert [event["step"] for event in recorder.of("result")] == [1]
    assert [event["last"] for event in recorder.of("nobody_left")] == [False]


def test_a_handler_mark_outlives_a_run_that_failed_before_the_flush(tmp_path: Path) -> None:
    conf = tmp_path / "conf"
    handler = step(9, COMMAND, {"argv": ["touch", str(tmp_path / "restarted")]})
    change = step(1, "ansible.builtin.copy", {"dest": str(conf), "content": "x"}, notify=("step 9",))
    broken = step(2, COMMAND, {"argv": ["false"]})
    run(play("a", (change, broken, Flush(0)), handlers=(handler,)))
    assert not (tmp_path / "restarted").exists()
    _, recorder = run(play("a", (change, Flush(0, resumes=True)), handlers=(handler,)))
    assert recorder.of("pending")[0]["handlers"] == ["step 9"]
    assert (tmp_path / "restarted").exists()
    _, again = run(play("a", (change, Flush(0, resumes=True)), handlers=(handler,)))
    assert again.of("pending") == []


def test_a_secret_reaches_the_host_only_by_name_and_never_an_event(tmp_path: Path) -> None:
    asked: list[str] = []

    def secret(name: str) -> str:
        asked.append(name)
        return "correct-horse"

    file = tmp_path / "token"
    steps = (
        step(1, "ansible.builtin.copy", {"dest": str(file), "content": Template("{{ token }}")}),
        step(2, COMMAND, {"argv": ["sh", "-c", f"cat {file}; exit 3"]}),
    )
    plan = play("a", steps, variables={"token": Secret("token")}, secrets=frozenset({"token"}))
    _, recorder = run(plan, services=Services(secret=secret))
    assert file.read_text() == "correct-horse"
    assert asked == ["token"]
    assert "correct-horse" not in str(recorder.events)


def test_a_secret_that_the_play_does_not_name_is_refused() -> None:
    steps = (step(1, "ansible.builtin.debug", {"msg": Template("{{ token }}")}),)
    plan = play("a", steps, variables={"token": Secret("token")})
    outcome, recorder = run(plan, services=Services(secret=lambda name: "value"))
    assert outcome.exit_code(check=False) == 1
    assert "not named by this play" in str(recorder.events)


def test_a_secret_of_another_host_is_refused() -> None:
    steps = (step(1, "ansible.builtin.debug", {"msg": Template("{{ token }}")}),)
    plan = play("a", steps, variables={"token": Secret("of-b")}, secrets=frozenset({"of-a", "of-b"}))
    outcome, recorder = run(replace(plan, withheld={"a": frozenset({"of-b"})}), services=Services(lambda name: "value"))
    assert outcome.exit_code(check=False) == 1
    assert "not named by this play" in str(recorder.events)


@pytest.mark.parametrize(("source", "given"), [("{{ name }}", True), ("{{ said.stdout }}", False)])
def test_a_file_outside_the_steps_directories_is_given_to_who_does_not_choose_it(
    tmp_path: Path, source: str, given: bool
) -> None:
    (tmp_path / "role").mkdir()
    outside, got = tmp_path / "outside", tmp_path / "got"
    outside.write_text("private")
    steps = (step(1, COMMAND, {"argv": ["echo", str(outside)]}, register="said"),
             step(2, "ansible.builtin.copy", {"src": Template(source), "dest": str(got)}))  # fmt: skip
    plan = play("a", steps, variables={"name": str(outside)}, bases=(str(tmp_path / "role"),))
    outcome, recorder = run(plan)
    assert (outcome.exit_code(check=False) == 0) == given == got.exists()
    assert ("lies outside the directories of this step" in str(recorder.events)) != given


def test_a_step_that_takes_too_long_is_ended() -> None:
    outcome, recorder = run(play("a", (step(1, COMMAND, {"argv": ["sleep", "60"]}, timeout=1),)))
    assert outcome.exit_code(check=False) == 1
    assert "Timed out after 1 second" in recorder.of("result")[0]["msg"]


def test_a_later_play_reads_what_another_host_registered() -> None:
    first = play(
        "ab", (step(1, COMMAND, {"argv": ["echo", Template("{{ inventory_hostname }}")]}, register="said"),),
        shared=("said",),
    )
    read = Template("{{ ['a', 'b'] | map('extract', hostvars, 'said') | map(attribute='stdout') | join('+') }}")
    second = play("a", (step(2, "ansible.builtin.debug", {"msg": read}),), magic={"groups": {"all": ["a", "b"]}})
    _, recorder = run(first, second)
    assert recorder.of("result", "a")[-1]["msg"] == "a+b"


def test_a_lookup_is_answered_by_the_local_machine(tmp_path: Path) -> None:
    (tmp_path / "said").write_text("hello\n")
    steps = (step(1, "ansible.builtin.debug", {"msg": Template("{{ lookup('file', '" + str(tmp_path) + "/said') }}")}),
             step(2, "ansible.builtin.debug", {"msg": Template("{{ {'a': [1]} | to_nice_yaml }}")}),
             step(3, "ansible.builtin.debug", {"msg": Template("{{ lookup('file', 'nope', errors='warn') }}")}),
             step(4, "ansible.builtin.debug", {"msg": Template("{{ lookup('file', 'nope') }}")}))  # fmt: skip
    outcome, recorder = run(play("a", steps))
    assert [event.get("msg") for event in recorder.of("result")][:2] == ["hello", "a:\n- 1\n"]
    assert "No such file or directory: 'nope'" in recorder.of("warning")[0]["msg"]
    assert "No such file or directory: 'nope'" in recorder.of("result")[-1]["msg"]
    assert outcome.exit_code(check=False) == 1


def test_a_step_that_reads_an_encrypted_file_shows_no_values(tmp_path: Path) -> None:
    (tmp_path / "sealed").write_text(vault.seal(b"hunter22", b"pw"))
    reading = Template(f"{{{{ lookup('file', '{tmp_path}/sealed') }}}}")
    steps = (step(1, "ansible.builtin.debug", {"msg": reading}),
             step(2, "ansible.builtin.debug", {"msg": "hunter22"}))  # fmt: skip
    services = Services(decrypt=lambda data, name: vault.open_sealed(data, b"pw"))
    _, recorder = run(replace(play("a", steps), local_texts=(reading.text,)), services=services)
    assert recorder.of("result")[0].get("hidden") is True
    assert "hunter22" not in str(recorder.events)


def test_a_delegated_step_runs_on_the_other_host_with_the_first_hosts_variables(tmp_path: Path) -> None:
    made = Template(str(tmp_path) + "/for-{{ inventory_hostname }}")
    steps = (step(1, "ansible.builtin.file", {"path": made, "state": "touch"}, delegate_to="b"),)
    outcome, _ = run(play("ab", steps))
    assert outcome.exit_code(check=False) == 0
    assert sorted(path.name for path in tmp_path.glob("for-*")) == ["for-a", "for-b"]


SLOW = {"_raw_params": "echo one; echo the-token-1234 >&2; sleep 1.6; echo two"}


def test_the_lines_of_a_long_command_come_while_it_runs_with_secrets_masked() -> None:
    services = Services(secret=lambda name: "the-token-1234")
    steps = (
        step(1, "ansible.builtin.command", {"_raw_params": Template("true {{ token }}")}),
        step(2, "ansible.builtin.shell", SLOW),
    )
    variables = {"token": Secret("token")}
    outcome, recorder = run(play("a", steps, secrets=frozenset({"token"}), variables=variables), services=services)
    assert outcome.exit_code(check=False) == 0
    lines = [line for event in recorder.of("output") for line in event["lines"]]
    assert lines[:2] == ["one", "********"]
    kinds = [event["type"] for event in recorder.events if event.get("step") == 2]
    assert kinds[0] == "start" and kinds[1] == "output" and kinds[-1] == "result"


def test_the_lines_of_a_step_with_no_log_stay_on_the_host() -> None:
    _, recorder = run(play("a", (step(1, "ansible.builtin.shell", SLOW, no_log=True),)))
    assert recorder.of("output") == []
    assert [event["status"] for event in recorder.of("result")] == ["changed"]


def test_a_host_that_is_connected_after_ctrl_c_starts_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C comes while agents are being started."""
    hello, stop, stopped = AgentSession.hello, Agents.stop, Event()

    def slow_hello(session: AgentSession, *arguments: Any, **keywords: Any) -> None:
        hello(session, *arguments, **keywords)
        os.kill(os.getpid(), signal.SIGINT)
        stopped.wait(10)

    def noted_stop(agents: Agents) -> None:
        stop(agents)
        stopped.set()

    monkeypatch.setattr(AgentSession, "hello", slow_hello)
    monkeypatch.setattr(Agents, "stop", noted_stop)
    outcome, recorder = run(play("a", (step(1, "ansible.builtin.file", {"path": str(tmp_path / "made"),
                                                                         "state": "touch"}),)))  # fmt: skip
    assert outcome.exit_code(check=False) == 130
    assert recorder.of("start") == [] and recorder.of("unreachable") == [] and recorder.of("failure") == []
    assert not (tmp_path / "made").exists()


def test_the_pause_between_two_tries_ends_with_ctrl_c() -> None:
    """The first try has failed when Ctrl-C comes; the next one would be in ten minutes."""
    waiting = step(1, COMMAND, {"_raw_params": "false"}, register="r", until=("r.rc == 0",), retries=3, delay=600)

    class Pressed(Recorder):
        """Presses Ctrl-C when a step is to be tried again."""

        def event(self, event: dict[str, Any]) -> None:
            super().event(event)
            if event["type"] == "retry":
                os.kill(os.getpid(), signal.SIGINT)

    recorder = Pressed()
    outcome = started(recorder, play("a", (waiting,)))
    assert outcome.exit_code(check=False) == 130
    assert recorder.of("unreachable") == []
