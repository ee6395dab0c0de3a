"""The task that searches what containers wrote."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from invoke.context import Context

from clusterbook import source
from clusterbook.cli import places
from clusterbook.cli.boundary import command
from clusterbook.cli.cluster import TARGET_HELP
from clusterbook.cli.screen import plural
from clusterbook.cli.site import Site, connected, evaluate, open_site, the_cluster
from clusterbook.cluster.logs.query import Question, ask, check, moment
from clusterbook.errors import InvalidInput
from clusterbook.execute.events import harmless
from clusterbook.model import Host
from clusterbook.schema.names import suggestion

NAMESPACE = "default"


@command(
    help={
        **TARGET_HELP, "namespace": "namespace of the pods (default: default)",
        "pod": "a pod's name, or how names begin", "container": "name of a container",
        "since": "from then on: 10m, 2h, 3d ago, or a time such as 2026-11-26T09:30:00Z",
        "until": "up to then, written in the same way", "grep": "regular expression (of Python) that a line must have",
        "follow": "go on with what is written from now on, until Ctrl-C",
        "limit": "only this many of the newest lines (default: all)",
        "json": "show each line as a JSON document of its own",
    },
)  # fmt: skip
def logs(
    _: Context, namespace: str = NAMESPACE, pod: str = "", container: str = "", since: str = "", until: str = "",
    grep: str = "", follow: bool = False, limit: int = 0, inventory: str = "", cluster: str = "",
    json_: bool = False,
) -> None:  # fmt: skip
    """Search what containers wrote, on every node, also of pods that are gone.

    The search runs on the aggregator (`logging_agent` of cluster.yaml); only what matches comes here, in the order in
    which it reached the aggregator. A line that an agent sent twice is shown once.

    Example: invoke logs --namespace shop --since 10m --grep 'timeout|refused'
    Example: invoke logs --namespace kube-system --pod coredns --follow
    """
    site = open_site(inventory, cluster, looking=True)
    the_cluster(site)
    now = time.time()
    host = aggregator(site)
    question = Question(namespace, folder(site, host), pod, container, moment("--since", since, now),
                        moment("--until", until, now), grep, follow, limit)  # fmt: skip
    check(question)
    answer, shown = ask(lambda: connected(host), question), 0
    for record in answer.records:
        print(json.dumps(record) if json_ else written(record), flush=follow)
        shown += 1
    if not shown:
        print(f"no line matches; {plural(answer.counts.get('lines', 0), 'line')} looked at", file=sys.stderr)
    if unreadable := answer.counts.get("unreadable"):
        print(f"{plural(unreadable, 'line')} could not be understood", file=sys.stderr)


def aggregator(site: Site) -> Host:
    """The host that keeps the lines. InvalidInput, with what to do, when there is none."""
    hosts = site.inventory.hosts
    planes = site.inventory.groups.get("control_plane", ())
    first = hosts[planes[0]] if planes else next(iter(hosts.values()))
    if setting(first, "logging_agent") == "none":
        raise InvalidInput("nothing brings this cluster's logs together",
                           next_step="Set logging_agent: rsyslog in cluster.yaml (invoke edit-cluster), "
                           "then: invoke provision. One pod's own: invoke kubectl -- logs POD")  # fmt: skip
    name = setting(first, "logging_host") or first.name
    if name not in hosts:
        raise InvalidInput(f"logging_host is {name!r}, and the inventory has no such host{suggestion(name, hosts)}",
                           next_step=f"Hosts are: {', '.join(hosts)}.")  # fmt: skip
    return hosts[name]


def setting(host: Host, name: str) -> str:
    """A variable of the host, evaluated; empty when nothing sets it."""
    return str(evaluate(host, host.variables[name])) if name in host.variables else ""


def folder(site: Site, host: Host) -> str:
    """Where the aggregator keeps lines."""
    defaults: Any = source.load(places.brought() / "roles" / "logging" / "defaults" / "main.yml")
    return setting(host, "logging_directory") or str(defaults["logging_directory"])


def written(record: dict[str, Any]) -> str:
    """One line for a person: time, pod and container, what was written; nothing in it steers a terminal."""
    where = f"{record.get('pod', '?')}/{record.get('container', '?')}"
    text = str(harmless(f"{record.get('time') or '-'} {where} {record.get('message', '')}"))
    return " ".join(text.splitlines())
