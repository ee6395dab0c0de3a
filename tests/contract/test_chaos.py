"""The published page of faults is made of the committed reports, and nothing in them did harm."""

from __future__ import annotations

import json
from pathlib import Path

from tests.chaos import page
from tests.chaos.faults import FAULTS
from tests.chaos.kills import OPERATIONS
from tests.chaos.life import RESTORED, STOPS


def test_the_page_is_made_of_the_reports() -> None:
    assert page.PAGE.read_text() == page.made()


def test_every_fault_was_brought_about_and_lost_nothing() -> None:
    found = {one["fault"]: one for one in json.loads(page.FAULTS.read_text())["faults"]}
    assert list(found) == [fault.name for fault in FAULTS]
    for fault in FAULTS:
        told = found[fault.name]
        assert told["well_after"] is not None
        assert told["records"]["write"]["lost"] == 0
        assert fault.felt or not any(record["failed"] for record in told["records"].values())


def test_every_long_task_that_changes_a_cluster_is_killed() -> None:
    assert {one.words[0] for one in OPERATIONS} == {
        "provision", "backup", "upgrade", "restore", "rotate-ca", "rotate-certs", "rotate-encryption-key",
        "add-node", "remove-node", "replace-node",
    }  # fmt: skip


def test_what_was_killed_is_told_in_order_and_lost_nothing() -> None:
    report = json.loads(page.KILLS.read_text())
    told = [one["operation"] for one in report["operations"]]
    assert told == [one.name for one in OPERATIONS if one.name in told]
    assert report["kills"] == sum(len(one["moments"]) for one in report["operations"]) >= 50
    assert all(not one["lost"] for one in report["operations"])


def test_rows_that_are_not_run_now_stay_as_their_last_run_told_them(tmp_path: Path) -> None:
    report = tmp_path / "kills.json"
    first, second, third = ({"operation": name, "early": 0} for name in ("first", "second", "third"))
    report.write_text(json.dumps({"operations": [third, first, {"operation": "gone"}]}))
    now = {"operation": "third", "early": 1}
    found = page.with_others(report, "operations", "operation", ["first", "second", "third"], [now])
    assert found == [first, now]
    assert page.with_others(tmp_path / "none.json", "operations", "operation", ["second"], [second]) == [second]


def test_a_node_came_back_as_fast_among_fifty_hosts_as_among_five() -> None:
    """Both times the same work, on a machine that did other work, too: half as much again would be the hosts' doing."""
    seconds = {one["name"]: one["seconds"] for one in json.loads(page.LIFE.read_text())["stops"]}
    five, fifty = (seconds[f"w-2 came back, {hosts} hosts in the inventory"] for hosts in (5, 50))
    assert fifty < 1.5 * five


def test_a_cluster_was_right_at_every_stop_of_its_life() -> None:
    stops = json.loads(page.LIFE.read_text())["stops"]
    assert [one["name"] for one in stops] == list(STOPS)
    for stop in stops:
        failed = {kind for kind, record in (stop["records"] or {}).items() if record["failed"]}
        # While the cluster is restored there is no API; what runs on it never noticed.
        assert failed <= ({"read", "write", "watch"} if stop["name"] == RESTORED else set()), stop["name"]
