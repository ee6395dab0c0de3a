"""The published page of faults is made of the committed reports, and nothing in them did harm."""

from __future__ import annotations

import json

from tests.chaos import page
from tests.chaos.faults import FAULTS
from tests.chaos.kills import OPERATIONS
from tests.chaos.life import STOPS


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


def test_every_long_operation_was_killed_and_lost_nothing() -> None:
    report = json.loads(page.KILLS.read_text())
    assert [one["operation"] for one in report["operations"]] == [one.name for one in OPERATIONS]
    assert report["kills"] >= 50
    assert all(not one["lost"] for one in report["operations"])


def test_a_cluster_was_right_at_every_stop_of_its_life() -> None:
    stops = json.loads(page.LIFE.read_text())["stops"]
    assert [one["name"] for one in stops] == list(STOPS)
    for stop in stops:
        assert not any(record["failed"] for record in (stop["records"] or {}).values())
