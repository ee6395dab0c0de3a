"""docs/chaos.md, made of the last reports under docs/reports/."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.lab.long_forms import commit

ROOT = Path(__file__).parents[2]
REPORTS = ROOT / "docs" / "reports"
FAULTS, KILLS, LIFE = (REPORTS / f"{name}.json" for name in ("chaos", "kills", "life"))
PAGE = ROOT / "docs" / "chaos.md"
_HEAD = """\
# What users notice when something breaks
Written from `docs/reports/chaos.json`, `kills.json` and `life.json` beside it, the last runs of `make chaos` and
`make soak`. Each raises a cluster of three control planes and one worker, or two, on lab hosts that share the cores of
one machine.

"""
_FAULTS = """\
## Faults of hosts, networks and programs
Each fault is brought about once, on a host that chance chooses (seed {seed}). Meanwhile `invoke probe` reads, writes
and watches through the API's address, and asks a workload's page at a worker's port, each ten times a second. A request
that fails is tried once more at once; one
that fails twice is a failure. After each fault the cluster must be well again without help (`validate-cluster`), and
no write that was acknowledged may be gone. A power cut ends all that a host runs at once; what its programs wrote is
kept, as the kernel that hosts of a lab share goes on. When one program is killed, no request may fail, unless it is the
proxy on the host that holds the API's address: connections are refused until it is back.

When a host, the network or the leader of etcd goes without a word, requests that are under way wait until the others
have noticed, and some fail: etcd elects another leader 2.5 to 5 s after the last word of the old one
(`etcd_election_milliseconds`), and the API's address moves after 3 to 4 s (VRRP, RFC 5798).

- **failed**: requests of all kinds that failed twice, of how many.
- **gap**: the longest time without a good answer to a read, a write, a request for the page, or without an event by
  which the watch told of a write.
- **well after**: seconds from the end of the fault until API, etcd, nodes and system pods are well.

Measured on {date}, on {cores} cores.

| fault | host | failed | gap of reads | gap of writes | gap of events | gap of pages | writes lost | well after |
|---|---|---|---|---|---|---|---|---|
"""
_KILLS = """
## The local process killed
Each of these operations is started, killed with -9 after seconds that chance chooses, and started again
until it was killed often enough; then it runs to its end. After that the cluster must be well, nothing may be left
to do, every host must be as its roles promise (`verify`), and no write that was acknowledged meanwhile may be gone
(-: not asked, for there is no API before the first provision, and a restore takes back what was written since). One can
be run alone, here the rotation of authorities: `python -m tests.chaos.kills --only rotate-ca --write`.

Measured on {cores} cores: killed {kills} times.

| operation | on | killed after, s | ended before it was killed | writes lost |
|---|---|---|---|---|
"""
_LIFE = """
## A whole life
One cluster of three control planes and two workers goes through every operation in a row. At each stop it must be well,
nothing may be left to do, every host must be as its roles promise (`verify`), and what people use Kubernetes for must
work (`verify --acceptance`); in the end hosts must be as bare ones with the same packages. The prober asks as above;
no request may fail twice, but in a restore, for which the API goes away (-: not asked).

Measured on {date}, on {cores} cores.

| stop | seconds of the operation | failed | gap of reads | gap of writes | gap of events | gap of pages |
|---|---|---|---|---|---|---|
"""


def publish(report: Path, found: Mapping[str, Any]) -> None:
    """Write what a run found, with its day and machine, and the page anew."""
    report.parent.mkdir(exist_ok=True)
    document = {"date": f"{datetime.now(UTC):%Y-%m-%d}", "commit": commit(), "cores": os.cpu_count(), **found}
    report.write_text(json.dumps(document, indent=1) + "\n")
    PAGE.write_text(made())


def with_others(
    report: Path, rows: str, key: str, order: Sequence[str], now: Sequence[Mapping[str, Any]]
) -> list[Mapping[str, Any]]:  # fmt: skip
    """The rows of a report in that order of their keys: those of now, and of others those of their last run."""
    kept = json.loads(report.read_text())[rows] if report.exists() else []
    found = {one[key]: one for one in [*kept, *now]}
    return [found[name] for name in order if name in found]


def made() -> str:
    """The page."""
    return _HEAD + _part(FAULTS, _FAULTS, "faults", _fault) + _part(KILLS, _KILLS, "operations", _operation) + _part(
        LIFE, _LIFE, "stops", _stop)  # fmt: skip


def _part(report: Path, head: str, rows: str, row: Any) -> str:
    if not report.exists():
        return ""
    document = json.loads(report.read_text())
    return head.format_map(document) + "".join(row(one) for one in document[rows])


def _fault(one: Mapping[str, Any]) -> str:
    failed, *gaps = _noticed(one["records"])
    well = "never" if one["well_after"] is None else f"{one['well_after']:.0f} s"
    return (f"| {one['fault']} | {one['host']} | {failed} | {' | '.join(gaps)} "
            f"| {one['records']['write'].get('lost', '?')} | {well} |\n")  # fmt: skip


def _operation(one: Mapping[str, Any]) -> str:
    moments = ", ".join(f"{after:g}" for after in sorted(one["moments"]))
    lost = "-" if one["lost"] is None else one["lost"]
    return f"| {one['operation']} | {one['date']} | {moments} | {one['early']} | {lost} |\n"


def _stop(one: Mapping[str, Any]) -> str:
    noticed = _noticed(one["records"]) if one["records"] else ["-"] * 5
    return f"| {one['name']} | {one['seconds']:.0f} | {' | '.join(noticed)} |\n"


def _noticed(records: Mapping[str, Any]) -> list[str]:
    """What the prober's records say: failures, the longest gap of reads, of writes, of events and of pages."""
    failed, asked = (sum(int(record[what]) for record in records.values()) for what in ("failed", "asked"))
    kinds = ("read", "write", "watch", "page")
    gaps = [records[kind]["longest_gap_seconds"] if kind in records else None for kind in kinds]
    return [f"{failed} of {asked}", *("-" if gap is None else f"{float(gap):.1f} s" for gap in gaps)]
