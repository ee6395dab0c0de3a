"""Tasks that tell whether hosts and clusters are right."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import IO

from invoke.context import Context

from clusterbook.cli import places
from clusterbook.cli.boundary import command
from clusterbook.cli.cluster import TARGET_HELP
from clusterbook.cli.extra_variables import extra_variables
from clusterbook.cli.screen import plural, print_json, print_table, stage
from clusterbook.cli.site import Site, connected, expected, open_site, overridden, the_cluster
from clusterbook.cluster import health
from clusterbook.cluster.acceptance import command as acceptance_tests
from clusterbook.cluster.artifacts.catalog import load as load_catalog
from clusterbook.cluster.health import Finding
from clusterbook.cluster.kube import open_kubectl
from clusterbook.cluster.verification.command import Verified
from clusterbook.cluster.verification.command import verify as verify_hosts
from clusterbook.errors import InvalidInput

_DURATION = re.compile(r"(\d+)(s|m|h)?")
_SECONDS = {None: 1, "s": 1, "m": 60, "h": 3600}


@command(
    iterable=["extra_vars"],
    help={
        **TARGET_HELP,
        "extra-vars": "those that the hosts were provisioned with: NAME=VALUE, YAML or @FILE (may be repeated)",
        "acceptance": "also try on the running cluster what people use Kubernetes for (a few minutes)",
        "only": "only checks whose name contains this, such as a role's name",
        "json": "show the result as JSON",
    }
)
def verify(
    _: Context, inventory: str = "lab", cluster: str = "", acceptance: bool = False, only: str = "",
    extra_vars: Sequence[str] | None = None, json_: bool = False,
) -> int:  # fmt: skip
    """Check every host: units, ports, files, certificates, versions.

    Example: invoke verify --inventory lab
    Example: invoke verify --inventory lab --acceptance
    """
    given = extra_variables(extra_vars or ())
    site = overridden(open_site(inventory, cluster), given)
    if json_:
        found = verified(site, only)
        print_json({"passed": found.passed, "failed": found.failed, "report": found.text})
    else:
        found = show_verified(site, only)
    if acceptance and found.well:
        sys.stdout.flush()
        return acceptance_tests.run(the_cluster(site).name, ["-k", only] if only else [])
    return 0 if found.well else 1


def show_verified(site: Site, only: str = "", output: IO[str] | None = None) -> Verified:
    """Check every host and show one line, and what failed."""
    with stage("verify", output) as shown:
        found = verified(site, only)
        words = f"{found.failed} of {found.passed + found.failed} checks failed" if found.failed else ""
        hosts = plural(len(site.inventory.hosts), "host")
        shown.result = words or f"{plural(found.passed, 'check')} on {hosts} passed"
    if not found.well:
        print(found.text, file=output or sys.stdout)
    return found


def verified(site: Site, only: str = "") -> Verified:
    """Run the verify files of all roles on the hosts of a site."""
    options = ["-k", only] if only else []
    folder = places.brought() / "roles"
    return verify_hosts(site.inventory.hosts, site.inventory.groups, folder, connected, options)


@command(
    help={
        **TARGET_HELP,
        "wait": "wait so long until all is well, such as 90s or 10m",
        "json": "show the result as JSON",
    }
)
def validate_cluster(
    _: Context, inventory: str = "lab", cluster: str = "", wait: str = "0s", json_: bool = False
) -> int:
    """Ask whether the cluster is well: API, etcd, nodes, system pods, DNS.

    Exit status 1 when something is not.

    Example: invoke validate-cluster --wait 10m
    """
    site = open_site(inventory, cluster)
    with stage("cluster", sys.stderr if json_ else sys.stdout) as shown:
        found = wait_until_well(site, seconds(wait), lambda text: shown.say(text, urgent=False))
        sick = [finding for finding in found if not finding.healthy]
        shown.result = f"{len(sick)} of {len(found)} findings not well" if sick else "well"
    if json_:
        print_json([asdict(finding) for finding in found])
    else:
        show_findings(found)
    return 1 if sick else 0


def wait_until_well(site: Site, limit: float, say: Callable[[str], None]) -> list[Finding]:
    """Look at the cluster until it is well or the time is over. say: told what is not well yet."""
    opened = the_cluster(site)
    kubectl, hosts = open_kubectl(opened), expected(site)
    image = load_catalog().image("busybox").reference  # agnhost has no shell

    def look() -> list[Finding]:
        found = health.check(opened, kubectl, hosts)
        if all(finding.healthy for finding in found):
            found += health.dns(kubectl, image, str(opened.spec.complete["cluster_domain"]))
        return found

    def tell(sick: Sequence[Finding]) -> None:
        say(f"waiting for {', '.join(f'{one.what} {one.subject}' for one in sick[:4])}")

    return health.wait(look, limit, tell)


def show_findings(found: Sequence[Finding]) -> None:
    """Findings as a table, then what to do about those that are not well."""
    rows = [(one.what, one.subject, "ok" if one.healthy else "NOT WELL", one.detail) for one in found]
    print_table(("WHAT", "SUBJECT", "STATE", "DETAIL"), rows)
    sick = [one for one in found if not one.healthy]
    for step in dict.fromkeys(one.next_step for one in sick if one.next_step):
        print(f"  next: {step}")


def seconds(text: str) -> float:
    """'90', '90s', '10m' or '1h' in seconds."""
    found = _DURATION.fullmatch(text.strip())
    if not found:
        raise InvalidInput(f"{text!r} is not a time", next_step="Write it like 90s, 10m or 1h.")
    return float(found.group(1)) * _SECONDS[found.group(2)]
