"""What people read of a run."""

from __future__ import annotations

import io
import json
from typing import Any

from rich.console import Console

from clusterbook.report import Style, sink_for

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
    assert shown(Style(plan=True), summary).splitlines()[-1] == "1 hosts: 1 as wanted, nothing to do.  0.5 s"


def test_json_is_one_event_a_line() -> None:
    lines = shown(Style(json=True), CHANGED, {**CHANGED, "type": "start"}).splitlines()
    assert [json.loads(line)["status"] for line in lines] == ["changed"]
