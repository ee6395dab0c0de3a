"""Instances of EC2 that are booting: waited for until they let us log in."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from clusterbook.cli.screen import plural, stage
from clusterbook.cli.site import Site, connected, refreshed, the_cluster
from clusterbook.errors import Unreachable
from clusterbook.inventory.aws_ec2.hosts import INSTANCE
from clusterbook.model import Host

# How long instances have for their first boot, and a group to start them.
BOOT_SECONDS = 600.0
START_SECONDS = 120.0
ASK_SECONDS = 3.0
AT_ONCE = 16


def booted(
    site: Site, as_json: bool, reach: Callable[[Host], Any] = connected, pause: Callable[[float], None] = time.sleep
) -> Site:  # fmt: skip
    """The site of a run on EC2, where it has new instances with those that are on their way.

    Who does not answer in time is left to the run, which says why; others are not waited for.
    """
    young = [left for host in site.inventory.hosts.values() if (left := boot_seconds_left(host)) > 0]
    if not young:
        return site
    wanted = wanted_hosts(the_cluster(site).spec.complete["aws"])
    with stage("hosts", sys.stderr if as_json else sys.stdout) as shown:
        for count, seconds in ((wanted, min(START_SECONDS, *young)), (0, max(young))):
            with suppress(Unreachable):
                site = answering(site, count, lambda text: shown.say(text, urgent=False), seconds, reach, pause,
                                 lambda host: boot_seconds_left(host) > 0)  # fmt: skip
                break
        shown.result = plural(len(site.inventory.hosts), "host")
    return site


def boot_seconds_left(host: Host) -> float:
    """How long an instance may still take for its first boot; 0 where it should be over, or nobody knows."""
    launched = host.variables.get(INSTANCE, {}).get("launched", "")
    if not launched:
        return 0.0
    return max(0.0, BOOT_SECONDS - (datetime.now(UTC) - datetime.fromisoformat(launched)).total_seconds())


def wanted_hosts(aws: Mapping[str, Any]) -> int:
    """How many instances there are at least: a group's minimum is its count unless it says another one."""
    workers = (int(group["minimum"]) for group in aws["worker_groups"])
    masters: int = aws["control_plane"]["count"]
    return masters + sum(workers) + ("bastion" in aws)


def answering(
    site: Site, wanted: int, say: Callable[[str], None], seconds: float = BOOT_SECONDS,
    reach: Callable[[Host], Any] = connected, pause: Callable[[float], None] = time.sleep,
    whom: Callable[[Host], bool] = lambda host: True,
) -> Site:  # fmt: skip
    """The site with so many hosts, each of which lets us log in. Raises Unreachable when the time is over.

    whom: says which hosts are tried.
    """
    reached: set[str] = set()
    deadline = time.monotonic() + seconds
    while True:
        site = refreshed(site)
        hosts = site.inventory.hosts
        silent = {name: host for name, host in hosts.items() if name not in reached and whom(host)}
        errors = _reached(silent, reach)
        reached |= set(silent) - set(errors)
        if not errors and len(hosts) >= wanted:
            return site
        if time.monotonic() >= deadline:
            raise _absent(len(hosts), wanted, errors, seconds)
        say(f"{len(reached & set(hosts))} of {plural(wanted, 'host')} answer")
        pause(ASK_SECONDS)


def _reached(hosts: Mapping[str, Host], reach: Callable[[Host], Any]) -> dict[str, Unreachable]:
    def one(host: Host) -> Unreachable | None:
        try:
            reach(host).close()
        except Unreachable as error:
            return error
        return None

    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = dict(zip(hosts, pool.map(one, hosts.values()), strict=True))
    return {name: error for name, error in found.items() if error is not None}


def _absent(count: int, wanted: int, errors: Mapping[str, Unreachable], seconds: float) -> Unreachable:
    if not errors:
        message = f"EC2 runs {count} of {wanted} hosts after {seconds:g} s"
        return Unreachable(message, next_step="Look at the groups' activities in EC2, then run the command again.")
    name, error = next(iter(errors.items()))
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return Unreachable(f"{name}{more} does not answer after {seconds:g} s: {error.message}",
                       next_step=error.next_step or "Run the same command again when it does.")  # fmt: skip
