"""The task that watches a cluster's API from outside while something is done to it."""

from __future__ import annotations

import contextlib
import time

from invoke.context import Context

from clusterbook.cli.boundary import command
from clusterbook.cli.clusters import CLUSTER_HELP, open_chosen
from clusterbook.cli.screen import print_json, print_table, stage
from clusterbook.cli.validation import seconds as seconds_of
from clusterbook.cluster.kubeconfig import ensure_kubeconfig
from clusterbook.cluster.probe import Probe, Renewed
from clusterbook.errors import EXIT_FAILED, InvalidInput

COLUMNS = ("ASKED FOR", "TIMES", "RETRIED", "FAILED", "LONGEST GAP", "LOST", "ERRORS")


@command(
    help={
        "cluster": CLUSTER_HELP,
        "duration": "ask for so long, such as 90s or 10m (default: until Ctrl-C)",
        "every": "seconds between two requests of a kind",
        "page": "also ask for this page of a workload, such as http://10.77.0.21:30080/",
        "json": "show the result as JSON",
    }
)
def probe(
    _: Context, cluster: str = "", duration: str = "", every: float = 0.1, page: str = "", json_: bool = False
) -> int:
    """Ask the API all the time, and tell what failed and for how long.

    Reads, writes and a watch through the cluster's address. Exit status 1 when a request failed twice in a row.

    Example: invoke probe --duration 30s
    Example: invoke probe --page http://10.77.0.21:30080/ --json
    """
    if not every > 0:
        raise InvalidInput(f"--every {every:g} is no time between requests", next_step="Give seconds, such as 0.1.")
    limit = seconds_of(duration) if duration else float("inf")
    opened = open_chosen(cluster)
    asking = Probe(Renewed(ensure_kubeconfig(opened)), every, page)
    if json_:
        _watch(asking, limit)
    else:
        with stage("probe") as shown:
            _watch(asking, limit)
            shown.result = f"{asking.failed} requests failed" if asking.failed else "every request was answered"
    _show(asking, json_)
    return EXIT_FAILED if asking.failed else 0


def _watch(asking: Probe, limit: float) -> None:
    """Until the time is over or the person ends it."""
    end = time.monotonic() + limit
    with asking.running(), contextlib.suppress(KeyboardInterrupt):
        while time.monotonic() < end:
            time.sleep(min(0.2, max(0.0, end - time.monotonic())))


def _show(asking: Probe, as_json: bool) -> None:
    found = {kind: record.described() for kind, record in asking.records.items()}
    if as_json:
        print_json(found)
        return
    print_table(COLUMNS, [
        (kind, one["asked"], one["retried"], one["failed"], f"{one['longest_gap_seconds']:.2f} s",
         one.get("lost", ""), "; ".join(f"{count} x {words}" for words, count in one["errors"].items()))
        for kind, one in found.items()
    ])  # fmt: skip
