"""`upgrade` refuses before a host is touched, backs up once, goes on after a failure, and leaves its version behind."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from clusterbook.cli import site as sites
from clusterbook.cli import upgradable
from clusterbook.cli import upgrade as task
from clusterbook.cli.runs import Order
from clusterbook.cli.site import Site
from clusterbook.cluster import spec, upgrades
from clusterbook.cluster.backups import Backup
from clusterbook.cluster.cluster import ensure_cluster
from clusterbook.cluster.health import Finding
from clusterbook.cluster.preflight import Requested, RequestedApi
from clusterbook.cluster.skew import Live
from clusterbook.cluster.store import open_store
from clusterbook.errors import Failed
from tests.unit.cli.conftest import Call

ROOT = Path(__file__).parents[3]
OLD, NEW = "1.36.3", "1.37.2"
NOW = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
LIVE = Live({"cp-1": OLD}, {"cp-1": OLD, "w-1": OLD}, {"cp-1": "3.7.3"}, {"cp-1": "cp-1"})
INVENTORY = """\
all:
  vars: {node_name: "{{ inventory_hostname }}", node_address: "{{ ansible_host }}"}
  children:
    control_plane: {hosts: {cp-1: {ansible_host: 192.0.2.1}}}
    etcd: {hosts: {cp-1: {}}}
    worker: {hosts: {w-1: {ansible_host: 192.0.2.2}}}
"""


@dataclass
class World:
    """A cluster as it answers, the codes with which runs will end, and what was done."""

    live: Live = LIVE
    away: bool = False
    sick: list[Finding] = field(default_factory=list)
    asked: list[RequestedApi] = field(default_factory=list)
    codes: list[int] = field(default_factory=lambda: [0])
    done: list[str] = field(default_factory=list)
    offered: str = NEW

    def versions(self, *_: Any) -> Live:
        """The API's answer."""
        if self.away:
            raise Failed("the API does not answer")
        return self.live

    def run(self, site: Site, order: Order) -> int:
        """The playbook."""
        wanted = {host.variables["kubernetes_version"] for host in site.inventory.hosts.values()}
        self.done.append(f"{'plan' if order.selection.check else 'run'} {', '.join(wanted)}")
        return 2 if order.selection.check else self.codes.pop(0)

    def backup(self, *_: Any) -> Backup:
        """A backup."""
        self.done.append("backup")
        return Backup("1", "hosts", "now", OLD, "3.7.3", 1, 2, 3, "", 1)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """An inventory hosts.yml here, with its cluster in a store."""
    one = World()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLUSTERBOOK_STATE_STORE", f"file://{tmp_path / 'store'}")
    monkeypatch.setenv("CLUSTERBOOK_STORE_PASSPHRASE", "open sesame")
    Path("hosts.yml").write_text(INVENTORY)
    wishes = {"api_address": "192.0.2.10", "kubernetes_version": OLD}
    ensure_cluster(open_store(os.environ), "hosts", wishes, os.environ)
    part = {"url": "http://192.0.2.5/x", "sha256": "0"}
    monkeypatch.setattr(sites, "supplied", lambda lab, looking=False: {"artifacts": {
        "etcd": {**part, "version": "3.7.3"}, "kubelet": {**part, "version": one.offered}
    }})  # fmt: skip
    monkeypatch.setattr(task, "open_kubectl", lambda cluster: None)
    monkeypatch.setattr(task, "nodes_of", lambda kubectl: ())
    monkeypatch.setattr(task.runs, "run", one.run)
    monkeypatch.setattr(task.backups, "take", one.backup)
    monkeypatch.setattr(upgradable, "findings_of", lambda site, kubectl: one.sick)
    monkeypatch.setattr(upgradable.preflight, "live", one.versions)
    monkeypatch.setattr(upgradable.preflight, "requested", lambda *_: Requested(one.asked, NOW))
    return one


def version() -> str:
    return str(spec.read(open_store(os.environ), "hosts").complete["kubernetes_version"])


def refused(call: Call, *words: str, to: str = NEW) -> str:
    code, _, errors = call("upgrade", "--inventory", "hosts.yml", "--to", to, *words)
    assert code == 3, errors
    return " ".join(errors.split())


def test_hosts_are_told_of_the_new_version_and_the_configuration_when_all_have_it(world: World, call: Call) -> None:
    code, output, errors = call("upgrade", "--inventory", "hosts.yml", "--to", NEW)
    assert (code, world.done) == (0, ["backup", f"run {NEW}"]), errors
    assert version() == NEW and upgrades.under_way(open_store(os.environ), "hosts") == ""
    assert f"to {NEW}; the cluster's configuration says so" in output
    assert f"none in use that {NEW} has no more, of those asked for since 2026-01-02 03:04 UTC" in output


def test_a_plan_takes_no_backup_leaves_nothing_and_ends_with_the_command_that_does_it(world: World, call: Call) -> None:
    code, output, _ = call("upgrade", "--inventory", "hosts.yml", "--to", NEW, "--check")
    assert (code, world.done, version()) == (2, [f"plan {NEW}"], OLD)
    assert output.endswith(f"Nothing has been done. To do it: clusterbook upgrade --inventory hosts.yml --to {NEW}\n")
    assert upgrades.under_way(open_store(os.environ), "hosts") == ""


def test_a_plan_says_first_in_which_order_hosts_are_taken_and_what_is_restarted(world: World, call: Call) -> None:
    more = "worker: {hosts: {w-1: {ansible_host: 192.0.2.2}, w-2: {}, w-3: {}, cp-1: {}}}"
    Path("hosts.yml").write_text(INVENTORY.replace("worker: {hosts: {w-1: {ansible_host: 192.0.2.2}}}", more))
    plan = ("upgrade", "--inventory", "hosts.yml", "--to", NEW, "--check", "--workers-at-a-time", "2")
    code, output, _ = call(*plan)
    table = output[output.index("TURN") :].splitlines()
    assert code == 2 and [line.split()[:2] for line in table[1:5]] == [
        ["1", "cp-1"], ["2", "w-1"], ["2", "w-2"], ["3", "w-3"],
    ]  # fmt: skip
    assert "  kube-apiserver, kube-controller-manager, kube-scheduler (control planes)\n" in output
    assert "  kubelet, kube-proxy (every node)\n" in output and max(map(len, output.splitlines())) < 120
    told = json.loads(call(*plan, "--json")[1].splitlines()[0])
    assert (told["type"], told["to"], told["check"]) == ("upgrade", NEW, True)
    assert told["turns"][1] == {"turn": 2, "host": "w-1", "role": "worker", "version": OLD,
                                "restarted": ["kubelet", "kube-proxy"]}  # fmt: skip


def test_what_a_plan_says_is_restarted_is_what_the_role_restarts() -> None:
    units = yaml.safe_load((ROOT / "roles/upgrade/vars/main.yml").read_text())["_upgrade_units"]
    assert re.findall(r"'(kube[a-z-]+)'", units) == [*upgradable.CONTROLS, *upgradable.ON_EVERY_NODE]


def test_one_that_failed_goes_on_without_a_second_backup_though_something_is_not_well(world: World, call: Call) -> None:
    world.codes = [1, 0]
    code, output, _ = call("upgrade", "--inventory", "hosts.yml", "--to", NEW)
    assert code == 1 and "run it again: clusterbook upgrade --to 1.37.2" in output and version() == OLD
    assert "an upgrade to 1.37.2 is under way" in refused(call, to=OLD)
    world.sick, world.away = [Finding("api", "cp-1", False, "Connection refused", "invoke ssh")], True
    code, _, errors = call("upgrade", "--inventory", "hosts.yml", "--to", NEW)
    assert code == 0 and "not well: api cp-1: Connection refused" in errors
    assert (world.done, version()) == (["backup", f"run {NEW}", f"run {NEW}"], NEW)


def test_all_that_speaks_against_it_is_told_at_once_and_nothing_is_touched(world: World, call: Call) -> None:
    world.sick = [Finding("node", "w-1", False, "kubelet is down", "Look at it.")]
    world.live = replace(LIVE, kubelets={**LIVE.kubelets, "w-1": "1.33.1"})
    world.asked = [RequestedApi("flowschemas.v1beta9", "1.37", ("cp-2",))]
    told = refused(call)
    assert "node w-1: kubelet is down" in told and "the kubelet of w-1 is 1.33.1" in told
    assert "flowschemas.v1beta9 is in use, and Kubernetes 1.37 has it no more; kube-apiserver of cp-2 was asked" in told
    world.sick, world.live = [], LIVE
    assert "flowschemas" in refused(call)
    assert call("upgrade", "--inventory", "hosts.yml", "--to", NEW, "--ignore-removed-apis", "--check")[0] == 2
    assert world.done == [f"plan {NEW}"]


def test_a_version_that_nobody_supplies_is_refused(world: World, call: Call) -> None:
    assert "--to 1.99.0: there is no such version" in refused(call, to="1.99.0")
    assert "1.36.1 would be a downgrade" in refused(call, to="1.36.1")
    world.offered = OLD
    told = refused(call)
    assert "the mirror offers hosts Kubernetes 1.36.3, not 1.37.2" in told
    assert "--kubernetes-version 1.37.2" in told


def test_an_inventory_that_says_another_version_is_refused_with_the_line(world: World, call: Call) -> None:
    Path("hosts.yml").write_text(INVENTORY.replace("vars: {", f"vars: {{kubernetes_version: {OLD}, "))
    told = refused(call)
    assert "inventory group all says kubernetes_version: 1.36.3" in told and "hosts.yml:2:" in told
    assert world.done == []


def test_a_cluster_that_has_the_version_is_left_alone(world: World, call: Call) -> None:
    world.live = replace(LIVE, api_servers={"cp-1": NEW}, kubelets=dict.fromkeys(LIVE.kubelets, NEW))
    code, output, _ = call("upgrade", "--inventory", "hosts.yml", "--to", NEW)
    assert (code, output.strip(), world.done) == (0, f"Every node has {NEW} already.", [])
