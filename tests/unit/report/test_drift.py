"""Drift is told host by host and thing by thing."""

from __future__ import annotations

import io
import json
from typing import Any

from rich.console import Console

from clusterbook.report.choose import sink_for
from clusterbook.report.style import Style


def result(module: str, name: str, *changes: tuple[str, Any, Any], **more: Any) -> dict[str, Any]:
    """A result of a run in check mode."""
    told = [{"what": what, "before": before, "after": after} for what, before, after in changes]
    return {
        "type": "result", "host": "w-1", "step": 3, "name": name, "role": "kubelet",
        "module": f"ansible.builtin.{module}",
        "at": "roles/kubelet/tasks/configure.yml:9", "seconds": 0.1, "status": "changed", "changes": told, **more,
    }  # fmt: skip


def summary(*hosts: str) -> dict[str, Any]:
    return {"type": "summary", "time": 1.0, "hosts": {host: {} for host in hosts}}


def shown(*events: dict[str, Any], as_json: bool = False) -> str:
    output = io.StringIO()
    report = sink_for(Style(json=as_json, drift=True), Console(file=output, width=200))
    for event in events:
        report.event(event)
    report.close()
    return output.getvalue()


def lines(*events: dict[str, Any]) -> list[str]:
    return shown(*events).splitlines()


MODE = result("template", "Ensure it asks", ("mode", "0644", "0600"), about="/etc/kubernetes/kubelet.conf")


def test_a_difference_names_host_file_what_is_found_and_what_is_wanted() -> None:
    assert lines(MODE, summary("cp-1", "w-1")) == [
        "w-1   file /etc/kubernetes/kubelet.conf  mode 0644, wanted 0600  (kubelet | Ensure it asks)",
        "2 hosts: 1 difference on 1 of them (- found, + wanted); invoke provision heals them",
    ]


def test_hosts_come_in_the_order_of_the_inventory_each_with_all_of_its_things() -> None:
    other = {**MODE, "host": "cp-1"}
    owner = result("file", "Ensure it is there", ("owner", "nobody", "root"), about="/etc/a")
    found = lines(MODE, other, owner, summary("cp-1", "w-1"))
    assert [line.split()[:3] for line in found[:3]] == [
        ["cp-1", "file", "/etc/kubernetes/kubelet.conf"], ["w-1", "file", "/etc/kubernetes/kubelet.conf"],
        ["w-1", "file", "/etc/a"],
    ]  # fmt: skip


def test_a_flag_that_differs_is_shown_with_its_file() -> None:
    event = result("template", "Ensure the unit", ("content", "a\n--v=1\n", "a\n--v=2\n"), about="/etc/x.service")
    assert lines(event, summary("w-1"))[:4] == [
        "w-1  file /etc/x.service  content differs  (kubelet | Ensure the unit)", "     a", "    ---v=1", "    +--v=2",
    ]  # fmt: skip


def test_a_file_that_is_gone_is_missing_once() -> None:
    event = result("template", "Ensure it", ("content", None, "a\n"), ("mode", None, "0600"), about="/etc/x")
    assert lines(event, summary("w-1"))[0] == "w-1  file /etc/x  missing  (kubelet | Ensure it)"
    folder = result("file", "Ensure it", ("state", "absent", "directory"), ("owner", None, "root"), about="/etc/x")
    assert lines(folder, summary("w-1"))[0] == "w-1  file /etc/x  missing  (kubelet | Ensure it)"


def test_units_and_packages_are_called_so() -> None:
    unit = result("systemd_service", "Ensure it runs", ("state", "inactive", "started"), about="kubelet")
    package = result("apt", "Ensure they are installed", ("package socat", None, "1.7"), about="socat,conntrack")
    assert lines(unit, package, summary("w-1"))[:2] == [
        "w-1  unit kubelet  state inactive, wanted started  (kubelet | Ensure it runs)",
        "w-1  package socat  version absent, wanted 1.7  (kubelet | Ensure they are installed)",
    ]


def test_only_the_items_of_a_loop_that_differ_are_shown() -> None:
    items = [{"status": "ok", "about": "/a"},
             {"status": "changed", "about": "/b", "changes": [{"what": "mode", "before": "0644", "after": "0600"}]}]
    event = result("file", "Ensure them", items=items)
    assert [line.split()[2] for line in lines(event, summary("w-1"))[:-1]] == ["/b"]


def test_a_command_that_would_run_for_a_thing_names_it() -> None:
    items = [{"status": "unknown", "item": "apps.v1.Deployment.kube-system.coredns", "msg": "would run"}]
    event = {**result("command", "Ensure all is applied", items=items), "status": "unknown"}
    assert lines(event, summary("w-1"))[0] == (
        "w-1  step apps.v1.Deployment.kube-system.coredns  would run  (kubelet | Ensure all is applied)"
    )


def test_what_only_follows_from_a_difference_is_left_out() -> None:
    path = "/run/clusterbook-restart-etcd"
    handler = result("file", "Restart", ("state", "absent", "touch"), about=path, handler=True)
    restart = result("systemd_service", "Ensure etcd is restarted", ("state", "active", "restarted"), about="etcd")
    mark = result("file", "Ensure it is done with", ("state", "file", "absent"), about=path)
    assert len(lines(MODE, handler, restart, mark, summary("w-1"))) == 2
    alone = lines(restart, mark, summary("w-1"))
    assert alone[0] == "w-1  unit etcd  state active, wanted restarted  (kubelet | Ensure etcd is restarted)"


def test_a_secret_step_tells_that_something_differs_and_no_more() -> None:
    event = {**result("copy", "Ensure the key"), "hidden": True, "changes": [
        {"what": "content", "before": "old-secret\n", "after": "new-secret\n"}]}  # fmt: skip
    text = shown(event, summary("w-1"))
    assert "differs; what, is hidden: the step holds a secret  (kubelet | Ensure the key)" in text
    assert "secret\n" not in text and "old-secret" not in text + shown(event, summary("w-1"), as_json=True)


def test_handlers_left_by_a_run_that_died_and_commands_that_would_run_are_told() -> None:
    pending = {"type": "pending", "host": "w-1", "handlers": ["Restart kubelet"]}
    command = result("command", "Make it", about="")
    by_its_words = {**result("command", "Settle it", about=""), "status": "unknown", "would_run": "settle.sh"}
    assert lines(pending, command, by_its_words, summary("w-1"))[:3] == [
        "w-1  handler Restart kubelet  left by an unfinished run", "w-1  step would run  (kubelet | Make it)",
        "w-1  step would run  (kubelet | Settle it)",
    ]  # fmt: skip


def test_nothing_differs() -> None:
    same = {**MODE, "status": "ok", "changes": []}
    assert lines(same, summary("cp-1", "w-1")) == ["2 hosts: all as the playbooks want it"]


def test_a_host_that_fails_or_is_lost_is_told_and_is_not_called_right() -> None:
    lost = {"type": "unreachable", "host": "w-1", "msg": "no route"}
    found = lines(lost, summary("w-1"))
    assert "no route" in found[0]
    assert found[-1] == "1 host: nothing differs; 1 could not be looked at to the end"
    told = json.loads(shown(lost, summary("w-1"), as_json=True))
    assert told == {"differences": [], "failed": [{"host": "w-1", "message": "no route"}]}


def test_programs_get_one_document() -> None:
    (one,) = json.loads(shown(MODE, summary("w-1"), as_json=True))["differences"]
    assert one == {
        "host": "w-1", "kind": "file", "name": "/etc/kubernetes/kubelet.conf", "what": "mode", "found": "0644",
        "wanted": "0600", "step": "kubelet | Ensure it asks", "at": "roles/kubelet/tasks/configure.yml:9", "lines": [],
    }  # fmt: skip
