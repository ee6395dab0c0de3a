"""The screen of ansible-playbook, from events."""

from __future__ import annotations

import io
from typing import Any

from clusterbook.report.ansible import AnsibleReport, Look

COUNTS = {"ok": 2, "changed": 1, "unreachable": 0, "failed": 0, "skipped": 0, "rescued": 0, "ignored": 1, "unknown": 0}


def shown(*events: dict[str, Any], look: Look | None = None) -> list[str]:
    output = io.StringIO()
    report = AnsibleReport(output, look or Look())
    for event in events:
        report.event(event)
    report.close()
    return output.getvalue().splitlines()


def start(step: int = 1, **more: Any) -> dict[str, Any]:
    return {"type": "start", "host": "h", "step": step, "name": "do", "role": "", "module": "command", **more}


def result(status: str, **more: Any) -> dict[str, Any]:
    base = {"type": "result", "host": "h", "step": 1, "name": "do", "role": "", "module": "command", "status": status}
    return {**base, "result": {"changed": status == "changed"}, **more}


def test_a_task_has_a_banner_and_a_line_for_each_host() -> None:
    lines = shown(start(role="web"), result("ok"), start(host="i"), result("changed", host="i"))
    assert lines == ["", "TASK [web : do] " + "*" * 64, "ok: [h]", "changed: [i]"]


def test_the_same_task_again_on_a_host_gets_a_banner_of_its_own() -> None:
    assert sum(line.startswith("TASK") for line in shown(start(), result("ok"), start(), result("ok"))) == 2


def test_handlers_and_plays_have_their_own_banners() -> None:
    lines = shown({"type": "play", "name": "all", "hosts": ["h"]}, start(handler=True))
    assert lines[1].startswith("PLAY [all] ***")
    assert lines[3].startswith("RUNNING HANDLER [do] ***")


def test_a_play_without_hosts_says_so() -> None:
    assert shown({"type": "play", "name": "x", "hosts": []})[-1] == "skipping: no hosts matched"


def test_a_failure_shows_its_result_as_json_and_whether_it_is_ignored() -> None:
    failed = result("failed", ignored=True, result={"rc": 1, "stdout": "a\nb", "changed": True, "failed": True})
    assert shown(failed) == [
        'fatal: [h]: FAILED! => {"changed": true, "rc": 1, "stdout": "a\\nb", "stdout_lines": ["a", "b"]}',
        "...ignoring",
    ]


def test_an_assertion_that_shall_be_quiet_shows_no_result() -> None:
    told = result("ok", module="ansible.builtin.assert", quiet=True)
    assert shown(told) == ["ok: [h]"] and len(shown({**told, "quiet": False})) > 1


def test_a_loop_has_a_line_for_each_item() -> None:
    items = [{"status": "ok", "item": "a"}, {"status": "failed", "item": "b"}, {"status": "skipped", "item": "c"}]
    results = [{"changed": False}, {"msg": "no"}, {"skipped": True}]
    assert shown(result("failed", items=items, result={"results": results})) == [
        "ok: [h] => (item=a)", 'failed: [h] (item=b) => {"msg": "no"}', "skipping: [h] => (item=c)",
    ]  # fmt: skip


def test_results_are_shown_with_v_and_those_of_debug_always() -> None:
    assert shown(result("ok")) == ["ok: [h]"]
    assert shown(result("ok"), look=Look(verbosity=1)) == ['ok: [h] => {"changed": false}']
    debug = result("ok", module="ansible.builtin.debug", result={"msg": "hi", "changed": False})
    assert shown(debug) == ["ok: [h] => {", '    "msg": "hi"', "}"]


def test_a_message_stands_alone() -> None:
    item = {"msg": "x", "item": 1, "ansible_loop_var": "item", "changed": False}
    told = {"module": "ansible.builtin.debug", "result": {"results": [item]}, "items": [{"status": "ok", "item": 1}]}
    assert shown(result("ok", **told)) == ["ok: [h] => (item=1) => {", '    "msg": "x"', "}"]


def test_a_hidden_result_shows_nothing_of_itself() -> None:
    lines = shown(result("failed", hidden=True, msg="hidden", result={"stdout": "secret"}))
    assert len(lines) == 1
    assert "censored" in lines[0]
    assert "secret" not in lines[0]


def test_the_recap_is_what_scripts_read() -> None:
    lines = shown({"type": "summary", "hosts": {"web-1": COUNTS}})
    assert lines[1] == "PLAY RECAP " + "*" * 69
    assert lines[2] == (
        "web-1                      : ok=2    changed=1    unreachable=0    failed=0    skipped=0    rescued=0    "
        "ignored=1   "
    )


def test_what_check_mode_cannot_tell_is_shown_and_counted_as_skipped() -> None:
    assert shown(result("unknown")) == ["skipping: [h]"]
    assert "skipped=2 " in shown({"type": "summary", "hosts": {"h": {**COUNTS, "skipped": 1, "unknown": 1}}})[2]


def test_colors_are_used_only_when_asked_for() -> None:
    assert shown(result("changed"), look=Look(color=True)) == ["\x1b[0;33mchanged: [h]\x1b[0m"]


def test_a_diff_is_shown_before_the_line_of_its_task() -> None:
    change = {"what": "content", "before": "a\n", "after": "b\n"}
    lines = shown(result("changed", changes=[change]), look=Look(diff=True))
    assert lines == ["--- before: content", "+++ after: content", "@@ -1 +1 @@", "-a", "+b", "changed: [h]"]


def test_an_unreachable_host_is_fatal() -> None:
    assert shown({"type": "unreachable", "host": "h", "msg": "no route"}) == [
        'fatal: [h]: UNREACHABLE! => {"changed": false, "msg": "no route", "unreachable": true}'
    ]


def stats(data: dict[str, Any], host: str = "h", per_host: bool = False, aggregate: bool = True) -> dict[str, Any]:
    given = {"data": data, "per_host": per_host, "aggregate": aggregate}
    return result("ok", host=host, result={"changed": False, "ansible_stats": given})


def test_values_of_set_stats_stand_at_the_end_when_they_are_wanted() -> None:
    events = [
        stats({"n": 10, "m": {"a": 1}, "last": 1}), stats({"n": 15, "m": {"b": 2}}),
        stats({"last": 7}, aggregate=False), stats({"own": "x"}, "i", per_host=True),
        {"type": "summary", "hosts": {"h": COUNTS}},
    ]  # fmt: skip
    lines = shown(*events, look=Look(show_stats=True))
    assert lines[-4].startswith("CUSTOM STATS: ***")
    assert lines[-3:] == ['\ti: {"own": "x"}', '\tRUN: {"last": 7, "m": {"a": 1, "b": 2}, "n": 25}', ""]
    assert not any("CUSTOM" in line for line in shown(*events))


def test_values_that_cannot_be_added_replace_each_other() -> None:
    lines = shown(stats({"n": 1}), stats({"n": "x"}), {"type": "summary", "hosts": {}}, look=Look(show_stats=True))
    assert lines[-2] == '\tRUN: {"n": "x"}'


def test_what_a_lookup_warns_of_is_shown() -> None:
    assert shown({"type": "warning", "host": "h", "step": 1, "msg": "no file"}) == ["[WARNING]: no file"]


def included(host: str = "h", file: str = "/a.yml", **more: Any) -> dict[str, Any]:
    return {"type": "included", "host": host, "step": 1, "file": file, **more}


def test_what_includes_bring_stands_in_one_line_for_all_hosts_after_those_of_single_ones() -> None:
    include = "ansible.builtin.include_tasks"
    lines = shown(
        start(), included(), result("ok", module=include), start(host="i"), result("skipped", host="i", module=include),
        start(host="j"), included("j"), result("ok", host="j", module=include), start(step=2),
    )
    assert lines[2:5] == ["skipping: [i]", "included: /a.yml for h, j", ""]


def test_the_items_of_an_include_are_shown_once() -> None:
    include, items = "ansible.builtin.include_tasks", [{"item": 1, "status": "ok"}]
    told = {"type": "included", "host": "h", "step": 1, "file": "/p/t.yml", "item": 1}
    lines = shown(told, result("ok", module=include, items=items, result={"results": [{"item": 1}]}))
    assert lines == ["included: /p/t.yml for h => (item=1)"]


def test_of_the_items_of_an_include_each_has_a_line() -> None:
    lines = shown(
        included(item=1), included(file="", item="x"), included(item=1), included(item=2, label="two"),
        included(hidden=True),
    )
    assert lines == [
        "skipping: [h] => (item=x) ", "included: /a.yml for h => (item=1)", "included: /a.yml for h => (item=1)",
        "included: /a.yml for h => (item=two)", "included: /a.yml for h => (item=(censored due to no_log))",
    ]
