"""The cluster that nodes are added to: raised in a lab by the product, and the product's commands on all hosts."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bench import control_plane, measure
from bench.cluster import ROOT
from bench.light import LightHosts, Network
from clusterbook.cluster.artifacts import supply as supplies
from clusterbook.cluster.cluster import Cluster, open_cluster
from clusterbook.cluster.store import STORE_VARIABLE, open_store
from clusterbook.errors import Failed
from clusterbook.lab import lab, record
from clusterbook.lab import mirror as mirrors
from clusterbook.lab.inventory_file import inventory_text
from clusterbook.lab.mirror_servers import of_lab
from clusterbook.lab.spec import LabHost, LabSpec

LIGHT = Network("n", "cbscale", "10.92")
NAME, NETWORK, PLANE, WORKER = "scale", "10.91.0", "cp-1", "w-1"
SPEC = LabSpec(NAME, (LabHost(PLANE, f"{NETWORK}.11"), LabHost(WORKER, f"{NETWORK}.21")), f"{NETWORK}.0/24")
# Light hosts have no certificates, so status finds something wrong there.
TASKS = {"validate-cluster": (0,), "status": (0, 1, 2)}
Say = Callable[[str], None]


@dataclass
class ScaleLab:
    """A lab of one control plane and one worker. directory: for its store, inventories and logs."""

    directory: Path
    hosts: LightHosts

    @property
    def environment(self) -> dict[str, str]:
        """With a store of its own."""
        return {**os.environ, STORE_VARIABLE: f"file://{self.directory / 'store'}"}

    def provision(self) -> Cluster:
        """Raise the cluster as a person does."""
        inventory = ("--inventory", str(self.directory / f"{NAME}.yml"))
        self.call("provision", *inventory)
        self.call("validate-cluster", *inventory, "--wait", "3m")
        return open_cluster(open_store(self.environment), NAME, self.environment)

    def plane(self) -> control_plane.Plane:
        """Where its control plane runs."""
        return control_plane.of_lab(SPEC, PLANE)

    def real_node(self) -> dict[str, float]:
        """MiB of what a real node's programs take."""
        return node_of(f"{NAME}/{WORKER}")

    def tool(self, count: int) -> dict[str, dict[str, float]]:
        """What the product's looks at all hosts cost, so many light ones too."""
        inventory = self.directory / "all.yml"
        inventory.write_text(yaml.safe_dump(all_hosts(self.hosts, count), sort_keys=False))
        found = {}
        for task, codes in TASKS.items():
            cost = self.call(task, "--inventory", str(inventory), "--cluster", NAME, expect=codes)
            # Not its memory: a child's largest is never told smaller than what this process had when it started it.
            found[task] = {"seconds": round(cost.seconds, 2), "cpu": round(cost.cpu, 2)}
        return found

    def call(self, *words: str, expect: tuple[int, ...] = (0,)) -> measure.Cost:
        """One clusterbook command. Failed when it ends otherwise."""
        argv = [sys.executable, "-m", "clusterbook", *words]
        cost = measure.run(argv, self.environment, self.directory / "logs" / f"{words[0]}.log")
        if cost.exit_code not in expect:
            raise Failed(f"{words[0]} ended with {cost.exit_code}:\n{cost.output[-3000:]}", next_step="Read its log.")
        return cost


def node_of(place: str) -> dict[str, float]:
    """MiB of the programs of a node, LAB/HOST."""
    name, _, host = place.partition("/")
    return control_plane.memory(control_plane.of_host(record.read_spec(name), host, control_plane.ON_NODES))


@contextmanager
def booted(directory: Path, hosts: LightHosts, say: Say) -> Iterator[ScaleLab]:
    """The lab with its mirror, removed at the end."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / f"{NAME}.yml").write_text(inventory_text(SPEC, groups()))
    link = directory / "group_vars"
    link.unlink(missing_ok=True)
    link.symlink_to(ROOT / "inventory" / "group_vars")
    if NAME in record.names():  # what a run that was killed has left
        lab.down(record.read_spec(NAME), say)
    shutil.rmtree(directory / "store", ignore_errors=True)
    try:
        lab.up(SPEC, say)
        mirrors.up(of_lab(SPEC), supplies.default())
        yield ScaleLab(directory, hosts)
    finally:
        lab.down(SPEC, say)


def all_hosts(hosts: LightHosts, count: int) -> dict[str, Any]:
    """An inventory of the lab's hosts and so many light ones."""
    known = yaml.safe_load(inventory_text(SPEC, groups()))["all"]
    known["vars"] = {key: value for key, value in known["vars"].items() if not key.startswith("lab_")}
    login = hosts.login
    known["children"]["worker"]["hosts"].update({
        target.name: {
            "ansible_host": target.address, "ansible_user": login.user,
            "ansible_ssh_private_key_file": str(login.key),
            "ansible_ssh_common_args": f"-o UserKnownHostsFile={login.known_hosts} -o StrictHostKeyChecking=yes",
        }
        for target in hosts.targets[:count]
    })  # fmt: skip
    return {"all": known}


def groups() -> dict[str, list[LabHost]]:
    """The lab's hosts as its inventory has them."""
    return {"control_plane": [SPEC.host(PLANE)], "worker": [SPEC.host(WORKER)]}
