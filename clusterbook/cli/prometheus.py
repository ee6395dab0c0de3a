"""The task that opens Prometheus's page on this machine."""

from __future__ import annotations

import os
import sys

from invoke.context import Context

from clusterbook.cli import browser
from clusterbook.cli.boundary import command
from clusterbook.cli.cluster import TARGET_HELP
from clusterbook.cli.logs import setting
from clusterbook.cli.site import Site, open_site, with_evaluated_connection
from clusterbook.cli.use import ssh_argv
from clusterbook.errors import InvalidInput
from clusterbook.model import Host
from clusterbook.schema.names import suggestion

PORT = 9090


@command(help={**TARGET_HELP, "port": "port of this machine to open it on", "no_browser": browser.HELP})
def prometheus(_: Context, inventory: str = "", cluster: str = "", port: int = PORT, no_browser: bool = False) -> None:
    """Open the cluster's Prometheus in a browser, until Ctrl-C.

    It goes through ssh, because Prometheus answers its own host alone.

    Example: invoke prometheus
    Example: invoke prometheus --inventory aws --port 9000
    """
    if not 0 < port < 65536:
        raise InvalidInput(f"{port} is no port", next_step="Choose one from 1 to 65535, such as --port 9090.")
    found = server(open_site(inventory, cluster, looking=True))
    there = setting(found, "prometheus_port") or str(PORT)
    argv = ssh_argv(with_evaluated_connection(found), [])
    way = ["-N", "-o", "ExitOnForwardFailure=yes", "-L", f"127.0.0.1:{port}:127.0.0.1:{there}"]
    print(f"http://127.0.0.1:{port}/  until Ctrl-C")
    sys.stdout.flush()
    browser.show(port, not no_browser)
    os.execvp("ssh", [argv[0], *way, *argv[1:]])  # noqa: S606


def server(site: Site) -> Host:
    """The host that keeps the measurements. InvalidInput, with what to do, when there is none."""
    hosts = site.inventory.hosts
    planes = site.inventory.groups.get("control_plane", ())
    first = hosts[planes[0]] if planes else next(iter(hosts.values()))
    if setting(first, "prometheus") not in ("True", "true"):
        raise InvalidInput("nothing keeps a history of what this cluster measures",
                           next_step="Set prometheus: true in cluster.yaml (invoke edit-cluster), "
                           "then: invoke provision. What is used now: invoke top")  # fmt: skip
    name = setting(first, "prometheus_host") or first.name
    if name not in hosts:
        raise InvalidInput(f"prometheus_host is {name!r}, and the inventory has no such host{suggestion(name, hosts)}",
                           next_step=f"Hosts are: {', '.join(hosts)}.")  # fmt: skip
    return hosts[name]
