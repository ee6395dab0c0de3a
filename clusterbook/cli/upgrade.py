"""The task that brings a running cluster to another version of Kubernetes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial

from invoke.context import Context

from clusterbook.cli import backups, places, runs, upgradable
from clusterbook.cli.boundary import command
from clusterbook.cli.cluster import TARGET_HELP, keep_joining
from clusterbook.cli.kubectl import open_kubectl
from clusterbook.cli.runs import SELECTION_HELP, Order
from clusterbook.cli.screen import plural, print_json_line, print_table, say, without_check
from clusterbook.cli.site import Site, open_site, the_cluster
from clusterbook.cli.upgradable import Turn, check_known, site_at, versions_of
from clusterbook.cli.validation import nodes_of
from clusterbook.cluster import skew, upgrades
from clusterbook.compile import Selection
from clusterbook.errors import EXIT_CHANGES, EXIT_DONE
from clusterbook.report.style import Style

PLAYBOOK = "upgrade"


@command(help={
    **TARGET_HELP, "to": "the version, such as 1.37.2 (those that there are: invoke artifacts)",
    "check": SELECTION_HELP["check"],
    "workers-at-a-time": "how many workers are emptied and changed at a time (default: 1)",
    "drain-seconds": "time for a node's pods to go elsewhere (default: 300)",
    "gate-seconds": "time for a component to become well with its new program (default: 45)",
    "at": backups.AT_HELP, "without-backup": "take no backup before",
    "ignore-removed-apis": "go on though an API is in use that the version has no more",
    "json": "one event a line as JSON, what was done as the last line (with --check: the turns as the first)",
    "verbose": SELECTION_HELP["verbose"],
})  # fmt: skip
def upgrade(
    _: Context, to: str, inventory: str = "", cluster: str = "", check: bool = False, workers_at_a_time: int = 1,
    drain_seconds: int = 300, gate_seconds: int = 45, at: str = "", without_backup: bool = False,
    ignore_removed_apis: bool = False, json_: bool = False, verbose: bool = False,
) -> int:  # fmt: skip
    """Bring a running cluster to another version of Kubernetes.

    One control plane after another, then the workers. Refused, before a host is touched, where Kubernetes does not go
    from the one version to the other, something is not well, or an API is in use that the new version has no more.
    Then a backup is taken. A host that is not well with its new programs gets the old ones back by itself, and no host
    after it is begun. Run again after an error, it goes on where it stopped.

    Example: invoke upgrade --to 1.37.2 --check
    Example: invoke upgrade --to 1.37.2 --inventory lab --workers-at-a-time 2
    """
    check_known(to)
    playbook, style = places.playbook(PLAYBOOK), Style(json=json_, verbose=verbose, plan=check)
    site = open_site(inventory, cluster, playbook=playbook)
    kubectl = open_kubectl(the_cluster(site))
    resumed = upgrades.refuse_another(site.store, site.name, to)
    live = versions_of(site, kubectl, to, partial(_say, style), resumed=resumed, any_api=ignore_removed_apis)
    if live and skew.at(live, to) and not resumed:
        _say(style, f"Every node has {to} already.")
        return EXIT_DONE
    future = site_at(site, playbook, to)
    given = {"workers_at_a_time": workers_at_a_time, "upgrade_drain_seconds": drain_seconds,
             "upgrade_gate_seconds": gate_seconds}  # fmt: skip
    order = Order(playbook, Selection(check=check, extra_variables=given), style)
    if check:
        _foretell(upgradable.turns(site, live, workers_at_a_time), to, style)
        code = runs.run(future, order)
        if code == EXIT_CHANGES:
            _say(style, f"Nothing has been done. To do it: {without_check(f'upgrade --to {to}')}")
        return code
    if not resumed:
        code = EXIT_DONE if without_backup else _backup(site, at, style)
        if code != EXIT_DONE:
            return code
        upgrades.begin(site.store, site.name, to, datetime.now(UTC))
    code = runs.run(future, order)
    if code == EXIT_DONE:
        upgrades.end(site.store, site.name, to)
        keep_joining(future, order)
    _tell(nodes_of(kubectl), to, code, style)
    return code


def _backup(site: Site, at: str, style: Style) -> int:
    store = backups.store_at(site.store, at)
    taken = backups.take(site, store, style)
    if isinstance(taken, int):
        return taken
    _say(style, f"backup   {taken.id}: {backups.about(taken)} in {store.address}")
    return EXIT_DONE


def _foretell(turns: Sequence[Turn], to: str, style: Style) -> None:
    """What each host will see, before the steps that say it in detail."""
    if style.json:
        print_json_line("upgrade", {"to": to, "check": True, "turns": [asdict(one) for one in turns]})
        return
    print_table(("TURN", "HOST", "ROLE", "NOW"), [(one.turn, one.host, one.role, one.version or "?") for one in turns])
    print(f"In its turn a node's pods go to other nodes, where any take them. Then these are restarted with {to},")
    print("one after another, each when the one before is well:")
    print(f"  {', '.join(upgradable.CONTROLS)} (control planes)")
    print(f"  {', '.join(upgradable.ON_EVERY_NODE)} (every node)")
    print(f"A turn begins when the one before it is well. A host that has the programs of {to} is left alone.\n")


def _tell(rows: Sequence[dict[str, str]], to: str, code: int, style: Style) -> None:
    left = [one["name"] for one in rows if one["version"] != f"v{to}"]
    if style.json:
        print_json_line("upgrade", {"to": to, "done": code == EXIT_DONE, "nodes": list(rows), "left": left})
        return
    print()
    print_table(("NODE", "ROLE", "STATE", "VERSION"),
                [(one["name"], one["roles"], one["state"], one["version"]) for one in rows])  # fmt: skip
    if code == EXIT_DONE:
        print(f"upgraded  {plural(len(rows), 'node')} to {to}; the cluster's configuration says so from now on")
    else:
        print(f"stopped  not at {to} yet: {', '.join(left) or 'see above'}")
        say(f"  next: when the cause is gone, run it again: invoke upgrade --to {to}")


def _say(style: Style, words: str) -> None:
    if not style.json:
        print(words)
