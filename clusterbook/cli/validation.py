"""The task that tells whether a whole cluster is well, and its screen: groups, nodes, failures."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from invoke.context import Context

from clusterbook.cli.boundary import command
from clusterbook.cli.cluster import TARGET_HELP
from clusterbook.cli.kubectl import open_kubectl
from clusterbook.cli.screen import plural, print_json, print_table, say, stage
from clusterbook.cli.site import Site, expected, open_site, refreshed, the_cluster
from clusterbook.cli.supplying import refuse_not_up
from clusterbook.cluster import health
from clusterbook.cluster.artifacts.catalog import load as load_catalog
from clusterbook.cluster.health import Finding
from clusterbook.cluster.instance_groups import InstanceGroup, instance_groups, judge
from clusterbook.cluster.kube import Kubectl
from clusterbook.cluster.nodes import nodes
from clusterbook.errors import Failed, InvalidInput
from clusterbook.inventory.aws_ec2.hosts import INSTANCE

_DURATION = re.compile(r"(\d+)(s|m|h)?")
_SECONDS = {None: 1, "s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True)
class Validation:
    """All that was seen of a cluster. groups: of EC2 alone; nodes: none while the API does not answer."""

    cluster: str
    findings: tuple[Finding, ...]
    groups: tuple[InstanceGroup, ...] = ()
    nodes: tuple[dict[str, str], ...] = ()

    @property
    def sick(self) -> list[Finding]:
        """What is not well."""
        return [one for one in self.findings if not one.healthy]


@command(
    help={
        **TARGET_HELP,
        "wait": "wait so long until all is well, such as 90s or 10m",
        "json": "show the result as JSON",
    }
)
def validate_cluster(
    _: Context, inventory: str = "", cluster: str = "", wait: str = "0s", json_: bool = False
) -> int:
    """Ask whether a cluster is well: instances, API, etcd, nodes, pods, DNS.

    Exit status 1 when something is not.

    Example: invoke validate-cluster --wait 10m
    Example: invoke validate-cluster --inventory aws --cluster demo.k8s.local
    """
    site = open_site(inventory, cluster, looking=True)
    refuse_not_up(site.lab)
    seen = look(site, seconds(wait), json_)
    if json_:
        print_json(as_data(seen))
    else:
        show(seen)
    return 1 if seen.sick else 0


def look(site: Site, limit: float, as_json: bool) -> Validation:
    """Look until all is well or the time is over."""
    with stage("cluster", sys.stderr if as_json else sys.stdout) as shown:
        found = tuple(wait_until_well(site, limit, lambda text: shown.say(text, urgent=False)))
        sick = [one for one in found if not one.healthy]
        shown.result = f"{len(sick)} of {len(found)} findings not well" if sick else "well"
    opened = the_cluster(site)
    return Validation(opened.name, found, tuple(groups_of(refreshed(site))), nodes_of(open_kubectl(opened)))


def as_data(seen: Validation) -> dict[str, Any]:
    """For machines."""
    return {
        "cluster": seen.cluster, "ready": not seen.sick, "groups": [asdict(one) for one in seen.groups],
        "nodes": list(seen.nodes), "findings": [asdict(one) for one in seen.findings],
    }  # fmt: skip


def show(seen: Validation) -> None:
    """The screen of a validation."""
    if seen.groups:
        print("\nINSTANCE GROUPS")
        rows = [(one.name, one.role, ",".join(one.machine_types), one.minimum, one.maximum, one.running,
                 ",".join(one.zones)) for one in seen.groups]  # fmt: skip
        print_table(("NAME", "ROLE", "MACHINETYPE", "MIN", "MAX", "RUNNING", "ZONES"), rows)
    if seen.nodes:
        print("\nNODE STATUS")
        known = [(one["name"], one["roles"], one["state"] == "Ready", one["version"]) for one in seen.nodes]
        print_table(("NAME", "ROLE", "READY", "VERSION"), known)
    if seen.sick:
        print("\nFAILURES")
        show_failures(seen.findings)
        return
    counts = Counter(one.what for one in seen.findings)
    print(f"\nCluster {seen.cluster} is ready: {', '.join(plural(count, what) for what, count in counts.items())}.")


def show_failures(found: Sequence[Finding]) -> None:
    """What is not well as a table, then what to do about it."""
    sick = [one for one in found if not one.healthy]
    print_table(("KIND", "NAME", "MESSAGE"), [(one.what, one.subject, one.detail) for one in sick])
    for step in dict.fromkeys(one.next_step for one in sick if one.next_step):
        say(f"  next: {step}")


def wait_until_well(site: Site, limit: float, say: Callable[[str], None]) -> list[Finding]:
    """Look at the cluster until it is well or the time is over. say: told what is not well yet.

    Who should be there is asked anew for each look where a cloud lists the hosts.
    """
    opened = the_cluster(site)
    kubectl = open_kubectl(opened)
    image = load_catalog().image("busybox").reference  # agnhost has no shell

    def look() -> list[Finding]:
        found = findings_of(site, kubectl)
        if all(finding.healthy for finding in found):
            found += health.dns(kubectl, image, str(opened.spec.complete["cluster_domain"]))
        return found

    def tell(sick: Sequence[Finding]) -> None:
        say(f"waiting for {', '.join(f'{one.what} {one.subject}' for one in sick[:4])}")

    return health.wait(look, limit, tell)


def findings_of(site: Site, kubectl: Kubectl) -> list[Finding]:
    """What one look at the cluster finds that leaves no trace in it: groups, API, etcd, nodes, system pods."""
    opened, now = the_cluster(site), refreshed(site)
    groups = [judge(group, opened.name) for group in groups_of(now)]
    return [*groups, *health.check(opened, kubectl, expected(now))]


def groups_of(site: Site) -> list[InstanceGroup]:
    """The groups of a cluster on EC2; none elsewhere."""
    opened = the_cluster(site)
    instances = [host.variables[INSTANCE] for host in site.inventory.hosts.values() if INSTANCE in host.variables]
    if not opened.spec.on_ec2 or (site.inventory.hosts and not instances):
        return []
    return instance_groups(opened.spec.complete["aws"], instances)


def seconds(text: str) -> float:
    """'90', '90s', '10m' or '1h' in seconds."""
    found = _DURATION.fullmatch(text.strip())
    if not found:
        raise InvalidInput(f"{text!r} is not a time", next_step="Write it like 90s, 10m or 1h.")
    return float(found.group(1)) * _SECONDS[found.group(2)]


def nodes_of(program: Kubectl) -> tuple[dict[str, str], ...]:
    """The nodes; none while the API does not answer."""
    try:
        return tuple(nodes(program))
    except Failed:  # the findings say so
        return ()
