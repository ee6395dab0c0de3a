"""The task that shows on one screen how a cluster is: what other tasks ask, asked at once; nothing is changed."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from datetime import UTC, datetime
from io import StringIO
from typing import Any

from invoke.context import Context

from clusterbook.cli import certs, hosts, places, runs, status_screen, validation
from clusterbook.cli.backups import AT_HELP, store_at
from clusterbook.cli.boundary import command
from clusterbook.cli.cluster import TARGET_HELP
from clusterbook.cli.drift import order_of
from clusterbook.cli.kubectl import open_kubectl
from clusterbook.cli.runs import Order
from clusterbook.cli.screen import plural, print_json, stage
from clusterbook.cli.site import Site, open_site, the_cluster
from clusterbook.cli.status_screen import SeenHost, Status
from clusterbook.cli.supplying import refuse_not_up
from clusterbook.cluster import backups
from clusterbook.cluster.certificates import reading_command
from clusterbook.cluster.health import Finding
from clusterbook.compile import Plan
from clusterbook.errors import (
    EXIT_CHANGES,
    EXIT_DONE,
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_UNREACHABLE,
    ClusterbookError,
    InvalidInput,
)

_SYSTEM = "system "
QUESTION = f"""echo "{_SYSTEM}$(sed -n 's/^PRETTY_NAME=//p' /etc/os-release 2>/dev/null | tr -d '"')"
{reading_command()}"""
MOST_LETTERS = 60
# The first that something ended with is how all of it ends.
WORST_FIRST = (EXIT_INTERRUPTED, EXIT_FAILED, EXIT_UNREACHABLE, EXIT_CHANGES, EXIT_DONE)


@command(
    iterable=["extra_vars"],
    help={
        **TARGET_HELP,
        "days": "tell of certificates that end within this many days, or within half of their life where that is less",
        "at": AT_HELP,
        "drift": "also look for what is no longer as the playbooks made it, as invoke drift does",
        "extra-vars": "for --drift, those that the hosts were provisioned with: NAME=VALUE, YAML or @FILE",
        "json": "show the result as JSON",
    },
)
def status(
    _: Context, inventory: str = "", cluster: str = "", days: int = 30, at: str = "", drift: bool = False,
    extra_vars: Sequence[str] | None = None, json_: bool = False,
) -> int:  # fmt: skip
    """Show on one screen how the cluster is.

    Hosts, nodes, components, certificates, the last backup. What does not answer is named, and hides nothing of the
    rest. Nothing is changed. Exit status 1: something is not well or could not be asked, 4: only that a host could not
    be reached, 2: only a certificate that wants care, or drift.

    Example: invoke status --inventory lab
    Example: invoke status --drift --json
    """
    certs.refuse_negative(days)
    if extra_vars and not drift:
        raise InvalidInput("--extra-vars is for --drift alone", next_step="Add --drift, or leave it out.")
    site = open_site(inventory, cluster, looking=not drift, playbook=places.playbook("site") if drift else None)
    the_cluster(site)
    refuse_not_up(site.lab)
    order = order_of(site, "", extra_vars, json_) if drift else None
    plan = runs.prepare(site, order) if order else None
    with stage("status", sys.stderr if json_ else sys.stdout) as shown:
        asked = f"{plural(len(site.inventory.hosts), 'host')} and the cluster"
        if shown.live:
            shown.say(f"asking {asked}")
        seen = look(site, at, days)
        shown.result = f"{asked} asked"
    return _tell(site, seen, json_, order, plan)


def look(site: Site, at: str, days: int) -> Status:
    """Ask hosts, cluster and store at once; what could not be asked is part of the answer."""
    opened = the_cluster(site)
    with ThreadPoolExecutor(2) as executor:
        asking = executor.submit(hosts.ask, site.inventory.hosts.values(), QUESTION)
        findings, nodes, lost = _of_cluster(site)
        answers = asking.result()
    found = certs.every(site, opened.authorities, answers)
    seen = tuple(_host(name, host.groups, answers[name]) for name, host in site.inventory.hosts.items())
    last, unread = _last_backup(site, at)
    errors = {f"host {name}": answer for name, answer in answers.items() if isinstance(answer, ClusterbookError)}
    unasked = {**errors, **lost, **unread}
    return Status(opened, datetime.now(UTC), days, seen, nodes, findings, tuple(found), last, unasked)


def exit_code(seen: Status, drifted: int = EXIT_DONE) -> int:
    """The worst of what was seen. drifted: how the look for drift ended."""
    found = {drifted}
    found |= {EXIT_UNREACHABLE if one.exit_code == EXIT_UNREACHABLE else EXIT_FAILED for one in seen.unasked.values()}
    if seen.sick:
        found.add(EXIT_FAILED)
    if seen.careful:
        found.add(EXIT_CHANGES)
    return next(code for code in WORST_FIRST if code in found)


def _tell(site: Site, seen: Status, as_json: bool, order: Order | None, plan: Plan | None) -> int:
    if not as_json:
        status_screen.show(seen, drift_follows=order is not None)
        return exit_code(seen, runs.carry_out(site, order, plan).exit_code(True) if order and plan else EXIT_DONE)
    drifted, code = None, EXIT_DONE
    if order and plan:
        with redirect_stdout(StringIO()) as written:
            code = runs.carry_out(site, order, plan).exit_code(True)
        drifted = json.loads(written.getvalue())
    print_json({**status_screen.as_data(seen), "drift": drifted})
    return exit_code(seen, code)


def _of_cluster(site: Site) -> tuple[tuple[Finding, ...], tuple[dict[str, str], ...], dict[str, ClusterbookError]]:
    """What is found, the nodes, and why the cluster could not be asked at all."""
    try:
        kubectl = open_kubectl(the_cluster(site))
        found = tuple(validation.findings_of(site, kubectl))
    except ClusterbookError as error:
        return (), (), {"cluster": error}
    silent = any(one.what == "node" and not one.healthy and one.subject == "all" for one in found)
    return found, () if silent else validation.nodes_of(kubectl), {}


def _host(name: str, groups: Sequence[str], answer: bytes | ClusterbookError) -> SeenHost:
    roles = tuple(group for group in groups if group != "all")
    if isinstance(answer, ClusterbookError):
        return SeenHost(name, roles, answer.exit_code != EXIT_UNREACHABLE)
    line = answer.decode("utf-8", "replace").partition("\n")[0].removeprefix(_SYSTEM).strip()
    shown = "".join(letter if letter.isprintable() else "?" for letter in line)
    return SeenHost(name, roles, True, shown[:MOST_LETTERS])


def _last_backup(site: Site, at: str) -> tuple[backups.Backup | None, dict[str, Any]]:
    try:
        known = backups.every(store_at(site.store, at), site.name)
    except ClusterbookError as error:
        return None, {"backups": error}
    return (known[-1] if known else None), {}
