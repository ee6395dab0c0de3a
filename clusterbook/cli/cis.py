"""The task that holds every host against the CIS benchmark."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from invoke.context import Context

from clusterbook.cli import hosts, places
from clusterbook.cli.boundary import command
from clusterbook.cli.cluster import TARGET_HELP
from clusterbook.cli.extra_variables import PROVISIONED_HELP, extra_variables
from clusterbook.cli.screen import plural, print_json, print_table, say
from clusterbook.cli.site import Site, connected, open_site, overridden
from clusterbook.cluster.cis.controls import BENCHMARK, Control, controls
from clusterbook.cluster.cis.judge import Judge
from clusterbook.cluster.verification.backend import testhost
from clusterbook.cluster.verification.shell import RootShell
from clusterbook.cluster.verification.subjects import Subject, subjects
from clusterbook.errors import EXIT_DONE, EXIT_FAILED, EXIT_UNREACHABLE

Wrong = dict[str, dict[str, str]]
"""host -> control's id -> what is wrong there; only controls that the host was judged by, well ones with ''."""


@dataclass(frozen=True)
class Row:
    """What came of a control on all its hosts."""

    control: Control
    result: str
    hosts: Sequence[str]
    why: str


@command(
    iterable=["extra_vars"],
    help={
        **TARGET_HELP,
        **PROVISIONED_HELP,
        "automated": "only controls that the benchmark itself calls automated",
        "json": "show the result as JSON",
    },
)
def cis(
    _: Context, inventory: str = "", cluster: str = "", extra_vars: Sequence[str] | None = None,
    automated: bool = False, json_: bool = False,
) -> int:  # fmt: skip
    """Compare every host with the CIS Kubernetes benchmark.

    Sections 1 to 4: files, their modes and owners, and the arguments of running programs. A control that is not wanted
    has a waiver and its reason. Nothing is changed. Exit status 0: all pass or have a waiver, 1: one fails, 4: a host
    could not be reached.

    Example: invoke cis --inventory lab
    Example: invoke cis --automated --json
    """
    site = overridden(open_site(inventory, cluster, looking=True), extra_variables(extra_vars or ()))
    chosen = [each for each in controls() if each.automated or not automated]
    found, unread = _judged(site, chosen)
    rows = [_row(control, found) for control in chosen]
    if json_:
        print_json({"benchmark": BENCHMARK, "controls": [_form(row, found) for row in rows], "unread": unread})
    else:
        _show(rows, unread)
    failed = any(row.result == "FAIL" for row in rows)
    return EXIT_FAILED if failed else EXIT_UNREACHABLE if unread else EXIT_DONE


def _judged(site: Site, chosen: Sequence[Control]) -> tuple[Wrong, dict[str, str]]:
    """What is wrong on each host, and why those that could not be asked could not."""
    everybody = subjects(site.inventory.hosts, site.inventory.groups, places.brought() / "roles")
    answers = hosts.at_once({each.name: each for each in everybody}, lambda each: _host(each, chosen))
    return {name: found for name, found in answers.items() if isinstance(found, dict)}, hosts.unread(answers)


def _host(subject: Subject, chosen: Sequence[Control]) -> dict[str, str]:
    shell = RootShell(connected(subject.host))
    try:
        judge = Judge(testhost(subject.name, shell), subject.variables)
        return {
            each.id: judge.wrong(each) for each in chosen if not each.waiver and subject.concerns(each.groups, "")
        }
    finally:
        shell.close()


def _row(control: Control, found: Wrong) -> Row:
    if control.waiver:
        return Row(control, "waiver", (), control.waiver)
    asked = [name for name, judged in found.items() if control.id in judged]
    bad = [name for name in asked if found[name][control.id]]
    if bad:
        return Row(control, "FAIL", bad, found[bad[0]][control.id])
    return Row(control, "pass" if asked else "no host", asked, control.note)


def _show(rows: Sequence[Row], unread: Mapping[str, str]) -> None:
    shown = [(row.control.id, row.control.title, hosts.named(row.hosts), row.result, row.why) for row in rows]
    print_table(("control", "what", "hosts", "result", ""), shown)
    count = {result: sum(row.result == result for row in rows) for result in ("pass", "FAIL", "waiver", "no host")}
    alone = f", {count['no host']} without a host" if count["no host"] else ""
    print(f"\n{BENCHMARK}: {plural(len(rows), 'control')}, {count['pass']} pass, {count['FAIL'] or 'none'} failed, "
          f"{count['waiver'] or 'none'} with a waiver{alone}")  # fmt: skip
    if count["FAIL"]:
        say("  next: invoke drift says what somebody changed; invoke provision makes it as the playbooks want it")
    for host, why in unread.items():
        print(f"not read {host}: {why}", file=sys.stderr)


def _form(row: Row, found: Wrong) -> dict[str, object]:
    one = row.control
    wrong = {name: judged[one.id] for name, judged in found.items() if judged.get(one.id)}
    return {"id": one.id, "title": one.title, "automated": one.automated, "result": row.result.lower(),
            "hosts": list(row.hosts), "why": row.why, "wrong": wrong}  # fmt: skip
