"""Findings say what is wrong with whom and where to look."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from clusterbook.cluster import health
from clusterbook.cluster.etcd import Member

NAMES = ("cp-1", "cp-2", "cp-3")


def member(host: str, leader: str = "7", members: tuple[str, ...] = NAMES, problem: str = "") -> Member:
    return Member(host, problem, "7" if host == "cp-1" else "8", leader, members, "3.7.3", 20480)


def node(name: str, status: str, message: str = "") -> dict[str, Any]:
    conditions = [{"type": "Ready", "status": status, "message": message}]
    return {"metadata": {"name": name}, "status": {"conditions": conditions, "nodeInfo": {"kubeletVersion": "v1.37.2"}}}


def test_a_leader_and_its_followers_are_well() -> None:
    found = [health.judge_member(member(name), 3, {"7"}) for name in NAMES]
    assert [finding.healthy for finding in found] == [True] * 3
    assert [finding.detail for finding in found[:2]] == ["leader, 3.7.3, 20 KiB", "follower, 3.7.3, 20 KiB"]


@pytest.mark.parametrize(
    ("answer", "leaders", "detail"),
    [
        (member("cp-2", problem="Connection refused"), {"7", ""}, "Connection refused"),
        (member("cp-2", leader="0"), {"7", "0"}, "has no leader: too few members are up"),
        (member("cp-2"), {"7", "9"}, "members name different leaders"),
        (member("cp-2", members=("cp-1", "cp-2")), {"7"}, "2 members (cp-1, cp-2), the inventory has 3"),
    ],
)
def test_a_sick_member_says_why_and_what_to_do(answer: Member, leaders: set[str], detail: str) -> None:
    finding = health.judge_member(answer, 3, leaders)
    assert (finding.healthy, finding.subject, finding.detail) == (False, "cp-2", detail)
    assert "invoke" in finding.next_step


def test_nodes_that_are_absent_or_not_ready_are_found() -> None:
    listed = [node("cp-1", "True"), node("w-1", "False", "container runtime is down"), {"metadata": {"name": "w-3"}}]
    found = {finding.subject: finding for finding in health.judge_nodes(listed, ["cp-1", "w-1", "w-2"])}
    assert found["cp-1"].healthy
    assert found["cp-1"].detail == "Ready, v1.37.2"
    assert (found["w-1"].healthy, found["w-1"].detail) == (False, "container runtime is down")
    assert (found["w-2"].healthy, found["w-2"].detail) == (False, "has not joined")
    assert (found["w-3"].healthy, found["w-3"].detail) == (False, "has said nothing yet")


def test_a_ready_node_that_takes_no_new_pods_is_not_well() -> None:
    full = node("w-1", "True")
    full["status"]["conditions"].append({"type": "DiskPressure", "status": "True"})
    (found,) = health.judge_nodes([full], ["w-1"])
    assert (found.healthy, found.detail) == (False, "Ready, v1.37.2, but takes no new pods: DiskPressure")
    assert found.next_step == "Look at: invoke kubectl -- describe node w-1"


def test_waiting_looks_again_until_all_is_well_and_tells_what_is_not() -> None:
    sick = [health.Finding("node", "w-1", False, "not yet")]
    well = [health.Finding("node", "w-1", True, "Ready")]
    looks = iter([sick, well])
    said: list[object] = []
    assert health.wait(lambda: next(looks), 30, said.append) == well
    assert said == [sick]


def test_waiting_ends_with_what_is_still_wrong() -> None:
    sick = [health.Finding("node", "w-1", False, "not yet")]
    assert health.wait(lambda: sick, 0, lambda found: None) == sick


@pytest.mark.parametrize(("status", "detail"), [
    ({"phase": "Running", "conditions": [{"type": "Ready", "status": "False"}]}, "runs, but is not ready"),
    ({"phase": "Pending"}, "Pending"),
    ({"phase": "Running", "containerStatuses": [{"state": {"waiting": {"reason": "CrashLoopBackOff"}}}]},
     "CrashLoopBackOff"),
])  # fmt: skip
def test_a_pod_that_is_not_well_says_why(status: dict[str, Any], detail: str) -> None:
    class Kubectl:
        def json(self, *_: str) -> dict[str, Any]:
            return {"items": [{"metadata": {"namespace": "kube-system", "name": "dns"}, "status": status}]}

    (found,) = health.pods(Kubectl())  # type: ignore[arg-type]
    assert (found.healthy, found.detail) == (False, detail)
    assert found.next_step.endswith("-n kube-system describe pod dns")


@pytest.mark.parametrize(("since", "healthy", "detail"), [
    (timedelta(seconds=-25), True, "Terminating on w-1"),
    (timedelta(seconds=5), True, "Terminating on w-1"),
    (timedelta(minutes=5), False, "should have ended at {}; its node is w-1"),
])  # fmt: skip
def test_a_pod_that_goes_is_well_until_its_grace_is_over(since: timedelta, healthy: bool, detail: str) -> None:
    leaves = (datetime.now(UTC) - since).isoformat(timespec="seconds").replace("+00:00", "Z")
    going = {"metadata": {"namespace": "kube-system", "name": "dns", "deletionTimestamp": leaves},
             "spec": {"nodeName": "w-1"},
             "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "False"}]}}  # fmt: skip

    class Kubectl:
        def json(self, *_: str) -> dict[str, Any]:
            return {"items": [going]}

    (found,) = health.pods(Kubectl())  # type: ignore[arg-type]
    assert (found.healthy, found.detail) == (healthy, detail.format(leaves))
