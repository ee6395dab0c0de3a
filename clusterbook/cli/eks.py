"""The task that joins hosts to a control plane of EKS."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from invoke.context import Context

from clusterbook.cli import places, runs
from clusterbook.cli.boundary import command
from clusterbook.cli.runs import RESULT_HELP, SELECTION_HELP, Order
from clusterbook.cli.screen import plural, print_json_line, say, with_yes
from clusterbook.cli.site import Site
from clusterbook.cli.supplying import nothing_says, supplied
from clusterbook.cli.vaults import open_vault
from clusterbook.cloud import eks
from clusterbook.cloud.aws import Cloud
from clusterbook.cloud.eks import ControlPlane
from clusterbook.cluster import skew
from clusterbook.cluster.store import open_store
from clusterbook.cluster.variables import foreign_variables
from clusterbook.errors import EXIT_CHANGES, InvalidInput
from clusterbook.inventory import load as load_inventory
from clusterbook.inventory.aws_ec2.hosts import INSTANCE
from clusterbook.report.style import Style

PLAYBOOK = "eks-workers"


@dataclass(frozen=True)
class Joining:
    """Hosts and where they join. new: roles that are not let in yet."""

    plane: ControlPlane
    site: Site
    roles: Sequence[str]
    new: Sequence[str]


@command(
    positional=["name"],
    iterable=["extra_vars"],
    help={
        "name": "name of the cluster in EKS",
        "inventory": "name of an inventory of EC2, or its file (default: eks)",
        "region": "region of the cluster (default: that of the credentials)",
        "yes": "really do it",
        "extra-vars": SELECTION_HELP["extra-vars"],
        **RESULT_HELP,
        "verbose": SELECTION_HELP["verbose"],
    },
)
def eks_join(
    _: Context, name: str, inventory: str = "eks", region: str = "", yes: bool = False,
    extra_vars: Sequence[str] | None = None, json_: bool = False, verbose: bool = False,
) -> int:  # fmt: skip
    """Make hosts of EC2 nodes of a cluster of EKS, by the roles of any worker.

    The hosts are those of the group worker. Their roles get an access entry; the kubelet shows who it is by a token of
    the instance's own role. Running it again changes nothing.

    Without --yes it only shows what would be done: exit status 2, or 0 when that is nothing.

    Example: invoke eks-join shop --region eu-central-1
    Example: invoke eks-join shop --region eu-central-1 --yes
    """
    cloud = Cloud(name, region or eks.own_region())
    joining = _look(cloud, name, inventory)
    if not json_:
        _tell(joining)
    if yes and joining.plane.entries:
        for role in joining.new:
            eks.let_in(cloud, joining.plane, role)
    given = runs.selection(check=not yes, extra_vars=extra_vars)
    known = {"eks_endpoint": joining.plane.endpoint, **given.extra_variables}
    style = Style(json=json_, verbose=verbose, plan=not yes)
    code = runs.run(joining.site, Order(places.playbook(PLAYBOOK), replace(given, extra_variables=known), style))
    return _end(joining, code, yes, json_)


def _look(cloud: Cloud, name: str, inventory: str) -> Joining:
    plane = eks.described(cloud, name)
    site = _site(plane, places.inventory(inventory))
    workers = [site.inventory.hosts[host] for host in site.inventory.groups.get("worker", ())]
    instances = [str(host.variables[INSTANCE]["instance_id"]) for host in workers if INSTANCE in host.variables]
    if not instances or len(instances) < len(workers):
        raise InvalidInput(
            f"no instance is to join {name}" if not workers else "only instances of EC2 can join a cluster of EKS",
            next_step=f"Tag instances with KubernetesCluster = {name} and clusterbook.io/role = worker.",
        )
    roles = eks.roles_of(cloud, instances)
    return Joining(plane, site, roles, eks.not_let_in(cloud, plane, roles) if plane.entries else ())


def _site(plane: ControlPlane, path: Path) -> Site:
    """The hosts of an inventory, with what EKS says of the cluster in place of a store."""
    brought = supplied(None)
    if not brought:
        raise nothing_says()
    version = str(brought["artifacts"]["kubelet"]["version"])
    _check_version(plane, version)
    address = urlsplit(plane.endpoint)
    written = {"cluster_name": plane.name, "kubernetes_version": version, "service_cidr": plane.service_cidr,
               "api_address": address.hostname, "api_port": address.port or 443,
               "api_server_port": address.port or 443, "api_endpoint_mode": "external"}  # fmt: skip
    plain = {**foreign_variables(written, plane.authority, brought), "aws": {"region": plane.region}}
    vault = open_vault()
    found = load_inventory(path, places.playbook(PLAYBOOK), plain, vault)
    return Site(found, path, open_store(os.environ), plane.name, vault=vault)


def _check_version(plane: ControlPlane, version: str) -> None:
    """A kubelet is as new as the control plane, or at most three versions older."""
    server, kubelet = skew.parsed(f"{plane.version}.0")[:2], skew.parsed(version)[:2]
    if kubelet > server or kubelet[0] != server[0] or kubelet[1] + skew.KUBELETS_BEHIND < server[1]:
        raise InvalidInput(
            f"the mirror has Kubernetes {version}, and {plane.name} is {plane.version}: a kubelet must not be newer, "
            f"nor more than {skew.KUBELETS_BEHIND} versions older",
            next_step=f"Fill the mirror with a Kubernetes {plane.version}: invoke mirror --kubernetes-version VERSION",
        )


def _tell(joining: Joining) -> None:
    plane = joining.plane
    print(f"{plane.name} is Kubernetes {plane.version} at {plane.endpoint}")
    for role in joining.new:
        print(f"  access entry of nodes for {role}")
    if not plane.entries:
        print("It knows no access entries (authenticationMode CONFIG_MAP). Its ConfigMap kube-system/aws-auth must\n"
              f"have in mapRoles, before the hosts join:\n{eks.config_map_lines(joining.roles)}", end="")  # fmt: skip


def _end(joining: Joining, code: int, yes: bool, as_json: bool) -> int:
    """What is told last, and the exit code."""
    if not yes and code == 0 and joining.new:
        code = EXIT_CHANGES
    hosts = joining.site.inventory.groups["worker"]
    if as_json:
        print_json_line("eks-join", {
            "cluster": joining.plane.name, "endpoint": joining.plane.endpoint, "roles": list(joining.roles),
            "let_in": list(joining.new), "hosts": list(hosts), "joined": yes and code == 0,
        })  # fmt: skip
    elif yes and code == 0:
        plane = joining.plane
        say(f"{plural(len(hosts), 'host')} joined {plane.name}, ready when its network add-on runs there:\n"
            f"  invoke eks-kubeconfig {plane.name} --region {plane.region} && kubectl get nodes")  # fmt: skip
    elif code == EXIT_CHANGES:
        print(f"Nothing has been done. To do it: {with_yes(f'eks-join {joining.plane.name}')}")
    return code
