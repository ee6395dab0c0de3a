"""What one command costs: seconds, processor time and memory here, processor time on the hosts of a lab."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Timer

from bench import memory
from bench.processes import TICK, stat
from clusterbook.lab import cgroups
from clusterbook.lab.record import group
from clusterbook.lab.spec import LabSpec

PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True)
class Cost:
    """One command's cost. cpu: seconds of processor here; hosts: cpu by host.

    peak: bytes that all its processes had at one time; of the largest one where this machine counts no groups.
    """

    seconds: float
    cpu: float
    peak: int
    exit_code: int
    hosts: Mapping[str, float] = field(default_factory=dict)
    output: str = ""

    @property
    def hosts_cpu(self) -> float:
        """Seconds of processor on all hosts together."""
        return sum(self.hosts.values())


def run(
    argv: Sequence[str], environment: Mapping[str, str], log: Path, spec: LabSpec | None = None, most: float = 0.0
) -> Cost:
    """Run a command to its end, its output into a file. All that it has started counts with it: what it waited for, and
    what it left behind, as the fork server of worker processes.

    most: seconds after which it is ended with all that it has started (exit code -9); 0 waits as long as it takes.
    """
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    earlier = _children()
    before = hosts_cpu(spec) if spec else {}
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output, memory.counted() as group:
        started = time.monotonic()
        process = subprocess.Popen(
            group.around(argv), env=dict(environment), stdin=subprocess.DEVNULL, stdout=output,
            stderr=subprocess.STDOUT, process_group=0 if most else None,
        )  # fmt: skip
        ender = Timer(most, os.killpg, (process.pid, signal.SIGKILL))
        if most:
            ender.start()
        # wait4 gives what the kernel counted; Popen would wait without it.
        _, status, usage = os.wait4(process.pid, 0)
        ender.cancel()
        seconds = time.monotonic() - started
        left = sum(_spent(child) for child in _children() - earlier)
    process.returncode = os.waitstatus_to_exitcode(status)
    after = hosts_cpu(spec) if spec else {}
    spent = {name: round(after[name] - before.get(name, 0.0), 3) for name in after}
    return Cost(
        seconds, usage.ru_utime + usage.ru_stime + left, group.most or usage.ru_maxrss * 1024, process.returncode,
        spent, log.read_text(errors="replace"),
    )  # fmt: skip


def _children() -> set[int]:
    """The processes below this one, also those that it has adopted (prctl(2), PR_SET_CHILD_SUBREAPER).

    What serves a light host is none of them: sshd(8) gives each connection a session of its own (credentials(7)).
    """
    own = [str(os.getpid()), str(os.getsid(0))]
    processes = (int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal())
    return {process for process in processes if (fields := stat(process)[1]) and [fields[1], fields[3]] == own}


def _spent(process: int) -> float:
    """Seconds of processor of a process, also one that has ended, and of those that it waited for."""
    return sum(int(ticks) for ticks in stat(process)[1][11:15]) / TICK


def hosts_cpu(spec: LabSpec) -> dict[str, float]:
    """Seconds of processor that each host's processes have taken since it booted."""
    return {host.name: _cpu(group(spec.name, host.name)) for host in spec.hosts}


def _cpu(name: str) -> float:
    """Seconds of a control group with all below it; the ones of processes that have ended count."""
    for hierarchy in cgroups.mounted():
        directory = hierarchy.path / name
        if hierarchy.version == 1 and "cpuacct" in hierarchy.options and directory.is_dir():
            return int((directory / "cpuacct.usage").read_text()) / 1e9
        if hierarchy.version == 2 and (directory / "cpu.stat").is_file() and not cgroups.legacy(cgroups.mounted()):
            words = (directory / "cpu.stat").read_text().split()
            return int(words[words.index("usage_usec") + 1]) / 1e6
    return 0.0
