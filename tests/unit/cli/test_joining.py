"""What a provision keeps in the store for workers that join by themselves."""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import replace
from typing import Any

import pytest

from clusterbook.agent.joining import for_instance
from clusterbook.cli import joining, places
from clusterbook.cli.site import Site, evaluate, open_site
from clusterbook.cluster.cluster import ensure_secrets
from clusterbook.compile import Selection
from clusterbook.execute.bundle import agent_bundle
from clusterbook.inventory.aws_ec2.keys import KEY_TAG
from tests.unit.cli.conftest import NAME, Run

INSTANCE = {
    "instance_id": "i-0fresh", "instance_type": "t3.small", "image": "ami-1", "zone": "us-east-2a",
    "private_address": "10.20.40.7", "private_dns": "ip-10-20-40-7.us-east-2.compute.internal",
    "node_name": "ip-10-20-40-7",
}  # fmt: skip


@pytest.fixture
def site(created: Run, aws: Any) -> Site:
    """A cluster that is made, its hosts known."""
    assert created("update-cluster", NAME, "--yes")[0] == 0
    ec2 = aws("ec2")
    names = [item["InstanceId"] for page in ec2.describe_instances()["Reservations"] for item in page["Instances"]]
    ec2.create_tags(Resources=names, Tags=[{"Key": KEY_TAG, "Value": "ssh-ed25519 " + "A" * 68}])
    return open_site("aws", NAME, playbook=places.playbook("site"))


def kept(site: Site, name: str) -> dict[str, Any]:
    data = site.store.read(f"{NAME}/join/{name}")
    assert data
    found: dict[str, Any] = json.loads(zlib.decompress(data))
    return found


def test_each_group_s_play_is_kept_with_the_agent_s_code(site: Site) -> None:
    assert joining.keep(site, Selection()) == ["nodes"]
    found = kept(site, "segment-nodes")
    assert found["digest"] == agent_bundle().digest
    names = [f"agent-{found['digest']}", "segment-nodes", "signature-nodes"]
    assert site.store.names(f"{NAME}/join") == [f"{NAME}/join/{name}" for name in names]
    assert [one["common_name"] for one in found["certificates"]] == ["flannel", "system:kube-proxy"]
    assert len(found["identities"]) == 1 and found["identities"][0].startswith("identity-ip-10-20-")
    planes = [site.inventory.hosts[name].variables["aws_instance"] for name in site.inventory.groups["control_plane"]]
    assert found["api"]["urls"] == [f"https://{one['private_address']}:6443" for one in planes]
    assert "BEGIN CERTIFICATE" in found["api"]["authority"]
    for name in ("haproxy.cfg.j2", "10-flannel.conflist.j2"):
        assert any(key.startswith("template:") and key.endswith(f":{name}") for key in found["answers"]), name


def test_no_secret_of_the_cluster_is_in_it(site: Site) -> None:
    joining.keep(site, Selection())
    assert site.cluster
    text, secrets = json.dumps(kept(site, "segment-nodes")), ensure_secrets(site.cluster)
    for name in secrets.names():
        # The end of a private key in PEM is its public part.
        assert secrets.value(name).replace("\n", "\\n")[:120] not in text, name
    assert "PRIVATE KEY" not in text


def test_no_running_host_is_in_it_but_the_names_of_control_planes(site: Site) -> None:
    joining.keep(site, Selection())
    text = json.dumps(kept(site, "segment-nodes"))
    workers = [site.inventory.hosts[name].variables["aws_instance"] for name in site.inventory.groups["worker"]]
    for worker in workers:
        assert worker["instance_id"] not in text and worker["private_address"] not in text
    own = json.dumps(for_instance(kept(site, "segment-nodes"), INSTANCE))
    assert INSTANCE["private_address"] in own and not any(f'"{mark}"' in own for mark in joining.MARKS.values())


def test_who_listens_for_spot_interruptions_is_known_by_the_host_s_group(site: Site) -> None:
    for group, spot in (("worker", False), ("worker", True), ("control_plane", True)):
        host = site.inventory.hosts[site.inventory.groups[group][0]]
        groups = [{**one, "spot": spot} for one in host.variables["aws"]["worker_groups"]]
        known = replace(host, variables={**host.variables, "aws": {**host.variables["aws"], "worker_groups": groups}})
        assert evaluate(known, known.variables["on_spot"]) is (spot and group == "worker")


def test_the_whole_program_of_the_listener_for_spot_interruptions_is_in_it(site: Site) -> None:
    joining.keep(site, Selection())
    answers = kept(site, "segment-nodes")["answers"].values()
    roles = places.brought() / "roles"
    for file in ("spot_notice/files/__main__.py", "join_keeper/files/aws.py", "join_keeper/files/kube_api.py"):
        assert base64.b64encode((roles / file).read_bytes()).decode() in answers, file


def test_a_second_keep_writes_nothing_and_an_older_agent_goes(site: Site, aws: Any) -> None:
    joining.keep(site, Selection())
    site.store.write(f"{NAME}/join/agent-older", b"x")

    def versions() -> int:
        found = aws("s3").list_object_versions(Bucket="demo-state", Prefix=f"team/{NAME}/join/")["Versions"]
        return len([one for one in found if "older" not in one["Key"]])

    before = versions()
    joining.keep(site, Selection())
    assert versions() == before
    assert f"{NAME}/join/agent-older" not in site.store.names(f"{NAME}/join")
