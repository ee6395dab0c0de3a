"""Tasks for people who use a running cluster."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from invoke.context import Context

from clusterbook.cli.boundary import command
from clusterbook.cli.clusters import CLUSTER_HELP, open_chosen
from clusterbook.cli.screen import print_json, print_table
from clusterbook.cluster.kube import Kubectl, open_kubectl
from clusterbook.cluster.kubeconfig import ensure_kubeconfig, server_url

CLUSTER = {"cluster": CLUSTER_HELP}
JSON = {"json": "show the result as JSON"}


@command(help={**CLUSTER, **JSON, "export": "show a line for the shell: eval $(invoke kubeconfig --export)"})
def kubeconfig(_: Context, cluster: str = "", export: bool = False, json_: bool = False) -> None:
    """Write the administrator's kubeconfig (a certificate of 30 days, renewed here) and show its path.

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
    """Run kubectl, of the cluster's own version, on the cluster: its words come after `--`.

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


@command(help={**CLUSTER, **JSON})
def cluster_info(_: Context, cluster: str = "", json_: bool = False) -> None:
    """Show the cluster's address, versions and nodes.

    Example: invoke cluster-info
    """
    opened = open_chosen(cluster)
    program = open_kubectl(opened)
    nodes = _nodes(program)
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


def _nodes(program: Kubectl) -> list[dict[str, str]]:
    return [_node(item) for item in program.json("get", "nodes")["items"]]


def _node(item: Mapping[str, Any]) -> dict[str, str]:
    """One node object as a row. Roles are labels by Kubernetes' own convention."""
    prefix = "node-role.kubernetes.io/"
    metadata, status = item["metadata"], item["status"]
    ready = any(one["type"] == "Ready" and one["status"] == "True" for one in status["conditions"])
    roles = sorted(label.removeprefix(prefix) for label in metadata.get("labels", {}) if label.startswith(prefix))
    return {
        "name": metadata["name"],
        "state": "Ready" if ready else "NotReady",
        "roles": ",".join(roles),
        "address": next((one["address"] for one in status["addresses"] if one["type"] == "InternalIP"), ""),
        "version": status["nodeInfo"]["kubeletVersion"],
        "runtime": status["nodeInfo"]["containerRuntimeVersion"],
    }
