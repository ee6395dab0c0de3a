"""What a person reads of a validation: groups, nodes, failures, or that the cluster is ready."""

from __future__ import annotations

import json
from typing import Any

import pytest

from clusterbook.cli.site import open_site, refreshed
from clusterbook.cli.validation import Validation, as_data, groups_of, seconds, show
from clusterbook.cluster.health import Finding
from clusterbook.cluster.instance_groups import InstanceGroup
from clusterbook.errors import InvalidInput
from tests.unit.cli.conftest import NAME, Run

GROUP = InstanceGroup("nodes", "worker", ("t3.medium",), 2, 2, ("us-east-2a", "us-east-2b"), 1)
NODE = {"name": "ip-10-20-32-10", "state": "Ready", "roles": "control-plane", "address": "10.20.32.10",
        "version": "v1.37.2", "runtime": "containerd://2"}  # fmt: skip
WELL = Finding("node", "ip-10-20-32-10", True, "Ready, v1.37.2")
SICK = Finding("group", "nodes", False, "1 of 2 instances run", "AWS says why: aws autoscaling …")


@pytest.mark.parametrize(("text", "value"), [("90", 90), ("90s", 90), ("10m", 600), ("1h", 3600), ("0s", 0)])
def test_a_time_has_a_unit(text: str, value: float) -> None:
    assert seconds(text) == value


def test_what_is_no_time_is_refused() -> None:
    with pytest.raises(InvalidInput, match="'soon' is not a time"):
        seconds("soon")


def lines(seen: Validation, capsys: pytest.CaptureFixture[str]) -> list[list[str]]:
    show(seen)
    return [line.split() for line in capsys.readouterr().out.splitlines() if line]


def test_groups_nodes_and_failures_are_tables(capsys: pytest.CaptureFixture[str]) -> None:
    assert lines(Validation("demo", (WELL, SICK), (GROUP,), (NODE,)), capsys) == [
        ["INSTANCE", "GROUPS"],
        ["NAME", "ROLE", "MACHINETYPE", "MIN", "MAX", "RUNNING", "ZONES"],
        ["nodes", "worker", "t3.medium", "2", "2", "1", "us-east-2a,us-east-2b"],
        ["NODE", "STATUS"],
        ["NAME", "ROLE", "READY", "VERSION"],
        ["ip-10-20-32-10", "control-plane", "True", "v1.37.2"],
        ["FAILURES"],
        ["KIND", "NAME", "MESSAGE"],
        ["group", "nodes", "1", "of", "2", "instances", "run"],
        ["next:", "AWS", "says", "why:", "aws", "autoscaling", "…"],
    ]


def test_a_cluster_that_is_well_says_so_and_what_was_looked_at(capsys: pytest.CaptureFixture[str]) -> None:
    last = lines(Validation("demo", (WELL, WELL, Finding("dns", "kubernetes", True, "answers")), (), (NODE,)), capsys)
    assert " ".join(last[-1]) == "Cluster demo is ready: 2 nodes, 1 dns."


def test_machines_get_the_same() -> None:
    found = json.loads(json.dumps(as_data(Validation("demo", (WELL, SICK), (GROUP,), (NODE,)))))
    assert (found["ready"], found["groups"][0]["running"], found["nodes"][0]["name"]) == (False, 1, "ip-10-20-32-10")
    assert [one["healthy"] for one in found["findings"]] == [True, False]


def test_instances_of_groups_are_those_that_run_when_it_is_looked(created: Run, aws: Any) -> None:
    assert created("update-cluster", NAME, "--yes")[0] == 0
    site = open_site("aws", NAME)
    assert [(one.name, one.running) for one in groups_of(site)] == [("masters", 1), ("nodes", 2)]
    aws("autoscaling").update_auto_scaling_group(AutoScalingGroupName=f"nodes.{NAME}", MinSize=0, DesiredCapacity=0)
    assert [(one.name, one.running) for one in groups_of(refreshed(site))] == [("masters", 1), ("nodes", 0)]
