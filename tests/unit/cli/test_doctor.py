"""`doctor` as a person sees it: causes in order, nothing hidden by what is down, nothing that a terminal obeys."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from clusterbook.cli import doctor
from clusterbook.cluster.cluster import Cluster
from clusterbook.cluster.doctor.causes import CAUSES
from clusterbook.cluster.doctor.of_objects import Objects
from clusterbook.cluster.health import Finding
from clusterbook.errors import Unreachable

Run = Callable[..., tuple[int, str, str]]
WELL = [Finding("etcd", "w-1", True, "leader"), Finding("etcd", "w-2", True, "follower")]


class Shell:
    """A host that answers only what a test lets it say."""

    says: dict[str, str]

    def __init__(self, name: str) -> None:
        self.name = name
        if "unreachable" in Shell.says and name == Shell.says["unreachable"]:
            raise Unreachable("no route to host")

    def run(self, command: bytes) -> tuple[int, bytes, bytes]:
        (marker,) = set(re.findall(rb"=== [0-9a-f]{32}", command)) or {b""}
        told = {name: text for name, text in Shell.says.items() if f"{marker.decode()} {name}".encode() in command}
        return 0, b"".join(marker + f" {name}\n{text}\n".encode() for name, text in told.items()), b""

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def cluster(kept: Cluster, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    Shell.says = {}
    monkeypatch.setattr(doctor, "connected", lambda host: host.name)
    monkeypatch.setattr(doctor, "RootShell", Shell)
    api(monkeypatch, kept, WELL)
    return kept


@pytest.fixture
def run(call_on_hosts: Run) -> Run:
    return lambda *words: call_on_hosts("doctor", *words)


def api(
    monkeypatch: pytest.MonkeyPatch, cluster: Cluster, findings: list[Finding], *items: Any, up: bool = True
) -> None:
    seen = Objects(items, "v1.37.2", cluster.spec.complete, datetime.now(UTC)) if up else None
    monkeypatch.setattr(doctor, "_of_cluster", lambda _: (findings, seen))


def cordoned(name: str) -> dict[str, Any]:
    return {"kind": "Node", "metadata": {"name": name}, "spec": {"unschedulable": True},
            "status": {"conditions": [{"type": "Ready", "status": "True"}]}}  # fmt: skip


def test_nothing_is_found_in_a_cluster_that_is_well(cluster: Cluster, run: Run) -> None:
    code, screen, _ = run()
    assert code == 0
    assert "2 hosts and the API asked: 0 causes found" in screen
    assert "nothing is wrong that this looks for" in screen


def test_causes_come_in_order_with_what_told_and_the_next_step(
    cluster: Cluster, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    Shell.says = {"forwarding": "0", "units": "Id=kubelet.service\nLoadState=loaded\nActiveState=active"}
    api(monkeypatch, cluster, [*WELL, Finding("pod", "dns", False, "Pending")], cordoned("w-1"))
    code, screen, _ = run()
    assert code == 1
    numbered = re.findall(r"^\d\. .*", screen, re.MULTILINE)
    assert numbered == ["1. a host does not forward packets: w-1", "2. a host does not forward packets: w-2",
                        "3. a node takes no new pods: w-1"]  # fmt: skip
    assert "   seen  net.ipv4.ip_forward is 0\n   next  Run: clusterbook provision" in screen
    assert "Also not well, perhaps because of it:\n   pod dns: Pending" in screen


def test_a_host_that_cannot_be_reached_hides_nothing_of_the_others(cluster: Cluster, run: Run) -> None:
    Shell.says = {"unreachable": "w-1"}
    code, screen, _ = run()
    assert code == 4
    assert "1. a host cannot be reached over ssh: w-1\n   seen  no route to host" in screen
    Shell.says = {"unreachable": "w-1", "alarms": "memberID:1 alarm:NOSPACE"}
    code, screen, _ = run()
    assert code == 1
    assert "2. etcd has reached its quota and takes no writes: w-2" in screen


@pytest.mark.parametrize(("lost", "cause"), [(1, "etcd-member-lost"), (2, "etcd-no-quorum")])
def test_lost_members_are_counted(
    cluster: Cluster, run: Run, monkeypatch: pytest.MonkeyPatch, lost: int, cause: str
) -> None:
    members = [Finding("etcd", f"e-{number}", number > lost, "refused", "look") for number in (1, 2, 3)]
    api(monkeypatch, cluster, members, up=False)
    code, output, _ = run("--json")
    told = json.loads(output)
    assert code == 1
    assert [each["cause"] for each in told["causes"]] == [cause]
    assert told["also_not_well"] == []
    assert not told["well"]


def test_members_with_an_alarm_are_not_lost(cluster: Cluster, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    members = [Finding("etcd", f"w-{number}", False, "memberID:1 alarm:NOSPACE", "look") for number in (1, 2)]
    api(monkeypatch, cluster, members)
    Shell.says = {"alarms": "memberID:1 alarm:NOSPACE"}
    assert [each["cause"] for each in json.loads(run("--json")[1])["causes"]] == ["etcd-full"]


def test_what_hosts_say_is_shown_without_secrets_and_without_letters_that_a_terminal_obeys(
    cluster: Cluster, run: Run
) -> None:
    unit = "Id=etcd.service\nLoadState=loaded\nActiveState=failed\nSubState=failed\nUnitFileState=enabled"
    Shell.says = {"units": unit, "logs": "unit etcd\nfatal \x1b[2J password=geheim123 token abcdef.0123456789abcdef"}
    _, screen, _ = run()
    assert "fatal ?[2J password=[removed] token [removed]" in screen


def test_the_documentation_has_every_cause() -> None:
    page = Path("docs/doctor.md").read_text()
    assert set(re.findall(r"`([a-z-]+)`", "".join(re.findall(r"^\| (`.*?) \|", page, re.MULTILINE)))) == set(CAUSES)


def test_hosts_are_asked_over_one_connection_each(cluster: Cluster, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(doctor, "connected", lambda host: opened.append(host.name) or host.name)
    assert run()[0] == 0
    assert sorted(opened) == ["w-1", "w-2"]
