"""The task that checks every host, and what other tasks use of it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import IO

from invoke.context import Context

from clusterbook.cli import places
from clusterbook.cli.boundary import command, describe
from clusterbook.cli.cluster import TARGET_HELP
from clusterbook.cli.extra_variables import PROVISIONED_HELP, extra_variables
from clusterbook.cli.screen import plural, print_json, say_aside, stage
from clusterbook.cli.site import Site, connected, open_site, overridden, the_cluster
from clusterbook.cluster.acceptance import command as acceptance_tests
from clusterbook.cluster.verification.command import Verified
from clusterbook.cluster.verification.command import verify as verify_hosts
from clusterbook.errors import EXIT_DONE, EXIT_FAILED, EXIT_UNREACHABLE, Unreachable


@command(
    iterable=["extra_vars"],
    help={
        **TARGET_HELP,
        **PROVISIONED_HELP,
        "acceptance": "also try on the running cluster what people use Kubernetes for (a few minutes)",
        "only": "only checks whose name contains this, such as a role's name",
        "json": "show the result as JSON",
    }
)
def verify(
    _: Context, inventory: str = "", cluster: str = "", acceptance: bool = False, only: str = "",
    extra_vars: Sequence[str] | None = None, json_: bool = False,
) -> int:  # fmt: skip
    """Check every host: units, ports, files, certificates, versions.

    Exit status 1 when a check failed, 4 when only a host could not be reached.

    Example: invoke verify --inventory lab
    Example: invoke verify --inventory lab --acceptance
    """
    given = extra_variables(extra_vars or ())
    site = overridden(open_site(inventory, cluster), given)
    if json_:
        found = verified(site, only)
        unasked = {name: describe(error) for name, error in found.unasked.items()}
        print_json({"passed": found.passed, "failed": found.failed, "unasked": unasked, "report": found.text})
    else:
        found = show_verified(site, only)
    if acceptance and found.well:
        sys.stdout.flush()
        return acceptance_tests.run(the_cluster(site).name, ["-k", only] if only else [], sys.stderr if json_ else None)
    return exit_code(found)


def exit_code(found: Verified) -> int:
    """As for a run: failed checks weigh more than hosts that could not be reached."""
    if found.well:
        return EXIT_DONE
    only_unreached = not found.failed and all(isinstance(error, Unreachable) for error in found.unasked.values())
    return EXIT_UNREACHABLE if found.unasked and only_unreached else EXIT_FAILED


def show_verified(site: Site, only: str = "", output: IO[str] | None = None) -> Verified:
    """Check every host and show one line, and what failed."""
    with stage("verify", output) as shown:
        if shown.live:
            shown.say(f"checking {plural(len(site.inventory.hosts), 'host')}")
        found = verified(site, only)
        words = f"{found.failed} of {found.passed + found.failed} checks failed" if found.failed else ""
        hosts = plural(len(site.inventory.hosts) - len(found.unasked), "host")
        shown.result = words or f"{plural(found.passed, 'check')} on {hosts} passed"
    if found.text:
        print(found.text, file=output or sys.stdout)
    for name, error in found.unasked.items():
        say_aside(f"not asked {name}: {error.message}\n  next: {error.next_step}")
    return found


def verified(site: Site, only: str = "") -> Verified:
    """Run the verify files of all roles on the hosts of a site."""
    options = ["-k", only] if only else []
    folder = places.brought() / "roles"
    return verify_hosts(site.inventory.hosts, site.inventory.groups, folder, connected, options)
