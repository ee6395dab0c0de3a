"""Tasks for people who use a running cluster."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from typing import NoReturn

from invoke.context import Context

from clusterbook.cli import places
from clusterbook.cli.boundary import command
from clusterbook.cli.clusters import CLUSTER_HELP, open_chosen
from clusterbook.cli.kubectl import open_kubectl
from clusterbook.cli.screen import print_json, print_table
from clusterbook.cli.site import Site, open_site, value_of, with_evaluated_connection
from clusterbook.cli.supplying import refuse_not_up
from clusterbook.cluster import nodes as known_nodes
from clusterbook.cluster.kube import Kubectl
from clusterbook.cluster.kubeconfig import ensure_kubeconfig, server_url
from clusterbook.model import Host

CLUSTER = {"cluster": CLUSTER_HELP}
JSON = {"json": "show the result as JSON"}


@command(help={**CLUSTER, **JSON, "export": "show a line for the shell: eval $(invoke kubeconfig --export)"})
def kubeconfig(_: Context, cluster: str = "", export: bool = False, json_: bool = False) -> None:
    """Write the administrator's kubeconfig and show its path.

    Its certificate is valid for 30 days and made anew here when it ends soon.

    Example: invoke kubeconfig
    Example: export KUBECONFIG=$(invoke kubeconfig)
    """
    opened = open_chosen(cluster)
    path = ensure_kubeconfig(opened)
    if json_:
        print_json({"cluster": opened.name, "kubeconfig": str(path), "server": server_url(opened)})
    elif export:
        print(f"export KUBECONFIG={shlex.quote(str(path))}")
    else:
        print(path)


@command(help=CLUSTER)
def kubectl(_: Context, cluster: str = "") -> None:
    """Run kubectl on the cluster: its words come after `--`.

    Example: invoke kubectl -- get nodes
    Example: invoke kubectl -- -n kube-system get pods
    """
    become(open_kubectl(open_chosen(cluster)), rest(sys.argv))


def become(program: Kubectl, words: Sequence[str]) -> NoReturn:
    """Turn this process into kubectl, so that its terminal, signals and exit status are its own."""
    sys.stdout.flush()
    os.execve(program.binary, program.argv(*words), dict(program.environment()))  # noqa: S606


def rest(argv: Sequence[str]) -> list[str]:
    """What stands behind the first `--`."""
    words = list(argv)
    return words[words.index("--") + 1 :] if "--" in words else []


@command(
    positional=["node"],
    help={"node": "name of a host in the inventory, or of a node",
          "inventory": places.INVENTORY_HELP, **CLUSTER},
)  # fmt: skip
def ssh(_: Context, node: str, inventory: str = "", cluster: str = "") -> None:
    """Log in to a host, or run a command there: its words come after `--`.

    Example: invoke ssh cp-1
    Example: invoke ssh ip-10-20-32-10 --inventory aws
    Example: invoke ssh cp-1 -- sudo journalctl -u kubelet -n 50
    """
    site = open_site(inventory, cluster, looking=True)
    found = host_of(site, node)
    refuse_not_up(site.lab)
    argv = ssh_argv(with_evaluated_connection(found), rest(sys.argv))
    sys.stdout.flush()
    os.execvp("ssh", argv)  # noqa: S606


def host_of(site: Site, name: str) -> Host:
    """The host of that name, or the one that is the node of that name. InvalidInput when there is none."""
    for host in site.inventory.hosts.values():
        if name == host.name or ("node_name" in host.variables and name == value_of(site, host.name, "node_name")):
            return host
    return site.host(name)


def ssh_argv(host: Host, words: Sequence[str]) -> list[str]:
    """OpenSSH's command line for a host whose connection variables are evaluated."""
    found = host.variables
    options = [*shlex.split(str(found.get("ansible_ssh_common_args", ""))),
               *shlex.split(str(found.get("ansible_ssh_extra_args", "")))]  # fmt: skip
    if key := found.get("ansible_ssh_private_key_file"):
        options += ["-i", str(key)]
    if port := found.get("ansible_port"):
        options += ["-p", str(port)]
    user = f"{found['ansible_user']}@" if "ansible_user" in found else ""
    remote = [shlex.join(words)] if len(words) > 1 else list(words)
    return ["ssh", *options, f"{user}{found.get('ansible_host', host.name)}", *remote]


@command(help={**CLUSTER, **JSON})
def cluster_info(_: Context, cluster: str = "", json_: bool = False) -> None:
    """Show the cluster's address, versions and nodes.

    Example: invoke cluster-info
    """
    opened = open_chosen(cluster)
    program = open_kubectl(opened)
    nodes = known_nodes.nodes(program)
    found = {
        "cluster": opened.name, "server": server_url(opened), "store": opened.store.address,
        "kubernetes": program.json("version")["serverVersion"]["gitVersion"], "nodes": nodes,
    }  # fmt: skip
    if json_:
        print_json(found)
        return
    for name in ("cluster", "kubernetes", "server", "store"):
        print(f"{name:<11} {found[name]}")
    print()
    print_table(("NODE", "STATE", "ROLE", "ADDRESS", "VERSION", "RUNTIME"), [list(row.values()) for row in nodes])
