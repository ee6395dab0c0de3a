"""Keeps in the store what workers join by when nobody runs provision: for each group of workers a compiled play."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from clusterbook import project
from clusterbook.cli import places
from clusterbook.cli.site import Site, the_cluster, value_of
from clusterbook.cluster import joining
from clusterbook.cluster.cluster import Cluster
from clusterbook.cluster.joining import AGENT, FOLDER, IDENTITY, SEGMENT, SIGNATURE
from clusterbook.compile import Selection, compile_plan
from clusterbook.execute.bundle import agent_bundle
from clusterbook.execute.kept import client_certificates, kept
from clusterbook.inventory import SourcedInventory, matcher
from clusterbook.inventory.aws_ec2.hosts import GROUP_TAG, INSTANCE
from clusterbook.model import Host

PLAYBOOK = "join"
PROGRAMS = {"__main__.py": "first_boot.py", "aws.py": "aws.py"}
# Stand in a kept play for what an instance says of itself; nothing else looks like them.
MARKS = {
    "instance_id": "i-join.instance.mark", "instance_type": "join.type.mark", "image": "ami-join.image.mark",
    "zone": "join.zone.mark", "private_address": "join.address.mark", "private_dns": "join.name.mark",
    "node_name": "join.node.mark",
}  # fmt: skip
# Secrets in whose place a joining host puts the token that it was given.
TOKENS = ["cluster_bootstrap_token"]


def first_programs() -> dict[str, str]:
    """What user data of workers start: name in their folder -> Python."""
    folder = places.brought() / "roles" / "join_keeper" / "files"
    return {name: (folder / file).read_text(encoding="utf-8") for name, file in PROGRAMS.items()}


def keep(site: Site, selection: Selection) -> list[str]:
    """Write the play of each group of workers, and the agent's code, into the store. Returns the groups.

    selection: of the run that the hosts were provisioned with, for its extra variables. A group is left out while no
    worker of any group shows what its hosts are like.
    """
    cluster = the_cluster(site)
    bundle = agent_bundle()
    _write(cluster, f"{AGENT}{bundle.digest}", bundle.payload)
    workers = site.inventory.groups.get("worker", ())
    groups = [str(group["name"]) for group in cluster.spec.complete["aws"]["worker_groups"]] if workers else []
    for group in groups:
        data = zlib.compress(json.dumps(segment(site, cluster, group, selection), sort_keys=True).encode(), 9)
        _write(cluster, f"{SEGMENT}{group}", data)
        _write(cluster, f"{SIGNATURE}{group}", joining.signature(cluster.keyring, cluster.name, group, data))
    for name in cluster.store.names(f"{cluster.name}/{FOLDER}"):
        old = name.partition(f"/{FOLDER}/")[2]
        if old.startswith(AGENT) and old != f"{AGENT}{bundle.digest}":
            cluster.store.swap(name, cluster.store.read(name), None)
    return groups


def segment(site: Site, cluster: Cluster, group: str, selection: Selection) -> dict[str, Any]:
    """What a worker of the group joins by; its own facts are marks."""
    host = _host(site.inventory, group)
    inventory = _with(site.inventory, host)
    loaded = project.load(places.playbook(PLAYBOOK))
    chosen = Selection(extra_variables=selection.extra_variables, resume=False)
    (play,) = compile_plan(loaded, inventory, chosen, matcher(inventory, host.name)).plays
    planes = site.inventory.groups["control_plane"]
    names = [value_of(site, name, "node_name") for name in planes]
    # Themselves, not the load balancer: whatever stands before them, groups admit workers' private addresses there.
    urls = [f"https://{value_of(site, name, 'node_address')}:{cluster.spec.complete['api_server_port']}"
            for name in planes]  # fmt: skip
    return {
        **kept(play, host.name, site.services), "marks": MARKS, "token_names": TOKENS,
        "identities": [f"{IDENTITY}{name}" for name in names],
        "certificates": client_certificates(play, host.name, site.services),
        "api": {"urls": urls, "authority": cluster.authorities.trust_bundle()},
    }  # fmt: skip


def _host(inventory: SourcedInventory, group: str) -> Host:
    """A worker like the others, of that group, of which only marks are known."""
    like = inventory.hosts[inventory.groups["worker"][0]]
    facts: Mapping[str, Any] = like.variables[INSTANCE]
    tags = {**facts["tags"], GROUP_TAG: group}
    own = {name: MARKS[name] for name in ("instance_id", "instance_type", "image", "zone", "private_address",
                                          "private_dns")}  # fmt: skip
    plain = {name: value for name, value in like.variables.items() if not name.startswith("ansible_ssh_")}
    variables = {
        **plain, INSTANCE: {**facts, **own, "public_address": "", "tags": tags},
        "ansible_host": MARKS["private_address"], "node_address": MARKS["private_address"],
        "node_name": MARKS["node_name"],
    }  # fmt: skip
    return replace(like, name=MARKS["instance_id"], variables=variables)


def _with(inventory: SourcedInventory, host: Host) -> SourcedInventory:
    """The host in place of all workers: they come and go."""
    gone = set(inventory.groups["worker"])
    hosts = {name: one for name, one in inventory.hosts.items() if name not in gone}
    groups = {name: (*(one for one in members if one not in gone), *([host.name] if name in host.groups else []))
              for name, members in inventory.groups.items()}  # fmt: skip
    return replace(inventory, hosts={**hosts, host.name: host}, groups=groups)


def _write(cluster: Cluster, name: str, data: bytes) -> None:
    """What is there already is left as it is: each write is one more version in the bucket."""
    path = f"{cluster.name}/{FOLDER}/{name}"
    if cluster.store.read(path) != data:
        cluster.store.write(path, data)
