"""The task that hands out secrets for people."""

from __future__ import annotations

import sys

from invoke.context import Context

from clusterbook.cli.boundary import command
from clusterbook.cli.clusters import CLUSTER_HELP, open_chosen
from clusterbook.cli.kubectl import open_kubectl
from clusterbook.cli.screen import plural, print_json, print_table
from clusterbook.cluster import tokens
from clusterbook.cluster.kubeconfig import server_url


@command(
    word="name",
    help={
        "name": "which one, such as kube/admin; without it, what there is",
        "cluster": CLUSTER_HELP,
        "json": "show the result as JSON",
    },
)
def get_secrets(_: Context, name: str | None = None, cluster: str = "", json_: bool = False) -> None:
    """List the secrets that you can ask for, or make one and show it.

    A token is good for an hour and kept nowhere; nothing but it is written to standard output.

    Example: invoke get-secrets
    Example: invoke get-secrets kube/admin
    """
    if not name:
        if json_:
            print_json([{"name": one, "purpose": purpose} for one, purpose in tokens.PURPOSES.items()])
        else:
            print_table(("NAME", "WHAT IT IS"), list(tokens.PURPOSES.items()))
        return
    opened = open_chosen(cluster)
    token = tokens.token(open_kubectl(opened), name)
    if json_:
        print_json({"name": name, "token": token, "hours": tokens.HOURS, "server": server_url(opened)})
        return
    print(token, flush=True)
    sys.stderr.write(f"good for {plural(tokens.HOURS, 'hour')}, at {server_url(opened)}\n")
