"""A cluster goes where AWS refuses to delete what is in use: on the lab's EC2, which refuses it, too."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clusterbook.cloud import apply, foreign, plan, teardown
from clusterbook.cloud.aws import Cloud
from clusterbook.cloud.design import wanted
from clusterbook.cloud.images import find_image
from clusterbook.cloud.layout import Design
from clusterbook.cloud.model import Found, owner_tag
from clusterbook.cloud.state import StateFile
from clusterbook.cluster import spec
from clusterbook.lab.ec2.corrections import answers

NAME = "demo.k8s.local"
# Every kind of resource: a NAT gateway, a bastion, a private zone, two zones.
TEXT = f"""
cluster_name: {NAME}
aws:
  zones: [us-east-2a, us-east-2b]
  nat: one
  bastion: {{}}
  ssh_access_cidrs: [203.0.113.0/24]
  private_zone: demo.internal
  worker_groups: [{{name: nodes, count: 2}}]
"""


@pytest.fixture
def account(aws: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    """The lab's account, empty. Nobody waits for what is in use: nothing gives it up here."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    argv = [sys.executable, "-m", "clusterbook.lab.ec2.account", "--address", "127.0.0.1", "--port", str(port),
            "--images", str(tmp_path / "images.list")]  # fmt: skip
    with (tmp_path / "log").open("w") as log, subprocess.Popen(argv, stdout=log, stderr=log) as server:
        deadline = time.monotonic() + 120
        while not answers("127.0.0.1", port):
            assert server.poll() is None and time.monotonic() < deadline, (tmp_path / "log").read_text()
            time.sleep(0.1)
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        monkeypatch.setattr("clusterbook.cloud.kinds.network.RELEASE_SECONDS", 0)
        yield Cloud(NAME, "us-east-2", zones=("demo.internal",))
        server.terminate()


def made_by_the_cloud_controller(cloud: Cloud, there: dict[str, Found]) -> None:
    """For two Services: a network load balancer, and a classic one whose group is let in by the workers' group."""
    owned = {"Key": owner_tag(NAME), "Value": "owned"}
    subnet = there[f"Subnet/utility-us-east-2a.{NAME}"].id
    cloud.call("elbv2", "create_load_balancer", Name="a0123", Type="network", Subnets=[subnet], Tags=[owned])
    group = cloud.call(
        "ec2", "create_security_group", GroupName="k8s-elb-a4567", VpcId=there[f"Vpc/{NAME}"].id,
        Description="for a service", TagSpecifications=[{"ResourceType": "security-group", "Tags": [owned]}],
    )["GroupId"]  # fmt: skip
    cloud.call("ec2", "authorize_security_group_ingress", GroupId=there[f"SecurityGroup/nodes.{NAME}"].id,
               IpPermissions=[{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group}]}])  # fmt: skip
    port = {"Protocol": "tcp", "LoadBalancerPort": 80, "InstancePort": 30080}
    cloud.call("elb", "create_load_balancer", LoadBalancerName="a4567", Subnets=[subnet], SecurityGroups=[group],
               Listeners=[port], Tags=[owned])  # fmt: skip


def test_a_cluster_goes_in_an_order_in_which_nothing_is_in_use(account: Cloud, state: StateFile) -> None:
    design = Design(NAME, spec.parse(TEXT, "cluster.yaml").complete, find_image(account, "debian-12").id)
    done = apply.apply(account, plan.compare(wanted(design), {}), state, {}, lambda *words: None)
    assert done.failed == {} and done.untried == []
    assert plan.compare(wanted(design), plan.survey(account)).empty
    made_by_the_cloud_controller(account, plan.survey(account))
    gone = teardown.delete_all(account, state, lambda *words: None)
    assert (gone.failed, gone.untried) == ({}, [])
    assert plan.survey(account) == {} and foreign.survey(account) == []
    for action, key in (("describe_security_groups", "SecurityGroups"), ("describe_vpcs", "Vpcs")):
        left = account.call("ec2", action)[key]
        assert all(item.get("IsDefault") or item.get("GroupName") == "default" for item in left), left
    assert account.call("elb", "describe_load_balancers")["LoadBalancerDescriptions"] == []
