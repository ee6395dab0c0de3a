"""Hosts that join a control plane of EKS: who is let in, what they would be told, and what is refused before that."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import botocore.client
import pytest

from clusterbook.cli import eks as task
from clusterbook.cli.runs import Order, prepare
from clusterbook.cli.site import Site
from clusterbook.cloud import eks
from clusterbook.cloud.eks import ControlPlane
from clusterbook.compile import Plan
from clusterbook.inventory.aws_ec2.keys import KEY_TAG
from tests.unit.cli.conftest import Run
from tests.unit.cloud.authorization import is_read

PLANE = ControlPlane("shop", "us-east-2", "https://abc.eks.example:443", "PEM", "1.37", "172.20.0.0/16", True)
TAGS = {"KubernetesCluster": "shop", "clusterbook.io/role": "worker", KEY_TAG: "ssh-ed25519 " + "A" * 68}


class World:
    """What was done instead of asking EKS and changing hosts."""

    def __init__(self) -> None:
        self.known: set[str] = set()
        self.plan: Plan | None = None
        self.checked = False

    def run(self, site: Site, order: Order) -> int:
        """As far as a run comes without hosts."""
        self.plan, self.checked = prepare(site, order), order.selection.check
        return 0

    def let_in(self, cloud: Any, plane: ControlPlane, role: str) -> None:
        """An access entry."""
        self.known.add(role)


@pytest.fixture
def world(run: Run, aws: Any, monkeypatch: pytest.MonkeyPatch) -> World:
    """An instance with the tags and a role, and a mirror."""
    one, iam, ec2 = World(), aws("iam"), aws("ec2")
    iam.create_role(RoleName="nodes", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": []}))
    iam.create_instance_profile(InstanceProfileName="nodes")
    iam.add_role_to_instance_profile(InstanceProfileName="nodes", RoleName="nodes")
    ec2.run_instances(
        ImageId=ec2.describe_images()["Images"][0]["ImageId"], MinCount=1, MaxCount=1, InstanceType="t3.small",
        IamInstanceProfile={"Name": "nodes"}, TagSpecifications=[{"ResourceType": "instance", "Tags": [
            {"Key": name, "Value": value} for name, value in TAGS.items()]}],
    )  # fmt: skip
    offer(monkeypatch, "1.37.2")
    monkeypatch.setattr(eks, "described", lambda cloud, name: replace(PLANE, name=name))
    monkeypatch.setattr(eks, "not_let_in", lambda cloud, plane, roles: [r for r in roles if r not in one.known])
    monkeypatch.setattr(eks, "let_in", one.let_in)
    monkeypatch.setattr(task.runs, "run", one.run)
    return one


def offer(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    """What the mirror has."""
    part = {"url": "http://192.0.2.5/x", "sha256": "0", "version": version}
    names = ("kubelet", "containerd", "containerd_shim_runc_v2", "ctr", "ecr_credential_provider", "cni_bridge",
             "cni_host_local", "cni_loopback", "cni_portmap")  # fmt: skip
    found = {"artifacts": dict.fromkeys(names, part), "images": {"pause": {"reference": "pause:1"}}}
    monkeypatch.setattr(task, "supplied", lambda lab: found)


def test_without_yes_it_says_who_would_be_let_in_and_looks_at_the_hosts(world: World, run: Run) -> None:
    code, text = run("eks-join", "shop")
    assert code == 2 and world.checked and not world.known, text
    assert "access entry of nodes for arn:aws:iam::123456789012:role/nodes" in text
    assert "Nothing has been done. To do it: clusterbook eks-join shop --yes" in text


def test_with_yes_roles_are_let_in_and_hosts_get_what_eks_says(world: World, run: Run) -> None:
    code, text = run("eks-join", "shop", "--yes")
    assert code == 0 and not world.checked and len(world.known) == 1, text
    assert world.plan is not None
    (play,) = world.plan.plays
    (name,) = play.hosts
    known = play.hosts[name].variables
    assert (known["cluster_ca_certificate"], known["cluster_dns_address"]) == ("PEM", "172.20.0.10")
    assert "1 host joined shop" in text and "clusterbook eks-kubeconfig shop --region us-east-2 && kubectl" in text
    assert run("eks-join", "shop")[0] == 0


def test_the_json_s_last_line_says_what_was_done(world: World, run: Run) -> None:
    said = json.loads(run("eks-join", "shop", "--yes", "--json")[1].splitlines()[-1])
    assert said["type"] == "eks-join" and said["joined"] and said["let_in"] == said["roles"] and len(said["hosts"]) == 1


def test_no_preview_changes_anything(world: World, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS is asked for what it knows alone; roles are not let in, and the store gets nothing."""
    asked: set[str] = set()
    real = botocore.client.BaseClient._make_api_call

    def call(self: Any, operation: str, given: Any) -> Any:
        asked.add(operation)
        return real(self, operation, given)

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", call)
    for words in ((), ("--check",), ("--json",)):
        code, text = run("eks-join", "shop", *words)
        assert code == 2 and world.checked and not world.known, text
    assert "DescribeInstances" in asked and [one for one in asked if not is_read(one)] == []


@pytest.mark.parametrize(("version", "code"), [("1.38.0", 3), ("1.33.9", 3), ("1.34.1", 2)])
def test_kubelets_that_the_control_plane_does_not_know_are_refused(
    world: World, run: Run, monkeypatch: pytest.MonkeyPatch, version: str, code: int
) -> None:
    offer(monkeypatch, version)
    found, text = run("eks-join", "shop")
    if code == 3:
        assert found == code and "must not be newer, nor more than 3 versions older" in text
    else:
        assert "must not be newer" not in text


def test_a_cluster_without_access_entries_gets_the_lines_of_its_config_map(
    world: World, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(eks, "described", lambda cloud, name: replace(PLANE, entries=False))
    text = run("eks-join", "shop", "--yes")[1]
    assert "aws-auth" in text and "username: system:node:{{EC2PrivateDNSName}}" in text and not world.known


def test_hosts_without_the_tags_are_asked_for(world: World, run: Run) -> None:
    code, text = run("eks-join", "other")
    assert code == 3 and "no instance is to join" in text and "KubernetesCluster = other" in text


def test_the_check_and_the_doing_exclude_each_other(world: World, run: Run) -> None:
    assert run("eks-join", "shop", "--check", "--yes")[0] == 3
