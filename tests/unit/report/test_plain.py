"""What people read of a run."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from clusterbook.report.choose import sink_for
from clusterbook.report.plain import PlainReport
from clusterbook.report.style import Style

CHANGED = {
    "type": "result", "host": "cp-2", "step": 3, "name": "Ensure the unit is in place", "role": "kube_apiserver",
    "module": "ansible.builtin.template", "at": "roles/kube_apiserver/tasks/configure.yml:12", "seconds": 0.1,
    "status": "changed",
    "changes": [{"what": "content", "before": "a\nmax=30\n", "after": "a\nmax=60\n"},
                {"what": "mode", "before": "0644", "after": "0600"}],
}  # fmt: skip
FAILED = {
    "type": "result", "host": "cp-1", "step": 4, "name": "Ensure etcd is running", "role": "etcd",
    "module": "ansible.builtin.systemd_service", "at": "roles/etcd/tasks/start.yml:9", "seconds": 3.2,
    "status": "failed", "msg": "bind: address already in use", "rc": 1, "cmd": ["systemctl", "start", "etcd"],
    "next_step": "Stop pid 812 first.",
}  # fmt: skip
COUNTS = dict.fromkeys(("ok", "changed", "unreachable", "failed", "skipped", "rescued", "ignored", "unknown"), 0)


WARNING = {
    "type": "warning", "host": "cp-1", "step": 4, "name": "Read it", "role": "etcd", "module": "ansible.builtin.debug",
    "at": "roles/etcd/tasks/start.yml:9", "msg": "No such file or directory: 'a'",
}  # fmt: skip


def shown(style: Style, *events: dict[str, Any]) -> str:
    output = io.StringIO()
    report = sink_for(style, Console(file=output, width=120))
    for event in events:
        report.event(event)
    report.close()
    return output.getvalue()


def test_a_change_names_host_role_step_and_place() -> None:
    assert shown(Style(), CHANGED).splitlines() == [
        "~ cp-2     kube_apiserver | Ensure the unit is in place   roles/kube_apiserver/tasks/configure.yml:12",
        "    content: 2 lines",
        "    mode: 0644 -> 0600",
    ]


def test_a_command_that_a_plan_leaves_out_is_shown_as_it_would_run() -> None:
    command = {**CHANGED, "changes": [], "would_run": ["kubectl", "drain", "w-1"], "msg": "not known before"}
    assert shown(Style(plan=True), command).splitlines()[1:] == ["    would run: kubectl drain w-1"]
    assert len(shown(Style(), {**command, "would_run": "x" * 500}).splitlines()[1]) < 220
    hidden = shown(Style(plan=True), {**command, "hidden": True}).splitlines()
    assert hidden[1:] == ["    (hidden: the step holds a secret)"]
    asked = {**command, "status": "unknown", "would_run": "a\nb\n"}
    assert shown(Style(plan=True), asked).splitlines()[1:] == ["    not known before", "    would run: a⏎b"]


def test_of_a_loop_of_commands_each_is_shown_as_it_would_run() -> None:
    items = [{"status": "changed", "item": word, "would_run": ["echo", word]} for word in "ab"]
    assert shown(Style(plan=True), {**CHANGED, "changes": [], "items": items}).splitlines()[1:] == [
        "    [a]", "      would run: echo a", "    [b]", "      would run: echo b",
    ]  # fmt: skip


def test_an_item_that_failed_is_called_by_its_label() -> None:
    items = [{"status": "ok", "item": 1}, {"status": "failed", "item": {"port": 2, "pid": 3}, "label": "port 2"}]
    assert "  item    port 2" in shown(Style(), {**FAILED, "items": items}).splitlines()


def test_with_diff_the_lines_that_change_are_shown() -> None:
    lines = shown(Style(diff=True), CHANGED).splitlines()
    assert "    -max=30" in lines
    assert "    +max=60" in lines


def test_a_step_that_holds_a_secret_shows_that_it_changed_and_no_more() -> None:
    assert shown(Style(diff=True), {**CHANGED, "hidden": True}).splitlines()[1:] == [
        "    (hidden: the step holds a secret)"
    ]


def test_a_failure_says_cause_and_next_step() -> None:
    assert shown(Style(), FAILED).splitlines() == [
        "failed  cp-1  etcd | Ensure etcd is running   roles/etcd/tasks/start.yml:9",
        "  cause   bind: address already in use",
        "  exit    1  systemctl start etcd",
        "  next    Stop pid 812 first.",
    ]


def test_an_unchanged_step_is_silent_unless_asked_for() -> None:
    quiet = {**CHANGED, "status": "ok", "changes": []}
    assert shown(Style(), quiet) == ""
    assert "Ensure the unit is in place" in shown(Style(verbose=True), quiet)


def test_the_last_line_counts_hosts() -> None:
    hosts = {"a": {**COUNTS, "ok": 3, "changed": 1}, "b": {**COUNTS, "ok": 3}, "c": {**COUNTS, "failed": 1}}
    last = shown(Style(), {"type": "summary", "time": 2.5, "hosts": hosts}).splitlines()[-1]
    assert last == "3 hosts: 1 failed, 1 changed, 1 unchanged.  2.5 s"


def test_nothing_to_do_is_said_so() -> None:
    summary = {"type": "summary", "time": 0.5, "hosts": {"a": {**COUNTS, "ok": 3}}}
    assert shown(Style(plan=True), summary).splitlines()[-1] == "1 host: 1 as wanted, nothing to do.  0.5 s"


def test_json_is_one_event_a_line() -> None:
    lines = shown(Style(json=True), CHANGED, {**CHANGED, "type": "start"}).splitlines()
    assert [json.loads(line)["status"] for line in lines] == ["changed"]


def test_a_program_that_failed_says_its_last_words_what_was_run_and_how_it_ended() -> None:
    event = {**FAILED, "cmd": "make all", "rc": 2, "msg": "'make all' failed (exit 2, 3.1 s): no rule",
             "stdout": "much", "stderr": "first\nno rule\n", "next_step": ""}  # fmt: skip
    assert shown(Style(), event).splitlines()[1:] == [
        "  cause   first",
        "          no rule",
        "  ran     make all",
        "  exit    2",
        "  next    mend the cause, then run the same command again: it goes on where it stopped",
    ]


def test_an_expression_that_failed_is_shown_with_the_lines_where_it_is_written(tmp_path: Path) -> None:
    file = tmp_path / "x.yml"
    file.write_text('- debug:\n    msg: "{{ nothing }}"\n')
    event = {**FAILED, "rc": None, "cmd": "", "msg": "'nothing' is undefined", "place": [str(file), 2, 10],
             "next_step": ""}  # fmt: skip
    del event["rc"]
    assert shown(Style(), event).splitlines()[1:] == [
        "  cause   'nothing' is undefined",
        f"  at      {file}:2:10",
        "        1 | - debug:",
        '        2 |     msg: "{{ nothing }}"',
        "          |          ^^^^^^^^^^^^^^^",
        "  next    mend the cause, then run the same command again: it goes on where it stopped",
    ]


def test_a_failure_that_another_host_had_is_told_once() -> None:
    lost = {"type": "unreachable", "host": "w-1", "msg": "w-1: connection refused", "next_step": "Check sshd."}
    other = {**FAILED, "host": "cp-3", "rc": 2}
    lines = shown(Style(), FAILED, {**FAILED, "host": "cp-2"}, other, lost,
                  {**lost, "host": "w-2", "msg": "w-2: connection refused"}).splitlines()  # fmt: skip
    assert [line.rstrip() for line in lines if not line.startswith(" ")] == [
        "failed  cp-1  etcd | Ensure etcd is running   roles/etcd/tasks/start.yml:9",
        "failed  cp-2  etcd | Ensure etcd is running   roles/etcd/tasks/start.yml:9   as on cp-1",
        "failed  cp-3  etcd | Ensure etcd is running   roles/etcd/tasks/start.yml:9",
        "unreachable  w-1  w-1: connection refused",
        "unreachable  w-2  w-2: connection refused   as on w-1",
    ]
    told = [line for line in lines if "next" in line]
    assert told == ["  next    Stop pid 812 first."] * 2 + ["  next    Check sshd."]


def test_a_line_of_a_slow_step_fits_into_a_terminal() -> None:
    output = io.StringIO()
    report = PlainReport(Console(file=output, width=60, force_terminal=True, color_system=None), False, False, False)
    report.event({**CHANGED, "seconds": 9.0})
    report.event({"type": "summary", "hosts": {"a": COUNTS}, "time": 9.0})
    (line,) = [line for line in output.getvalue().splitlines() if line.startswith("slow")]
    assert line == "slow     9.0 s  kube_apiserver | Ensure the unit is …   cp-2"


def test_the_slowest_steps_are_named_once_with_their_slowest_host() -> None:
    slow = [{**CHANGED, "host": host, "seconds": seconds, "changes": []} for host, seconds in (("a", 2.5), ("b", 9.0))]
    quick = {**CHANGED, "step": 9, "seconds": 0.5, "changes": []}
    lines = shown(Style(), *slow, quick, {"type": "summary", "time": 9.5, "hosts": {"a": {**COUNTS, "ok": 3}}})
    assert [line for line in lines.splitlines() if line.startswith("slow")] == [
        "slow     9.0 s  kube_apiserver | Ensure the unit is in place   b, the slowest of 2 hosts"
    ]


def test_of_very_many_hosts_only_those_that_failed_have_a_row() -> None:
    hosts = {f"h{number}": {**COUNTS, "ok": 2} for number in range(500)} | {"bad": {**COUNTS, "failed": 1}}
    lines = shown(Style(), {"type": "summary", "time": 2.5, "hosts": hosts}).splitlines()
    assert [line.split() for line in lines[2:4]] == [
        ["bad", "0", "0", "1"],
        ["500", "hosts", "without", "failures", "1000", "0", "0"],
    ]
    assert lines[-1] == "501 hosts: 1 failed, 500 unchanged.  2.5 s"


def test_without_a_terminal_a_step_that_runs_long_says_so_now_and_then() -> None:
    now = [0.0]
    output = io.StringIO()
    report = PlainReport(Console(file=output, width=120), False, False, False, clock=lambda: now[0])
    about = {"host": "cp-1", "step": 4, "name": "Build", "role": "x"}
    report.event({"type": "start", **about})
    for now[0], line in ((5.0, "early"), (12.0, "later"), (20.0, "soon again"), (45.0, "at last")):
        report.event({"type": "output", **about, "lines": [line], "left_out": 0})
    assert output.getvalue().splitlines() == [
        "… cp-1     x | Build   12 s: later",
        "… cp-1     x | Build   45 s: at last",
    ]


@pytest.mark.parametrize("name", ["two\nlines", "a\n\n  failed  cp-2  x"])
def test_a_name_with_line_ends_stays_on_its_line(name: str) -> None:
    assert len(shown(Style(), {**CHANGED, "name": name, "changes": []}).splitlines()) == 1


def test_a_log_that_only_keeps_colours_gets_no_bars(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert type(sink_for(Style(), Console(file=io.StringIO()))) is PlainReport


def test_a_removed_line_that_begins_with_dashes_is_shown() -> None:
    event = {**CHANGED, "changes": [{"what": "content", "before": "-- old\nx\n", "after": "++ new\nx\n"}]}
    lines = [line.strip() for line in shown(Style(diff=True), event).splitlines()]
    assert "--- old" in lines and "+++ new" in lines


def test_a_stopped_run_gives_one_reason() -> None:
    stopped = {"type": "stopped", "play": "p", "reason": "too many hosts failed"}
    assert shown(Style(), stopped, {"type": "nobody_left", "last": False}) == "stopped: too many hosts failed\n"


def test_a_run_that_was_stopped_before_any_result_does_not_say_that_nothing_was_to_do() -> None:
    text = shown(Style(), {"type": "interrupt", "message": "stopping"}, {"type": "summary", "hosts": {}, "time": 2.0})
    assert "no host had finished a step.  2.0 s" in text
    assert "nothing to do" not in text
    assert "host  ok" not in text


def test_what_a_lookup_warns_of_is_shown() -> None:
    assert shown(Style(), WARNING) == "! cp-1     etcd | Read it: No such file or directory: 'a'\n"
    assert json.loads(shown(Style(json=True), WARNING))["msg"] == "No such file or directory: 'a'"


def test_a_line_of_a_delegated_step_names_where_it_ran() -> None:
    items = [{"status": "changed", "delegated_to": name} for name in ("db-1", "db-2", "db-1", CHANGED["host"])]
    assert f"{CHANGED['host']} -> db-1 " in shown(Style(), {**CHANGED, "delegated_to": "db-1"})
    assert f"{CHANGED['host']} -> db-1, db-2 " in shown(Style(), {**CHANGED, "items": items})
    assert "->" not in shown(Style(), {**CHANGED, "delegated_to": CHANGED["host"], "changes": []})
