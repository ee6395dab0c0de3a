"""Which programs on the hosts took the processors: sampled while something is measured.

What no sample saw, programs that lived shorter than the interval and the last moments of all others, is the
difference to the hosts' whole time (`measure.hosts_cpu`).
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

from clusterbook.lab import cgroups
from clusterbook.lab.record import group
from clusterbook.lab.spec import LabSpec

TICK = os.sysconf("SC_CLK_TCK")
SECONDS = 0.3


@contextmanager
def sampled(spec: LabSpec, interval: float = SECONDS) -> Iterator[Mapping[str, float]]:
    """Seconds of processor by program, all hosts together; complete when the block ends."""
    found: dict[str, float] = defaultdict(float)
    begun, seen, ended = _look(spec), dict[int, tuple[str, float]](), Event()

    def watch() -> None:
        while not ended.wait(interval):
            seen.update(_look(spec))

    watcher = Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield found
    finally:
        ended.set()
        watcher.join()
        seen.update(_look(spec))
        for process, (name, seconds) in seen.items():
            found[name] += seconds - begun.get(process, (name, 0.0))[1]


def _look(spec: LabSpec) -> dict[int, tuple[str, float]]:
    """Every process of the hosts: its program, its own seconds."""
    found = {}
    for process in (number for host in spec.hosts for number in processes(spec, host.name)):
        name, fields = stat(process)
        if fields:
            found[process] = (name, seconds(fields))
    return found


def stat(process: int) -> tuple[str, list[str]]:
    """The program of a process, and what proc_pid_stat(5) tells from the state on: nothing of one that is gone."""
    try:
        text = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return "", []
    return text[text.index("(") + 1 : text.rindex(")")], text[text.rindex(")") + 2 :].split()


def seconds(fields: list[str]) -> float:
    """Seconds of processor that a process has taken, by what stat() tells of it."""
    return sum(int(ticks) for ticks in fields[11:13]) / TICK


def status(process: int) -> dict[str, str]:
    """What proc_pid_status(5) tells, such as VmRSS: nothing of one that is gone."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return {}
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def processes(spec: LabSpec, host: str) -> Iterator[int]:
    """Numbers of the processes of a host."""
    hierarchy = next(one for one in cgroups.mounted() if one.version == 2 or "cpuacct" in one.options)
    for folder, _, files in os.walk(hierarchy.path / group(spec.name, host)):
        if "cgroup.procs" in files:
            try:
                yield from (int(word) for word in (Path(folder) / "cgroup.procs").read_text().split())
            except OSError:
                continue
