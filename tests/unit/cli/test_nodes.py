"""Which hosts `add-node`, `remove-node` and `replace-node` work on, what their plans show, and what they refuse."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from clusterbook.cli import nodes as tasks
from clusterbook.cli import site as sites
from clusterbook.cli.runs import Order
from clusterbook.cli.site import Site
from clusterbook.cluster.cluster import ensure_cluster
from clusterbook.cluster.store import open_store
from clusterbook.errors import Failed
from tests.unit.cli.conftest import Call

HOSTS = {"cp-1": "control_plane", "cp-2": "control_plane", "cp-3": "control_plane", "etcd-1": "etcd", "etcd-2": "etcd",
         "w-1": "worker", "w-2": "worker", "w-3": "worker"}  # fmt: skip


@dataclass
class World:
    """Which nodes the API knows (none: it does not answer), what each run ends with, and which runs there were."""

    nodes: tuple[str, ...] = ("cp-1", "cp-3", "w-1", "w-2")
    codes: dict[str, int] = field(default_factory=dict)
    runs: list[str] = field(default_factory=list)
    limit: str = ""

    def run(self, site: Site, order: Order) -> int:
        """A playbook on some hosts."""
        chosen, name = order.selection, order.playbook.stem
        assert chosen.check is order.style.plan
        self.limit = chosen.limit
        self.runs.append(f"{'plan' if chosen.check else 'run'} {name} {chosen.extra_variables.get('leaving_host', '')}")
        return self.codes.get(name, 2 if chosen.check else 0)


def write(**variables: Any) -> None:
    """The inventory hosts.yml here."""
    groups: dict[str, Any] = {}
    for number, (name, group) in enumerate(HOSTS.items(), 1):
        groups.setdefault(group, {"hosts": {}})["hosts"][name] = {"ansible_host": f"192.0.2.{number}"}
    own = {"node_name": "{{ inventory_hostname }}", "node_address": "{{ ansible_host }}", **variables}
    Path("hosts.yml").write_text(json.dumps({"all": {"vars": own, "children": groups}}))


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Names a store with a cluster; no test changes it."""
    folder = tmp_path_factory.mktemp("store")
    found = {"CLUSTERBOOK_STATE_STORE": f"file://{folder}", "CLUSTERBOOK_STORE_PASSPHRASE": "open sesame"}
    ensure_cluster(open_store(found), "hosts", {"api_address": "192.0.2.10"}, found)
    return found


@pytest.fixture
def world(environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """An inventory of more hosts than the cluster in its store has nodes."""
    one = World()
    monkeypatch.chdir(tmp_path)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    write()
    monkeypatch.setattr(sites, "supplied", lambda lab, looking=False: {})
    monkeypatch.setattr(tasks, "open_kubectl", lambda cluster: None)
    monkeypatch.setattr(tasks, "nodes_of", lambda kubectl: [{"name": name} for name in one.nodes])
    monkeypatch.setattr(tasks.runs, "run", one.run)
    return one


def called(call: Call, task: str, node: str, *words: str) -> tuple[int, str, str]:
    code, output, errors = call(task, node, "--inventory", "hosts.yml", *words)
    return code, output, " ".join(errors.split())


@pytest.mark.parametrize(("node", "limit"), [
    ("w-3", "w-3:cp-1:cp-3"), ("etcd-2", "etcd-2:cp-1:cp-3"), ("cp-2", "cp-2:cp-1:cp-3"), ("cp-1", "cp-1:cp-3"),
])  # fmt: skip
def test_only_the_new_host_and_the_control_planes_that_are_in_the_cluster_are_worked_on(
    world: World, call: Call, node: str, limit: str
) -> None:
    assert called(call, "add-node", node)[0] == 0
    assert (world.runs, world.limit) == (["run site "], limit)


def test_workers_of_the_cluster_that_have_a_proxy_of_their_own_hear_of_a_new_control_plane(
    world: World, call: Call
) -> None:
    write(api_endpoint_mode="local_proxy")
    called(call, "add-node", "cp-2")
    assert world.limit == "cp-2:cp-1:cp-3:w-1:w-2"
    called(call, "add-node", "w-3")
    assert world.limit == "w-3:cp-1:cp-3"


@pytest.mark.parametrize(("server", "limit"), [
    ("w-1", "cp-2:cp-1:cp-3:w-1"), ("etcd-1", "cp-2:cp-1:cp-3:etcd-1"), ("", "cp-2:cp-1:cp-3"),
])  # fmt: skip
def test_the_host_of_prometheus_hears_of_a_new_control_plane(world: World, call: Call, server: str, limit: str) -> None:
    write(prometheus=True, prometheus_host=server)
    called(call, "add-node", "cp-2")
    assert world.limit == limit


def test_every_control_plane_of_the_inventory_is_worked_on_while_the_api_does_not_answer(
    world: World, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.nodes = ()
    called(call, "add-node", "w-3")
    assert world.limit == "w-3:cp-1:cp-2:cp-3"

    def away(_: Any) -> None:
        raise Failed("there is no kubectl for this machine")

    monkeypatch.setattr(tasks, "open_kubectl", away)
    called(call, "add-node", "w-2")
    assert world.limit == "w-2:cp-1:cp-2:cp-3"


def test_a_removal_takes_the_node_out_and_then_its_components_off_its_host_alone(world: World, call: Call) -> None:
    code, output, _ = called(call, "remove-node", "w-2", "--yes")
    assert (code, world.runs, world.limit) == (0, ["run remove-node w-2", "run reset "], "w-2")
    assert "w-2 is no longer in the cluster. Remove it from the inventory" in output
    world.codes = {"reset": 4}
    code, output, _ = called(call, "remove-node", "w-2", "--yes")
    assert code == 0 and "it does not answer, so its components are still on it" in output


@pytest.mark.parametrize("words", [(), ("--check",)])
def test_the_plan_of_a_removal_shows_what_would_go_off_the_host_as_well(
    world: World, call: Call, words: tuple[str, ...]
) -> None:
    code, output, _ = called(call, "remove-node", "w-2", *words)
    assert (code, world.runs, world.limit) == (2, ["plan remove-node w-2", "plan reset "], "w-2")
    assert "Nothing has been done. To do it: clusterbook remove-node w-2" in output


def test_the_plan_of_a_removal_says_that_a_host_that_does_not_answer_keeps_its_components(
    world: World, call: Call
) -> None:
    world.codes = {"reset": 4}
    code, output, _ = called(call, "remove-node", "w-2")
    assert code == 2 and "w-2 does not answer: it leaves all the same, and its components stay on it." in output


@pytest.mark.parametrize("task", ["remove-node", "replace-node"])
@pytest.mark.parametrize("words", [(), ("--yes",)])
def test_nothing_follows_where_the_host_may_not_leave(
    world: World, call: Call, task: str, words: tuple[str, ...]
) -> None:
    world.codes = {"remove-node": 1}
    code, _, _ = called(call, task, "cp-1", *words)
    assert (code, len(world.runs)) == (1, 1)


def test_a_replacement_takes_the_node_out_the_components_off_and_brings_the_host_in(world: World, call: Call) -> None:
    assert called(call, "replace-node", "w-2", "--yes")[0] == 0
    assert world.runs == ["run remove-node w-2", "run reset ", "run site "]
    assert world.limit == "w-2:cp-1:cp-3"


def test_the_plan_of_a_replacement_shows_what_an_empty_host_would_get(world: World, call: Call) -> None:
    world.codes = {"reset": 0}
    code, output, _ = called(call, "replace-node", "cp-1")
    assert (code, world.limit) == (2, "cp-1:cp-3")
    assert world.runs == ["plan remove-node cp-1", "plan reset ", "plan site "]
    assert "cannot be known" not in output


def test_the_plan_of_a_replacement_says_that_a_return_to_a_host_that_is_not_empty_yet_cannot_be_known(
    world: World, call: Call
) -> None:
    code, output, _ = called(call, "replace-node", "w-2")
    assert (code, world.runs) == (2, ["plan remove-node w-2", "plan reset "])
    assert "? w-2      cannot be known yet: its return, as by add-node, follows once its components are off" in output
    told = json.loads(called(call, "replace-node", "w-2", "--json")[1])
    assert (told["type"], told["host"]) == ("unknown", "w-2") and told["msg"].startswith("cannot be known yet: ")


def test_the_plan_of_a_replacement_by_a_host_that_does_not_answer_fails_as_the_replacement_would(
    world: World, call: Call
) -> None:
    world.codes = {"reset": 4}
    assert called(call, "replace-node", "w-2")[0] == 4
    assert called(call, "replace-node", "w-2", "--yes")[0] == 4
    assert "plan site " not in world.runs and "run site " not in world.runs


@pytest.mark.parametrize(("node", "what"), [("cp-1", "control plane"), ("etcd-1", "member of etcd")])
def test_the_last_of_its_kind_does_not_leave(
    world: World, call: Call, monkeypatch: pytest.MonkeyPatch, node: str, what: str
) -> None:
    for name in ("cp-2", "cp-3", "etcd-2"):
        monkeypatch.delitem(HOSTS, name)
    write()
    code, _, errors = called(call, "remove-node", node, "--yes")
    assert (code, world.runs) == (3, [])
    assert f"{node} is the only {what} of the cluster: there would be none left" in errors
    assert "write it into the inventory, then clusterbook add-node" in errors


@pytest.mark.parametrize("task", ["add-node", "remove-node", "replace-node"])
def test_a_host_that_is_not_in_the_inventory_and_a_cluster_that_is_not_there_are_refused(
    world: World, call: Call, task: str
) -> None:
    code, _, errors = called(call, task, "w-33")
    assert code == 3 and "there is no host 'w-33' in the inventory 'hosts'" in errors
    code, _, errors = called(call, task, "w-2", "--cluster", "other")
    assert code == 3 and "there is no cluster 'other' in the store" in errors
    assert world.runs == []
