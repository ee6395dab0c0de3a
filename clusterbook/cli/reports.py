"""Tasks on earlier runs: list them, show one again, write it as a page or for other programs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from invoke.context import Context

from clusterbook import journal
from clusterbook.cli import places
from clusterbook.cli.boundary import command
from clusterbook.cli.runs import SELECTION_HELP
from clusterbook.cli.screen import console, plural, print_json, print_table
from clusterbook.cluster.store import Store, open_store
from clusterbook.errors import InvalidInput
from clusterbook.report.choose import Report
from clusterbook.report.history import history
from clusterbook.report.html import page
from clusterbook.report.junit import junit as junit_document
from clusterbook.report.machine import JsonLines
from clusterbook.report.plain import PlainReport
from clusterbook.report.style import Style
from clusterbook.schema import suggestion

SHOWN_RUNS = 15


@command(
    word="show",
    help={
        "cluster": "only runs of this cluster or inventory (default: of all)",
        "show": "the run to show, also without the option's name; `last` is the newest one",
        "html": "write the run as one HTML page into this file",
        "junit": "write the run as JUnit XML into this file",
        "diff": "show the lines that changed in files",
        "json": "the list as JSON; with --show the run's events, one a line",
        "verbose": SELECTION_HELP["verbose"],
    }
)
def report(
    _: Context, cluster: str = "", show: str | None = None, html: str = "", junit: str = "", diff: bool = False,
    json_: bool = False, verbose: bool = False,
) -> None:  # fmt: skip
    """List the last runs, show one of them again, or write it as a page.

    Example: invoke report
    Example: invoke report last --diff
    Example: invoke report --html run.html
    """
    store = open_store(os.environ)
    known = known_runs(store, cluster)
    if show or html or junit:
        events = journal.read(_directory(store, show or "last", known))
        if html:
            places.write(Path(html), page(history(events)))
        if junit:
            places.write(Path(junit), junit_document(history(events)))
        if not (html or junit):
            _replay(events, Style(json=json_, diff=diff, verbose=verbose))
        return
    rows = [_summary(run, name, store.local_directory(f"{name}/runs/{run}"))
            for run, name in list(known.items())[-SHOWN_RUNS:]]  # fmt: skip
    if json_:
        print_json(rows)
    elif not rows:
        print("no runs yet")
    else:
        titles = ("RUN", "OF", "PLAYBOOK", "KIND", "SECONDS", "RESULT")
        print_table(titles, [list({**row, "seconds": f"{row['seconds']:.1f}"}.values()) for row in rows])


def known_runs(store: Store, cluster: str) -> dict[str, str]:
    """Run -> the cluster or inventory that it was of, the oldest first; of all when no cluster is named."""
    found = {}
    for name in [cluster] if cluster else store.folders():
        for file in store.names(f"{name}/runs"):
            if file.endswith("/events.jsonl"):
                found[Path(file).parent.name] = name
    return dict(sorted(found.items()))


def _directory(store: Store, run: str, known: Mapping[str, str]) -> Path:
    if run == "last" and known:
        run = list(known)[-1]
    if run not in known:
        newest = ", ".join(list(known)[-5:]) or "none"
        raise InvalidInput(
            f"there is no run {run!r}{suggestion(run, known)}", next_step=f"The last runs are: {newest}."
        )
    return store.local_directory(f"{known[run]}/runs/{run}")


def _replay(events: list[dict[str, Any]], style: Style) -> None:
    """The events again, as plain lines (there is nothing live about them)."""
    plan = any(event.get("check") for event in events if event["type"] == "run")
    if style.json:
        sink: Report = JsonLines(console().file)
    else:
        sink = PlainReport(console(), style.diff, style.verbose, plan)
    for event in events:
        sink.event(event)
    sink.close()


def _summary(run: str, name: str, directory: Path) -> dict[str, Any]:
    found = history(journal.read(directory))
    changed = sum(counts["changed"] for counts in found.counts.values())
    lost = sum(1 for counts in found.counts.values() if counts["unreachable"])
    failed = sum(1 for counts in found.counts.values() if counts["failed"] and not counts["unreachable"])
    result = f"{changed} changed" if found.outcome in ("changed", "nothing to do", "changes pending") else found.outcome
    wrong = {"failed": failed, "unreachable": lost}
    result = ", ".join(f"{plural(number, 'host')} {what}" for what, number in wrong.items() if number) or result
    kind = "plan" if found.check else "run"
    playbook = Path(found.facts.get("playbook", "?")).stem
    return {"run": run, "of": name, "playbook": playbook, "kind": kind, "seconds": found.seconds, "result": result}
