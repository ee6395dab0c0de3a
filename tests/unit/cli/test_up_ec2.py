"""One command from nothing to a cluster on EC2: what it does in which order, and how it goes on after an error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from clusterbook.cli import cluster, up_ec2, validation
from clusterbook.cli.site import Site
from clusterbook.cluster.health import Finding
from clusterbook.cluster.store import FileStore
from clusterbook.errors import Unreachable
from clusterbook.inventory import load
from clusterbook.model import Host
from tests.unit.cli.conftest import NAME, Call, Run

ZONES = ("--zones", "us-east-2a", "--access", "203.0.113.0/24")


class Reached:
    """Hosts that answer from a certain look on."""

    def __init__(self, looks: dict[str, int]) -> None:
        self.looks, self.asked = looks, dict.fromkeys(looks, 0)

    def __call__(self, host: Host) -> Any:
        self.asked[host.name] += 1
        if self.asked[host.name] < self.looks[host.name]:
            raise Unreachable(f"{host.name} refuses", next_step="Wait.")
        return self

    def close(self) -> None:
        """As a connection does."""


def site(tmp_path: Path) -> Site:
    path = tmp_path / "hosts.yml"
    path.write_text("all: {hosts: {a: {}, b: {}}}\n")
    return Site(load(path), path, FileStore(tmp_path / "store"), "demo")


def test_without_yes_all_of_it_is_only_shown_and_nothing_is_written(run: Run, aws: Any) -> None:
    image = aws("ec2").describe_images()["Images"][0]["ImageId"]
    code, text = run("up", NAME, *ZONES, "--image", image)
    assert code == 2, text
    assert f"Vpc/{NAME}" in text and f"clusterbook up {NAME} {' '.join(ZONES)} --image {image} --yes" in text
    assert aws("s3").list_buckets()["Buckets"] == []
    assert not [vpc for vpc in aws("ec2").describe_vpcs()["Vpcs"] if not vpc["IsDefault"]]


def test_a_cluster_that_is_not_configured_needs_zones(run: Run) -> None:
    code, text = run("up", NAME)
    assert (code != 0 and "--zones" in text) or "bucket" in text.lower()


def test_before_anything_costs_money_it_is_asked_where_binaries_come_from(
    run: Run, monkeypatch: pytest.MonkeyPatch, aws: Any
) -> None:
    monkeypatch.delenv("CLUSTERBOOK_MIRROR", raising=False)
    code, text = run("up", NAME, *ZONES, "--yes")
    assert code == 3 and "nothing says where the hosts get Kubernetes' binaries from" in text
    assert aws("s3").list_buckets()["Buckets"] == []


@pytest.fixture
def order(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was done on hosts, all of it in no time; the cluster is not well in the end."""
    order: list[str] = []

    def said(result: Any, words: str) -> Any:
        order.append(words)
        return result

    monkeypatch.setenv("CLUSTERBOOK_MIRROR", "http://192.0.2.1")
    monkeypatch.setattr(cluster, "site_for", lambda inventory, name, *_: said(None, f"{inventory} {name}"))
    monkeypatch.setattr(up_ec2, "answering", lambda found, wanted, say: said(None, f"{wanted} hosts"))
    monkeypatch.setattr(cluster, "raise_site", lambda *_: said(0, "provision"))
    sick = validation.Validation(NAME, (Finding("node", "w-1", False, "is not ready"),))
    monkeypatch.setattr(validation, "look", lambda *_: said(sick, "validate"))
    return order


def test_resources_hosts_kubernetes_and_validation_come_one_after_the_other(
    run: Run, aws: Any, order: list[str]
) -> None:
    image = aws("ec2").describe_images()["Images"][0]["ImageId"]
    code, text = run("up", NAME, *ZONES, "--image", image, "--yes")
    assert code == 1 and "22 resources done." in text
    assert order == [f"aws {NAME}", "3 hosts", "provision", "validate"]
    order.clear()
    assert "Nothing to do" in run("up", NAME, *ZONES, "--image", image, "--yes")[1] and len(order) == 4


def test_for_programs_each_line_is_a_document_that_says_what_it_is(
    run: Run, call: Call, aws: Any, order: list[str]
) -> None:
    image = aws("ec2").describe_images()["Images"][0]["ImageId"]
    code, output, _ = call("up", NAME, *ZONES, "--image", image, "--yes", "--json")
    kinds = [json.loads(line)["type"] for line in output.splitlines()]
    assert code == 1 and kinds == [*["resource"] * 22, "resources", "validation"]


def test_hosts_are_asked_again_until_all_let_us_log_in(tmp_path: Path) -> None:
    said: list[str] = []
    reach = Reached({"a": 1, "b": 3})
    up_ec2.answering(site(tmp_path), 2, said.append, reach=reach, pause=lambda _: None)
    assert reach.asked == {"a": 1, "b": 3}
    assert said == ["1 of 2 hosts answer", "1 of 2 hosts answer"]


def test_a_host_that_stays_silent_is_named_with_its_own_error(tmp_path: Path) -> None:
    with pytest.raises(Unreachable) as caught:
        up_ec2.answering(site(tmp_path), 2, print, seconds=0, reach=Reached({"a": 1, "b": 9}))
    assert caught.value.message == "b does not answer after 0 s: b refuses" and caught.value.next_step == "Wait."


def test_instances_that_ec2_does_not_start_are_counted(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="EC2 runs 2 of 5 hosts after 0 s"):
        up_ec2.answering(site(tmp_path), 5, print, seconds=0, reach=Reached({"a": 1, "b": 1}))


def test_a_bastion_is_waited_for_as_the_others_are() -> None:
    aws = {"control_plane": {"count": 3}, "worker_groups": [{"minimum": 2}]}
    assert (up_ec2.wanted_hosts(aws), up_ec2.wanted_hosts({**aws, "bastion": {}})) == (5, 6)
