"""Plays on one host, with a recorder in place of the modules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from clusterbook.language.interpreter import Interpreter
from clusterbook.language.program import Flush, Group, HostPart, Loop, Program, RolePart, Step
from clusterbook.language.results import combine
from clusterbook.language.runtime import Call
from clusterbook.language.state import HostState
from clusterbook.language.values import Secret, Template

RUN = "ansible.builtin.command"


class Recorder:
    """A Runtime that answers modules from a table and remembers what happened."""

    def __init__(self, results: dict[str, dict[str, Any]] | None = None, marks: set[str] | None = None) -> None:
        self.results = results or {}
        self.ran: list[str] = []
        self.calls: list[Call] = []
        self.events: list[dict[str, Any]] = []
        self.marks = marks or set()
        self.expected: list[tuple[str, int, tuple[str, ...]]] = []

    def expect(self, kind: str, step: int, names: tuple[str, ...]) -> None:
        self.expected.append((kind, step, names))

    def emit(self, event: dict[str, Any]) -> None:
        self.events.append(event)

    def ask(self, kind: str, **question: Any) -> Any:
        return None

    def perform(self, call: Call) -> dict[str, Any]:
        command = str(call.arguments.get("cmd"))
        self.ran.append(command)
        self.calls.append(call)
        return dict(self.results.get(command, {"changed": True, "stdout": command}))

    def pending(self) -> set[str]:
        return set(self.marks)

    def pause(self, seconds: float) -> None:
        self.events.append({"type": "paused", "seconds": seconds})

    def once(self, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        return work()

    def settle(self, handler: str) -> None:
        self.marks.discard(handler)

    def statuses(self) -> list[str]:
        return [event["status"] for event in self.events if event["type"] == "result"]


def step(number: int, command: Any, **keywords: Any) -> Step:
    return Step(number, f"step {number}", RUN, {"cmd": command}, **keywords)


def run(recorder: Recorder, *instructions: Any, handlers: tuple[Step, ...] = (), **settings: Any) -> bool:
    variables = settings.pop("variables", {})
    program = Program("key", "play", instructions, handlers, lockstep=False, **settings)
    return Interpreter(program, HostPart("h", (), variables), HostState(), recorder).run()


def test_steps_run_in_order() -> None:
    recorder = Recorder()
    assert run(recorder, step(1, "a"), step(2, "b"))
    assert recorder.ran == ["a", "b"]


def test_a_failed_step_ends_the_play() -> None:
    recorder = Recorder({"a": {"failed": True, "msg": "no"}})
    assert not run(recorder, step(1, "a"), step(2, "b"))
    assert recorder.ran == ["a"]


def test_an_ignored_failure_does_not() -> None:
    recorder = Recorder({"a": {"failed": True}})
    assert run(recorder, step(1, "a", ignore_errors=True), step(2, "b"))
    assert recorder.ran == ["a", "b"]


def test_a_condition_that_does_not_hold_skips() -> None:
    recorder = Recorder()
    assert run(recorder, step(1, "a", when=("1 > 2",)), step(2, "b"))
    assert recorder.statuses() == ["skipped", "changed"]


def test_a_registered_result_is_seen_by_later_steps() -> None:
    recorder = Recorder({"a": {"changed": False, "stdout": "42"}})
    assert run(recorder, step(1, "a", register="answer"), step(2, Template("{{ answer.stdout }}!")))
    assert recorder.ran == ["a", "42!"]


def test_a_loop_runs_for_each_item_and_collects_results() -> None:
    recorder = Recorder()
    once = step(1, Template("{{ item }}"), loop=Loop(["x", "y"]), register="all")
    assert run(recorder, once, step(2, Template("{{ all.results | map(attribute='stdout') | join('+') }}")))
    assert recorder.ran == ["x", "y", "x+y"]


def test_a_loop_that_cannot_be_evaluated_is_skipped_when_its_condition_does_not_hold() -> None:
    recorder = Recorder()
    assert run(recorder, step(1, Template("{{ item }}"), loop=Loop(Template("{{ nope | b64decode }}")), when=(False,)))
    assert recorder.statuses() == ["skipped"]


def test_with_items_flattens_one_level() -> None:
    recorder = Recorder()
    assert run(recorder, step(1, Template("{{ item }}"), loop=Loop([["x", "y"], "z"], kind="items")))
    assert recorder.ran == ["x", "y", "z"]


def test_a_rescue_sees_what_failed_and_always_runs_after_it() -> None:
    recorder = Recorder({"a": {"failed": True, "msg": "boom"}})
    group = Group(9, "g", (step(1, "a"),), (step(2, Template("{{ ansible_failed_result.msg }}")),), (step(3, "c"),))
    assert run(recorder, group)
    assert recorder.ran == ["a", "boom", "c"]


def test_always_runs_also_when_nothing_rescues() -> None:
    recorder = Recorder({"a": {"failed": True}})
    assert not run(recorder, Group(9, "g", (step(1, "a"),), (), (step(2, "b"),)), step(3, "c"))
    assert recorder.ran == ["a", "b"]


def test_handlers_run_once_at_the_flush_in_the_order_written() -> None:
    recorder = Recorder()
    handlers = (Step(8, "first", RUN, {"cmd": "h1"}), Step(9, "second", RUN, {"cmd": "h2"}, listen=("topic",)))
    steps = (step(1, "a", notify=("topic",)), step(2, "b", notify=("first", "topic")))
    assert run(recorder, *steps, Flush(3), step(4, "c"), handlers=handlers)
    assert recorder.ran == ["a", "b", "h1", "h2", "c"]


def test_of_handlers_of_one_name_the_first_of_the_last_list_runs() -> None:
    """As in Ansible, whose roles' lists come one after the other."""
    recorder = Recorder()
    handlers = tuple(Step(number, "same", RUN, {"cmd": f"h{number}"}, role=role)
                     for number, role in ((6, None), (7, None), (8, 0), (9, 0)))  # fmt: skip
    roles = (RolePart("r", ""),)
    assert run(recorder, step(1, "a", notify=("same",)), Flush(2), handlers=handlers, roles=roles)
    assert recorder.ran == ["a", "h8"]


def test_an_unchanged_step_notifies_nobody() -> None:
    recorder = Recorder({"a": {"changed": False}})
    assert run(recorder, step(1, "a", notify=("h",)), Flush(2), handlers=(Step(9, "h", RUN, {"cmd": "h"}),))
    assert recorder.ran == ["a"]


def test_handlers_that_an_unfinished_run_left_run_now_and_are_settled() -> None:
    recorder = Recorder({"a": {"changed": False}}, marks={"h"})
    assert run(recorder, step(1, "a"), Flush(2, resumes=True), handlers=(Step(9, "h", RUN, {"cmd": "h"}),))
    assert recorder.ran == ["a", "h"]
    assert recorder.marks == set()


def test_handlers_that_were_left_wait_for_the_end_of_the_tasks() -> None:
    recorder = Recorder({"a": {"changed": False}}, marks={"h"})
    early = Step(5, "flush", "ansible.builtin.meta", {"free_form": "flush_handlers"})
    handlers = (Step(9, "h", RUN, {"cmd": "h"}),)
    assert run(recorder, early, step(1, "a"), Flush(2, resumes=True), handlers=handlers)
    assert recorder.ran == ["a", "h"]


def test_a_handler_that_fails_keeps_its_mark() -> None:
    recorder = Recorder({"h": {"failed": True}}, marks={"h"})
    assert not run(recorder, Flush(2, resumes=True), handlers=(Step(9, "h", RUN, {"cmd": "h"}),))
    assert recorder.marks == {"h"}


def test_a_topic_keeps_its_mark_until_the_last_of_its_handlers_ran() -> None:
    handlers = (
        Step(8, "apply", RUN, {"cmd": "apply"}, listen=("topic",)),
        Step(9, "wait", RUN, {"cmd": "wait"}, listen=("topic",)),
    )
    recorder = Recorder({"wait": {"failed": True}}, marks={"topic"})
    assert not run(recorder, Flush(2, resumes=True), handlers=handlers)
    assert recorder.ran == ["apply", "wait"]
    assert recorder.marks == {"topic"}
    again = Recorder(marks=recorder.marks)
    assert run(again, Flush(2, resumes=True), handlers=handlers)
    assert again.marks == set()


def test_changed_when_and_failed_when_judge_the_result() -> None:
    recorder = Recorder({"a": {"changed": True, "rc": 3}})
    assert run(recorder, step(1, "a", register="r", changed_when=("r.rc == 0",), failed_when=("r.rc > 5",)))
    assert recorder.statuses() == ["ok"]


def test_until_tries_again() -> None:
    recorder = Recorder({"a": {"changed": False, "rc": 1}})
    assert not run(recorder, step(1, "a", register="r", until=("r.rc == 0",), retries=2, delay=0))
    assert recorder.ran == ["a", "a", "a"]


def test_until_is_asked_of_a_command_that_check_mode_leaves_out() -> None:
    recorder = Recorder({"a": {"skipped": True, "changed": False, "rc": 0, "stdout": ""}})
    assert not run(recorder, step(1, "a", register="r", until=("r.stdout | int >= 3",), retries=2, delay=0))
    assert recorder.ran == ["a", "a", "a"]


def test_a_registered_failure_does_not_say_that_it_was_ignored() -> None:
    recorder = Recorder({"a": {"changed": False, "failed": True}})
    shown = Template("{{ 'ignored' in r }}")
    assert run(recorder, step(1, "a", register="r", ignore_errors=True), step(2, shown))
    assert recorder.ran == ["a", "False"]


@pytest.mark.parametrize("said", ["unknown", "skipped"])
def test_what_check_mode_cannot_know_or_leaves_out_is_not_tried_again(said: str) -> None:
    recorder = Recorder({"a": {said: True, "changed": False}})
    assert run(recorder, step(1, "a", register="r", until=("r.rc == 0",), retries=2, delay=0))
    assert recorder.ran == ["a"] and recorder.statuses() == [said]


LEFT_OUT = {"unknown": True, "changed": True, "skipped": True, "rc": 0, "cmd": "make it", "msg": "not known"}


@pytest.mark.parametrize(("changed_when", "status", "notified"), [
    ((), "changed", ["h"]), ((True,), "changed", ["h"]), ((False,), "skipped", []), (("r.rc == 3",), "unknown", ["h"]),
    (("r.rc == 3", False), "skipped", []),
])  # fmt: skip
def test_a_command_that_check_mode_leaves_out_is_a_change_unless_changed_when_says_else(
    changed_when: tuple[Any, ...], status: str, notified: list[str]
) -> None:
    recorder = Recorder({"a": LEFT_OUT})
    told = step(1, "a", register="r", changed_when=changed_when, notify=("h",))
    handlers = (Step(9, "h", RUN, {"cmd": "h"}),)
    assert run(recorder, told, step(2, Template("{{ r.stdout }}")), Flush(3), handlers=handlers)
    assert recorder.ran == ["a", *notified]  # the second one needs what nobody knows
    assert recorder.statuses()[:2] == [status, "unknown"]
    shown = [event for event in recorder.events if event["type"] == "result"]
    assert shown[0].get("would_run") == (None if status == "skipped" else "make it")
    assert shown[1]["msg"] == 'not known before "step 1" has run'


def test_a_loop_of_commands_that_check_mode_leaves_out_is_as_sure_as_its_items() -> None:
    for changed_when, status in (((), "changed"), ((False,), "skipped"), (("result.rc == 3",), "unknown")):
        recorder = Recorder({"a": LEFT_OUT, "b": LEFT_OUT})
        looped = step(1, Template("{{ item }}"), loop=Loop(["a", "b"]), changed_when=changed_when)
        assert run(recorder, looped) and recorder.statuses() == [status]


def test_retries_alone_try_until_the_step_does_not_fail() -> None:
    recorder = Recorder({"a": {"changed": False, "failed": True}})
    shown = Template("{{ r.attempts }} {{ r.exception }}")
    failing = step(1, "a", register="r", retries=3, delay=0, ignore_errors=True)
    assert run(recorder, failing, step(2, shown))
    assert recorder.ran == ["a", "a", "a", "a", "3 (traceback unavailable)"]


def test_a_failure_that_failed_when_takes_back_keeps_its_exception_under_another_name() -> None:
    recorder = Recorder({"a": {"changed": False, "failed": True}})
    shown = Template("{{ r.exception is defined }} {{ r.failed_when_suppressed_exception is defined }}")
    assert run(recorder, step(1, "a", register="r", failed_when=(False,)), step(2, shown))
    assert recorder.ran == ["a", "False True"]


def test_a_condition_that_cannot_be_judged_fails_the_step_and_leaves_its_result() -> None:
    recorder = Recorder({"a": {"changed": False, "stdout": "out"}})
    shown = Template("{{ r.stdout }} {{ r.failed_when_result }}")
    assert run(recorder, step(1, "a", register="r", failed_when=("none_such",), ignore_errors=True), step(2, shown))
    assert recorder.ran == ["a", "out 'none_such' is undefined"]


def test_a_changed_when_that_cannot_be_judged_fails_under_its_own_name() -> None:
    recorder = Recorder({"a": {"changed": True}})
    shown = Template("{{ r.changed }} {{ r.changed_when_result }}")
    assert run(recorder, step(1, "a", register="r", changed_when=("none_such",), ignore_errors=True), step(2, shown))
    assert recorder.ran == ["a", "True 'none_such' is undefined"]


def test_the_name_of_a_loops_variable_may_be_an_expression() -> None:
    recorder = Recorder()
    loop = Loop(["x"], variable=Template("{{ name }}"), index_variable=Template("{{ name }}_at"))
    shown = Template("{{ own }} {{ own_at }} {{ ansible_loop_var }}")
    assert run(recorder, step(1, shown, loop=loop, layers=({"name": "own"},)))
    assert recorder.ran == ["x 0 own"]


def test_debug_shows_that_a_variable_is_undefined_instead_of_failing() -> None:
    recorder = Recorder()
    shown = Step(1, "d", "ansible.builtin.debug", {"var": "none_such"}, register="r")
    assert run(recorder, shown, step(2, Template("{{ r.none_such }}")))
    assert recorder.ran == ["<< error 1 - 'none_such' is undefined >>"]


def test_debug_is_left_out_where_the_run_is_to_say_less() -> None:
    for verbosity, status in ((0, "skipped"), (2, "ok")):
        recorder = Recorder()
        shown = Step(1, "d", "ansible.builtin.debug", {"msg": "x", "verbosity": 2})
        assert run(recorder, shown, magic={"ansible_verbosity": verbosity})
        assert recorder.statuses() == [status]


def test_what_ran_says_whether_it_failed_and_a_loop_whether_it_was_left_out() -> None:
    recorder = Recorder()
    shown = Step(1, "d", "ansible.builtin.debug", {"msg": "x"}, register="a")
    fact = Step(2, "f", "ansible.builtin.set_fact", {"x": 1}, register="b")
    told = "{{ [a.failed, b.failed, b.changed, c.skipped, d.skipped, 'failed' in d] }}"
    loops = [step(number, "l", loop=Loop([1]), register=name, when=(when,))
             for number, name, when in ((3, "c", "1 < 2"), (4, "d", "1 > 2"))]
    assert run(recorder, shown, fact, *loops, step(5, Template(told)))
    assert recorder.ran[-1] == "[False, False, False, False, True, False]"


def test_set_fact_and_set_stats_refuse_names_that_no_variable_can_have() -> None:
    for module, arguments in (("set_fact", {"true": 1}), ("set_stats", {"data": {".bad": 1}})):
        recorder = Recorder()
        assert not run(recorder, Step(1, "s", f"ansible.builtin.{module}", arguments))
        assert "Invalid variable name" in recorder.events[-1]["msg"]


def test_a_label_is_shown_in_place_of_the_item() -> None:
    recorder = Recorder()
    loop = Loop([{"name": "x", "other": 1}], label=Template("{{ item.name }} {{ r.stdout }}"))
    assert run(recorder, step(1, "a", loop=loop, register="r"))
    assert recorder.events[-1]["items"][0]["label"] == "x a"


def test_a_loop_need_not_show_all_of_its_items() -> None:
    recorder = Recorder()
    loop = Loop(["x"], extended=True, all_items=False)
    shown = Template("{{ ansible_loop.length }} {{ ansible_loop.allitems is defined }}")
    assert run(recorder, step(1, shown, loop=loop))
    assert recorder.ran == ["1 False"]


def test_backslashes_of_a_condition_are_those_of_python() -> None:
    recorder = Recorder()
    assert run(recorder, step(1, "a", when=("'it\\'s' == text",), layers=({"text": "it's"},)))
    assert recorder.ran == ["a"]


def test_variables_say_whom_a_step_becomes_before_keywords_do() -> None:
    recorder = Recorder()
    own = {"ansible_become": True, "ansible_become_user": Template("{{ who }}"), "who": "app"}
    assert run(recorder, step(1, "a", layers=(own,)), step(2, "b", become=True, layers=({"ansible_become": "no"},)))
    assert [call.user for call in recorder.calls] == ["app", ""]


def test_parameters_may_be_a_mapping_but_texts_in_it_are_data() -> None:
    recorder = Recorder()
    layers = ({"facts": {"x": "1"}, "conditions": {"that": "true"}, "text": "t"},)
    set_fact, check = "ansible.builtin.set_fact", "ansible.builtin.assert"
    assert run(
        recorder, Step(1, "s", set_fact, Template("{{ facts }}"), layers=layers), step(2, Template("{{ x }}")),
        Step(3, "c", check, Template("{{ conditions }}"), layers=layers, ignore_errors=True),
        Step(4, "d", set_fact, Template("{{ text }}"), layers=layers, ignore_errors=True),
        Step(5, "j", "ansible.builtin.add_host", Template("{{ facts }}"), layers=layers, ignore_errors=True),
    )
    assert recorder.ran == ["1"]
    assert [event["msg"] for event in recorder.events if event.get("status") == "failed"] == [
        "'that' that comes out of data is not evaluated; write it in the task",
        "the parameters are a str, expected a mapping",
        "a host or a group that joins is described in the task, parameter by parameter",
    ]


def test_failed_when_decides_also_after_the_last_try() -> None:
    recorder = Recorder({"a": {"changed": False}})
    assert run(recorder, step(1, "a", until=("false",), retries=1, delay=0, failed_when=(False,)))


def test_what_was_tried_in_vain_registers_a_failure_though_the_step_is_none() -> None:
    recorder = Recorder({"a": {"changed": False}})
    tried = step(1, "a", register="r", until=("false",), retries=1, delay=0, failed_when=(False,))
    each = step(2, "a", register="l", loop=Loop(("x", "y")), until=("false",), retries=1, delay=0, failed_when=(False,))
    shown = Template("{{ [r.failed, r.exception, r.failed_when_result, l.failed, l.msg, l.results[1].failed] }}")
    assert run(recorder, tried, each, step(3, shown))
    assert recorder.ran[-1] == str([True, "(traceback unavailable)", False, True, "One or more items failed", True])


def test_what_a_loop_calls_its_item_and_number_is_nothing_that_the_engine_says_of_a_result() -> None:
    recorder = Recorder()
    loop = Loop(["x", "y"], variable="failed", index_variable="place")
    of_each = "".join(f"{{{{ l.results | map(attribute='{name}') }}}}" for name in ("failed", "place"))
    shown = Template(of_each + "{{ l is failed }}")
    assert run(recorder, step(1, Template("{{ failed }}"), loop=loop, register="l"), step(2, shown))
    assert recorder.ran[-1] == "['x', 'y'][0, 1]False"


def test_of_a_loop_that_is_partly_unknown_what_was_tried_in_vain_stays_known() -> None:
    combined = combine([{"changed": False, "unknown": True}, {"changed": False, "in_vain": True}])
    assert (combined["unknown"], combined["in_vain"]) == (True, True)
    assert "in_vain" not in combine([{"changed": False, "failed": True}, {"changed": False, "in_vain": True}])


def test_a_loop_registers_of_each_item_what_it_knew_of_itself() -> None:
    recorder = Recorder()
    loop = Loop(["x", "y"], variable="who", index_variable="n", extended=True, label=Template("{{ who }}!"))
    shown = Template("{{ l.results | map('dict2items') | map('map', attribute='key') | map('sort') }}"
                     "{{ l.results | map(attribute='n') }}{{ l.results[1].ansible_loop.previtem }}")  # fmt: skip
    assert run(recorder, step(1, Template("{{ who }}"), loop=loop, register="l"), step(2, shown))
    assert recorder.ran[-1].endswith("[0, 1]x")
    assert "'ansible_index_var', 'ansible_loop', 'ansible_loop_var'" in recorder.ran[-1]
    assert "label" not in recorder.ran[-1]


def test_the_address_of_a_host_is_its_name_when_nothing_says_otherwise() -> None:
    recorder = Recorder()
    assert run(recorder, step(1, Template("{{ ansible_host == inventory_hostname }}")))
    assert recorder.ran == ["True"]


def test_an_environment_that_names_facts_does_not_hinder_gathering_them() -> None:
    recorder = Recorder()
    path = Template("{{ ansible_env.PATH }}:/x")
    setup = replace(step(1, "a", environment=({"PATH": path},)), module="ansible.builtin.setup")
    assert run(recorder, setup)


def test_an_omitted_environment_is_none() -> None:
    recorder = Recorder()
    assert run(recorder, step(1, "a", environment=(Template("{{ none_such | default(omit) }}"),)))
    assert recorder.ran == ["a"]


def test_local_facts_keep_their_whole_name() -> None:
    recorder = Recorder({"a": {"changed": False, "ansible_facts": {"ansible_local": {"app": 1}}}})
    shown = Template("{{ ansible_facts.ansible_local.app }} {{ ansible_local.app }}")
    assert run(recorder, step(1, "a"), step(2, shown))
    assert recorder.ran[1] == "1 1"


def test_a_host_cannot_steer_its_own_connection_by_facts() -> None:
    recorder = Recorder({"a": {"changed": False, "ansible_facts": {"ansible_become_user": "evil", "color": "red"}}})
    shown = Template("{{ ansible_become_user | default('none') }} {{ ansible_color }}")
    assert run(recorder, step(1, "a"), step(2, shown))
    assert recorder.ran[1] == "none red"


def test_a_step_that_used_a_secret_shows_nothing() -> None:
    recorder = Recorder({"a": {"changed": True, "changes": [{"what": "content", "before": "", "after": "s"}]}})
    assert run(recorder, step(1, "a", no_log=True))
    event = next(event for event in recorder.events if event["type"] == "result")
    assert event["hidden"] is True
    assert "changes" not in event


def test_an_undefined_variable_fails_the_step_with_its_place() -> None:
    recorder = Recorder()
    assert not run(recorder, step(1, Template("{{ nope }}", "tasks.yml", 4, 2)))
    event = next(event for event in recorder.events if event["type"] == "result")
    assert event["msg"] == "'nope' is undefined"
    assert event["place"] == ["tasks.yml", 4, 2]


@pytest.mark.parametrize("action", ["end_host", "end_play"])
def test_meta_ends_the_play_without_failure(action: str) -> None:
    recorder = Recorder()
    ending = Step(1, "end", "ansible.builtin.meta", {"free_form": action})
    assert run(recorder, ending, step(2, "b"))
    assert recorder.ran == []


def test_what_a_step_says_while_it_runs_may_be_shown_unless_it_holds_a_secret() -> None:
    recorder = Recorder()
    steps = (step(1, "a"), step(2, "b", no_log=True), step(3, Template("{{ key }}")))
    assert run(recorder, *steps, variables={"key": Secret("token")})
    assert [call.shown for call in recorder.calls] == [True, False, False]


def test_a_long_loop_says_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clusterbook.language.stepping.PROGRESS_SECONDS", 0.0)
    recorder = Recorder()
    assert run(recorder, step(1, "a", loop=Loop(["x", "y", "z"])))
    told = [(event["item"], event["items"]) for event in recorder.events if event["type"] == "progress"]
    assert told == [(1, 3), (2, 3), (3, 3)]


META = "ansible.builtin.meta"


def meta(number: int, action: str, **keywords: Any) -> Step:
    return Step(number, "meta", META, {"free_form": action}, **keywords)


def test_the_end_of_a_role_leaves_out_what_is_left_of_it_and_of_the_roles_inside_it() -> None:
    recorder = Recorder()
    roles = (RolePart("outer", "/r/outer"), RolePart("inner", "/r/inner", parents=(0,)))
    block = Group(6, "g", (step(7, "in block", role=0),), rescue=(step(8, "rescue", role=0),))
    inner = Group(9, "", (step(4, "c", role=1),), role=1, use="inner")
    steps = (step(1, "a", role=0), meta(2, "end_role", role=0), step(3, "b", role=0), inner, block)
    assert run(recorder, Group(10, "", steps, role=0, use="outer"), step(5, "after"), roles=roles)
    assert recorder.ran == ["a", "after"]


def test_the_end_of_an_included_role_ends_only_its_own_round_of_the_loop() -> None:
    recorder = Recorder()
    body = (step(2, "first", role=0), meta(3, "end_role", role=0), step(4, "second", role=0))
    include = Step(
        1, "include", "ansible.builtin.include_role", {"name": "r"}, loop=Loop(["x", "y"]),
        body=(Group(6, "", body, role=0, use="r"),),
    )  # fmt: skip
    assert run(recorder, include, step(5, "after"), roles=(RolePart("r", "/r"),))
    assert recorder.ran == ["first", "first", "after"]


@pytest.mark.parametrize(
    ("first", "ran"),
    [
        ({"when": ("false",)}, ["once"]),  # left out: it has not run
        ({}, ["once"]),
        ({"again": True}, ["once"]),
        ({"use": "other variables"}, ["once", "once"]),
    ],
)
def test_a_role_that_runs_once_has_run_when_a_step_of_its_own_was_not_left_out(
    first: dict[str, Any], ran: list[str]
) -> None:
    def use(number: int, when: tuple[str, ...] = (), use: str = "r", again: bool = False) -> Group:
        return Group(number, "", (step(number + 1, "once", role=0, when=when),), role=0, use=use, again=again)

    recorder = Recorder()
    assert run(recorder, use(1, **first), use(3), use(5), roles=(RolePart("r", "/r"),))
    assert recorder.ran == ran


def test_a_loop_waits_between_its_items_and_not_after_the_last() -> None:
    recorder = Recorder()
    assert run(recorder, step(1, Template("{{ item }}"), loop=Loop([1, 2, 3], pause=Template("{{ 0.5 }}"))))
    assert [event["seconds"] for event in recorder.events if event["type"] == "paused"] == [0.5, 0.5]


def test_a_loop_breaks_when_its_condition_says_so() -> None:
    recorder = Recorder()
    loop = Loop([1, 2, 3], break_when=("item == 2",))
    assert run(recorder, step(1, Template("{{ item }}"), loop=loop))
    assert recorder.ran == ["1", "2"]


def test_a_step_that_is_fatal_for_all_says_so_and_an_ignored_change_is_still_a_change() -> None:
    recorder = Recorder({"a": {"failed": True, "changed": True, "msg": "no"}})
    assert not run(recorder, step(1, "a", ignore_errors=True), step(2, "a", any_errors_fatal=Template("{{ 1 == 1 }}")))
    assert [event["type"] for event in recorder.events if event["type"] == "fatal"] == ["fatal"]
    first = next(event for event in recorder.events if event["type"] == "result")
    assert (first["ignored"], first["changed"]) == (True, True)


def test_an_included_role_knows_the_roles_around_it() -> None:
    recorder = Recorder()
    roles = (RolePart("a", "/r/a"), RolePart("b", "/r/b", parents=(0,)), RolePart("c", "/r/c", parents=(0, 1)))
    text = Template("{{ ansible_parent_role_names | join(' ') }}")
    assert run(recorder, step(1, text, role=2), roles=roles)
    assert recorder.ran == ["b a"]


def test_a_condition_of_meta_that_cannot_be_evaluated_fails_the_host() -> None:
    recorder = Recorder()
    assert not run(recorder, meta(1, "end_host", when=(Template("nowhere"),)))
    assert recorder.statuses() == ["failed"]


def test_check_mode_that_is_omitted_is_the_runs() -> None:
    for keyword, check in ((Template("{{ omit }}"), False), ("yes", True), (Template("{{ 'no' }}"), False)):
        recorder = Recorder()
        assert run(recorder, step(1, "a", check_mode=keyword))
        assert recorder.calls[0].check is check
