"""The task that names what is wrong with a cluster and why."""

from __future__ import annotations

import json
import secrets
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from invoke.context import Context

from clusterbook.cli import certs, hosts
from clusterbook.cli.boundary import command
from clusterbook.cli.cluster import TARGET_HELP
from clusterbook.cli.kubectl import open_kubectl
from clusterbook.cli.screen import plural, print_json, say, stage
from clusterbook.cli.site import Site, connected, expected, open_site, the_cluster
from clusterbook.cli.supplying import refuse_not_up
from clusterbook.cluster import health, questions, support
from clusterbook.cluster.certificates import reading_command
from clusterbook.cluster.cluster import Cluster
from clusterbook.cluster.doctor import of_hosts, of_objects
from clusterbook.cluster.doctor.causes import CAUSES, Diagnosis, in_order
from clusterbook.cluster.doctor.host import COMMANDS, look
from clusterbook.cluster.health import Finding
from clusterbook.cluster.verification.shell import RootShell
from clusterbook.errors import EXIT_DONE, EXIT_FAILED, EXIT_UNREACHABLE, Failed
from clusterbook.model import Host
from clusterbook.report.called import as_called

SECONDS = 20.0
_LETTERS = 320


@dataclass(frozen=True)
class Answer:
    """What one host said, and when it was asked: seconds since 1970, before and after."""

    asked: tuple[float, float]
    printed: bytes
    certificates: bytes


@dataclass(frozen=True)
class Seen:
    """What was found. also: what is not well besides, by the checks of validate-cluster."""

    found: Sequence[Diagnosis]
    also: Sequence[Finding]

    @property
    def exit_code(self) -> int:
        """1 when anything is wrong, 4 when that is only a host that cannot be reached."""
        if not self.found and not self.also:
            return EXIT_DONE
        only = bool(self.found) and all(one.cause == "host-unreachable" for one in self.found)
        return EXIT_UNREACHABLE if only and not self.also else EXIT_FAILED


@command(help={**TARGET_HELP, "json": "show the result as JSON"})
def doctor(_: Context, inventory: str = "", cluster: str = "", json_: bool = False) -> int:
    """Name what is wrong with a cluster, and why.

    Looks at every host (clock, disks, units and their logs, ports, certificates, etcd, the way to the API) and at the
    API's objects, and names causes, the more fundamental first: mend them from above, and look again. Nothing is
    changed. Exit status 0: nothing found, 1: something is wrong, 4: only hosts that cannot be reached.

    Example: invoke doctor --inventory lab
    Example: invoke doctor --json
    """
    site = open_site(inventory, cluster, looking=True)
    opened = the_cluster(site)
    refuse_not_up(site.lab)
    with stage("doctor", sys.stderr if json_ else sys.stdout) as shown:
        asked = f"{plural(len(site.inventory.hosts), 'host')} and the API"
        if shown.live:
            shown.say(f"asking {asked}")
        seen = _clean(opened, examine(site))
        shown.result = f"{asked} asked: {plural(len(seen.found), 'cause')} found"
    if json_:
        print_json(as_data(opened.name, seen))
    else:
        show(seen)
    return seen.exit_code


def examine(site: Site) -> Seen:
    """Ask hosts and the API at once; what does not answer is a finding and hides nothing of the rest."""
    marker = f"=== {secrets.token_hex(16)}"
    with ThreadPoolExecutor(2) as executor:
        asking = executor.submit(hosts.at_once, site.inventory.hosts, lambda host: _asked(host, marker))
        findings, objects = _of_cluster(site)
        answers = asking.result()
    found = [Diagnosis("host-unreachable", name, why, f"Look at its console; try: invoke ssh {name}")
             for name, why in hosts.unread(answers).items()]  # fmt: skip
    told = {name: answer for name, answer in answers.items() if isinstance(answer, Answer)}
    found += of_hosts.diagnose(_hosts(site, told, marker, api_well=objects is not None))
    found += [] if objects is None else of_objects.diagnose(objects)
    found += _of_etcd(findings)
    return Seen(in_order(found), _unexplained(findings, found))


def show(seen: Seen) -> None:
    """The screen."""
    if not seen.found and not seen.also:
        say("  nothing is wrong that this looks for; deeper: invoke verify")
        return
    for number, one in enumerate(seen.found, 1):
        print(f"\n{number}. {CAUSES[one.cause]}: {one.where}\n   seen  {one.seen}\n   next  {as_called(one.next_step)}")
    if seen.also:
        print("\nAlso not well, perhaps because of it:" if seen.found else "\nNot well, for no reason known here:")
        for each in seen.also:
            print(f"   {each.what} {each.subject}: {each.detail}")
    if not seen.found:
        say("  next: invoke support-bundle gathers logs for somebody who helps")


def as_data(cluster: str, seen: Seen) -> dict[str, Any]:
    """For machines."""
    return {
        "cluster": cluster, "well": seen.exit_code == EXIT_DONE,
        "causes": [{**vars(one), "title": CAUSES[one.cause]} for one in seen.found],
        "also_not_well": [{"what": one.what, "subject": one.subject, "detail": one.detail} for one in seen.also],
    }  # fmt: skip


def _asked(host: Host, marker: str) -> Answer:
    """The clock first and alone, so that what takes long does not make it look wrong."""
    clock = questions.script(marker, {"clock": COMMANDS["clock"]})
    rest = questions.script(marker, {name: command for name, command in COMMANDS.items() if name != "clock"})
    shell = RootShell(connected(host))
    try:
        before = time.time()
        printed = hosts.output(shell, clock)
        after = time.time()
        return Answer((before, after), printed + hosts.output(shell, rest), hosts.output(shell, reading_command()))
    finally:
        shell.close()


def _hosts(site: Site, told: Mapping[str, Answer], marker: str, api_well: bool) -> of_hosts.Hosts:
    opened = the_cluster(site)
    groups = {name: host.groups for name, host in site.inventory.hosts.items()}
    looks = [look(name, groups[name], one.asked, marker, one.printed) for name, one in told.items()]
    read = certs.every(site, opened.authorities, {name: one.certificates for name, one in told.items()})
    return of_hosts.Hosts(looks, read, opened.spec.complete, datetime.now(UTC), api_well)


def _of_cluster(site: Site) -> tuple[list[Finding], of_objects.Objects | None]:
    """What validate-cluster would say, and the objects; none while the API does not answer."""
    opened = the_cluster(site)
    kubectl = open_kubectl(opened)
    findings = health.check(opened, kubectl, expected(site))
    try:
        version = json.loads(kubectl.run("get", "--raw=/version", "--request-timeout=5s", seconds=SECONDS))
        listed = kubectl.json("get", ",".join(of_objects.KINDS), "--all-namespaces", "--request-timeout=15s",
                              seconds=SECONDS)  # fmt: skip
    except Failed:  # the findings say so
        return findings, None
    return findings, of_objects.Objects(
        listed["items"], str(version.get("gitVersion", "")), opened.spec.complete, datetime.now(UTC)
    )


def _of_etcd(findings: Sequence[Finding]) -> list[Diagnosis]:
    members = [one for one in findings if one.what == "etcd"]
    # One that is full is no lost one: it has a cause of its own.
    sick = [one for one in members if not one.healthy and "alarm:" not in one.detail]
    if not sick:
        return []
    well, needed = len(members) - len(sick), len(members) // 2 + 1
    if well < needed:
        step = "Bring members back (the other causes say why they are down), else: invoke restore"
        told = f"{well} of {len(members)} members are well, {needed} are needed: {sick[0].detail}"
        return [Diagnosis("etcd-no-quorum", ", ".join(one.subject for one in sick), told, step)]
    return [Diagnosis("etcd-member-lost", one.subject, one.detail, one.next_step) for one in sick]


def _unexplained(findings: Sequence[Finding], found: Sequence[Diagnosis]) -> list[Finding]:
    """What is not well and is not named by a cause already."""
    named = " ".join(one.where for one in found)
    return [one for one in findings if not one.healthy and one.subject not in named]


def _clean(cluster: Cluster, seen: Seen) -> Seen:
    """What hosts and objects said, without secrets and without letters that a terminal obeys."""
    cleaned = support.cleaner(cluster)

    def clean(text: str) -> str:
        shown = cleaned(text).replace("\n", " ")[:_LETTERS]
        return "".join(letter if letter.isprintable() else "?" for letter in shown)

    found = [replace(one, where=clean(one.where), seen=clean(one.seen), next_step=clean(one.next_step))
             for one in seen.found]  # fmt: skip
    also = [replace(one, subject=clean(one.subject), detail=clean(one.detail)) for one in seen.also]
    return Seen(found, also)
