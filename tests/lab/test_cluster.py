"""A cluster from bare hosts to bare hosts, by the commands that a person types. The tests build on each other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from clusterbook.lab import record, tree

if TYPE_CHECKING:
    from tests.lab.conftest import Cluster

HOSTS = ["cp-1", "cp-2", "cp-3", "w-1", "w-2"]
# What a plan may leave: the agent's own cache, and sudo's and ssh's marks of a login.
APART = ("/var/cache/clusterbook", "/root/.cache", "/home/admin/.cache", "/home/admin/.ansible")


@pytest.fixture(scope="module")
def reached() -> set[str]:
    """Which stages the tests before came to."""
    return set()


@pytest.fixture
def raised(reached: set[str], cluster: Cluster) -> Cluster:
    """The cluster after it was raised; a test of one that did not come up says nothing."""
    if "raised" not in reached:
        pytest.skip("the cluster did not come up")
    return cluster


def trees(cluster: Cluster) -> dict[str, tree.Tree]:
    """Every file of every host that differs from its image."""
    return tree.read(record.read_spec(cluster.name), apart=APART)


def test_five_bare_hosts_of_two_debian_releases_boot(cluster: Cluster) -> None:
    cluster.on("lab-up")
    status = json.loads(cluster.on("lab-status", "--json").output)
    assert [host["name"] for host in status["hosts"]] == HOSTS
    assert {host["image"] for host in status["hosts"]} == {"debian-12", "debian-13"}


def test_a_second_lab_up_changes_nothing(cluster: Cluster) -> None:
    assert json.loads(cluster.on("lab-up", "--json").output)["changes"] == []


def test_the_mirror_has_every_binary_and_image(cluster: Cluster) -> None:
    cluster.on("mirror", "--start")


def test_a_plan_lists_what_is_to_do_and_leaves_the_hosts_byte_for_byte(cluster: Cluster) -> None:
    before = trees(cluster)
    plan = cluster.on("plan", "--json", expect=2)
    assert all(counts["changed"] > 20 for counts in plan.summary().values())
    assert list(plan.summary()) and sorted(plan.summary()) == HOSTS
    assert tree.differences(before, trees(cluster)) == []


def test_provision_raises_the_cluster(cluster: Cluster, reached: set[str]) -> None:
    counts = cluster.on("provision", "--json").summary()
    assert sorted(counts) == HOSTS
    assert not any(host["failed"] or host["unreachable"] for host in counts.values())
    reached.add("raised")


def test_all_of_the_cluster_is_well(raised: Cluster) -> None:
    raised.on("validate-cluster", "--wait", "5m")


def test_then_a_plan_says_that_there_is_nothing_to_do(raised: Cluster) -> None:
    plan = raised.on("plan", "--json")
    assert all(counts["changed"] == counts["unknown"] == 0 for counts in plan.summary().values())


def test_a_second_provision_changes_nothing(raised: Cluster) -> None:
    again = raised.on("provision", "--json")
    assert {host: counts["changed"] for host, counts in again.summary().items()} == dict.fromkeys(HOSTS, 0)


def test_every_host_is_as_its_roles_promise(raised: Cluster) -> None:
    assert "checks on 5 hosts passed" in raised.on("verify").output


def test_people_can_do_with_it_what_kubernetes_is_for(raised: Cluster) -> None:
    raised.on("verify", "--acceptance")


def test_kubectl_and_ssh_reach_it(raised: Cluster) -> None:
    nodes = raised("kubectl", "get", "nodes", "--no-headers").output.splitlines()
    assert sorted(line.split()[0] for line in nodes) == HOSTS
    assert all(line.split()[1] == "Ready" for line in nodes)
    assert raised("ssh", "w-1", "--inventory", str(raised.inventory), "--", "hostname").output == "w-1\n"


def test_a_reset_without_yes_does_nothing(raised: Cluster) -> None:
    raised.on("reset", expect=2)
    raised("kubectl", "get", "nodes")


def test_a_reset_takes_the_cluster_off_its_hosts(raised: Cluster) -> None:
    raised.on("reset", "--yes")
    left = [path for found in trees(raised).values() for path in found if "kube" in path or "etcd" in path]
    assert left == []


def test_then_a_plan_says_that_everything_is_to_do(raised: Cluster) -> None:
    plan = raised.on("plan", "--json", expect=2)
    assert all(counts["changed"] > 20 for counts in plan.summary().values())


def test_lab_down_leaves_nothing(cluster: Cluster) -> None:
    cluster("lab-down", "--name", cluster.name)
    assert cluster.name not in record.names()
    assert not Path(f"/sys/class/net/cb-{cluster.name}").exists()
