"""What the hosts' processors did while a cluster was raised: by role of the playbook, and by program.

`python -m bench.profile [--lab bench]` makes the hosts bare, raises the cluster once and prints both. Seconds of
processor hardly depend on what else the machine does, seconds of the clock do: on a busy machine read these.
"""

from __future__ import annotations

import argparse
import sys
import time
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

from bench import measure, processes, timeline
from bench.cluster import CACHE, Bench, set_up
from bench.table import table
from clusterbook.journal import read as read_journal
from clusterbook.lab.spec import LabSpec

INTERVAL = 0.2
# Readings: (seconds since the begin, processor seconds by host).
Readings = list[tuple[float, Mapping[str, float]]]


@contextmanager
def readings(spec: LabSpec) -> Iterator[Readings]:
    """Read every host's processor time again and again while the block runs."""
    found: Readings = []
    ended, began = Event(), time.monotonic()

    def watch() -> None:
        while not ended.wait(INTERVAL):
            found.append((time.monotonic() - began, measure.hosts_cpu(spec)))

    watcher = Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield found
    finally:
        ended.set()
        watcher.join()
        found.append((time.monotonic() - began, measure.hosts_cpu(spec)))


def by_role(found: Readings, spans: Sequence[timeline.Span], offset: float) -> dict[tuple[str, str], dict[str, float]]:
    """Processor seconds of each host while a role's steps ran there, services that run beside them included.

    offset: seconds from the begin of the readings to the begin of the run, whose clock the spans have.
    """
    sums: dict[tuple[str, str], dict[str, float]] = {}
    for span in spans:
        begin, end = (_at(found, span.host, offset + moment) for moment in (span.end - span.seconds, span.end))
        hosts = sums.setdefault((span.play, span.role), {})
        hosts[span.host] = hosts.get(span.host, 0.0) + end - begin
    return sums


def _at(found: Readings, host: str, moment: float) -> float:
    """Processor seconds of a host at a moment, between the two readings around it."""
    times = [reading[0] for reading in found]
    after = min(max(1, bisect_left(times, moment)), len(found) - 1)
    (first, before), (second, later) = found[after - 1], found[after]
    share = min(1.0, max(0.0, (moment - first) / max(second - first, 1e-9)))
    return before[host] + share * (later[host] - before[host])


def by_step(
    found: Readings, spans: Sequence[timeline.Span], offset: float, number: int = 20
) -> list[tuple[str, str, float]]:
    """The steps that took most of the hosts' processors, all hosts together."""
    sums: dict[tuple[str, str], float] = {}
    for span in spans:
        begin, end = (_at(found, span.host, offset + moment) for moment in (span.end - span.seconds, span.end))
        sums[span.role, span.name] = sums.get((span.role, span.name), 0.0) + end - begin
    return sorted(((role, name, cpu) for (role, name), cpu in sums.items()), key=lambda row: -row[2])[:number]


def profile(bench: Bench, again: bool = False) -> str:
    """Raise the cluster once, watched; the tables as text. again: on the cluster that is there."""
    if not again:
        bench.bare()
    with processes.sampled(bench.spec) as programs, readings(bench.spec) as found:
        sample = bench.command("profiled provision", "provision")
    events = read_journal(bench.last_run())
    spans = timeline.spans(events)
    # The run's clock starts after the command line has been read and the playbook compiled.
    offset = max(0.0, sample.seconds - max(float(event["time"]) for event in events))
    roles = [(play, role, max(hosts.values()), sum(hosts.values()))
             for (play, role), hosts in by_role(found, spans, offset).items()]  # fmt: skip
    top = sorted(programs.items(), key=lambda item: -item[1])[:16]
    seen = sum(programs.values())
    return "\n\n".join([
        f"{sample.seconds:.1f} s; processors: hosts {sample.hosts_cpu:.1f} s, here {sample.cpu:.1f} s",
        table(("play", "role", "most on one host, CPU s", "all hosts, CPU s"), roles),
        table(("role", "step", "all hosts, CPU s"), by_step(found, spans, offset)),
        table(("program", "CPU s"), [*top, ("shorter than a sample", sample.hosts_cpu - seen)]),
        timeline.describe(events),
    ])  # fmt: skip


def main(arguments: list[str]) -> int:
    """Print the profile of one run."""
    parser = argparse.ArgumentParser(prog="python -m bench.profile", description=__doc__)
    parser.add_argument("--lab", default="bench", help="name of the lab; made when absent")
    parser.add_argument("--again", action="store_true", help="provision the cluster that is there once more")
    options = parser.parse_args(arguments)
    text = profile(Bench(set_up(options.lab), CACHE / options.lab), options.again)
    Path(CACHE / options.lab / "profile.txt").write_text(text + "\n")
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
