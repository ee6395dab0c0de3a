"""A control group tree of its own for every host, on either version of control groups.

On version 1 a container shares the root of the machine's controllers, so two kubelets would both own
/kubepods and end each other's pods. Each host is therefore started inside `clusterbook/LAB/HOST/machine`
in every mounted hierarchy, and sees that as its root. `.../supervisor` holds the process that watches it.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from clusterbook.errors import Failed
from clusterbook.records import dataclass

TOP = "clusterbook"
# Version -> the file with a group's weight among its neighbours, what one group weighs by default, and the most it may.
_WEIGHTS = {1: ("cpu.shares", 1024, 262144), 2: ("cpu.weight", 100, 10000)}
_ENTER = 'while [ "$1" != -- ]; do echo 0 >"$1" || exit 1; shift; done; shift; exec "$@"'


@dataclass(frozen=True)
class Hierarchy:
    """One mounted tree of control groups. options: the mount's own, which name a v1 tree's controllers."""

    path: Path
    version: int
    options: frozenset[str]


def parse(mounts: str) -> tuple[Hierarchy, ...]:
    """The hierarchies in a text like /proc/self/mounts, each path once."""
    found: dict[str, Hierarchy] = {}
    for line in mounts.splitlines():
        _, path, kind, options = line.split()[:4]
        if kind in ("cgroup", "cgroup2"):
            version = 2 if kind == "cgroup2" else 1
            found[path] = Hierarchy(Path(path), version, frozenset(options.split(",")))
    return tuple(found.values())


def mounted() -> tuple[Hierarchy, ...]:
    """The hierarchies of this machine."""
    return parse(Path("/proc/self/mounts").read_text())


def legacy(hierarchies: tuple[Hierarchy, ...]) -> bool:
    """Whether the machine's controllers are version 1 (the hybrid layout counts as such)."""
    return any(hierarchy.version == 1 for hierarchy in hierarchies)


def create(group: str, hierarchies: tuple[Hierarchy, ...]) -> None:
    """Make a group, with its parents, in every hierarchy; nothing changes where it exists."""
    pure_v2 = not legacy(hierarchies)
    for hierarchy in hierarchies:
        parent = hierarchy.path
        for part in group.split("/"):
            if pure_v2:
                _delegate(parent)
            child = parent / part
            child.mkdir(exist_ok=True)
            if "cpuset" in hierarchy.options:
                _inherit_cpuset(parent, child)
            parent = child


def weigh(group: str, hosts: int, hierarchies: tuple[Hierarchy, ...]) -> None:
    """Let a lab's group count as so many hosts when processors are short, and all labs together as theirs.

    Without this a lab of ten hosts gets as much as one of two, and all of them as much as one process beside them.
    A group that is gone counts no more.
    """
    for hierarchy in hierarchies:
        name, one, most = _WEIGHTS[hierarchy.version]
        top = hierarchy.path / TOP
        if (hierarchy.path / group / name).exists():
            (hierarchy.path / group / name).write_text(str(min(most, one * hosts)))
        if (top / name).exists():
            (top / name).write_text(str(min(most, sum(_weight(below / name) for below in _below(top)) or one)))


def inside(group: str, hierarchies: tuple[Hierarchy, ...], argv: Sequence[str]) -> list[str]:
    """The command that runs `argv` inside a group of every hierarchy, from its first instruction on.

    A program that is started like this cannot be lost: whoever kills the caller, the group still holds it.
    """
    lists = [str(hierarchy.path / group / "cgroup.procs") for hierarchy in hierarchies]
    return ["sh", "-c", _ENTER, "sh", *lists, "--", *argv]


def members(group: str, hierarchies: tuple[Hierarchy, ...]) -> set[int]:
    """The processes of a group and of all groups below it, in any hierarchy."""
    pids: set[int] = set()
    for hierarchy in hierarchies:
        for directory in _tree(hierarchy.path / group):
            pids.update(_processes(directory))
    return pids


def kill(group: str, hierarchies: tuple[Hierarchy, ...], seconds: float = 60.0) -> None:
    """End every process of a group, our own host's and nobody else's. Raises Failed when some stay."""
    deadline = time.monotonic() + seconds
    while pids := members(group, hierarchies) - {os.getpid()}:
        for pid in pids:
            _end(pid)
        if time.monotonic() > deadline:
            raise Failed(
                f"the processes {sorted(pids)} of the control group {group} do not end",
                next_step="They wait for the kernel, often for a disk or a dead mount; try again later.",
            )
        time.sleep(0.02)


def remove(group: str, hierarchies: tuple[Hierarchy, ...], seconds: float = 5.0) -> None:
    """Remove an empty group with what is below it, then the parents of ours that became empty."""
    deadline = time.monotonic() + seconds
    for hierarchy in hierarchies:
        for directory in reversed(list(_tree(hierarchy.path / group))):
            _remove_directory(directory, deadline)
        parent = (hierarchy.path / group).parent
        while parent != hierarchy.path and parent.is_dir() and not _below(parent):
            _try_remove(parent)
            parent = parent.parent


def _tree(directory: Path) -> Iterator[Path]:
    """A group's directory and those below it, parents first."""
    if directory.is_dir():
        yield directory
        for child in _below(directory):
            yield from _tree(child)


def _below(directory: Path) -> list[Path]:
    """The directories in a group's directory; empty when it vanished meanwhile."""
    try:
        return [Path(entry.path) for entry in os.scandir(directory) if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []


def _processes(directory: Path) -> list[int]:
    """The pids of one group; 0 stands for a process outside of our view and is left out."""
    try:
        return [pid for pid in map(int, (directory / "cgroup.procs").read_text().split()) if pid]
    except OSError:
        return []


def _weight(file: Path) -> int:
    """The weight that a file says; 0 when its group vanished meanwhile."""
    try:
        return int(file.read_text())
    except OSError:
        return 0


def _end(pid: int) -> None:
    """Kill one process that may just have ended."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _remove_directory(directory: Path, deadline: float) -> None:
    """Remove one group; the kernel says busy for a moment after its last process ended."""
    while not _try_remove(directory):
        if time.monotonic() > deadline:
            raise Failed(f"the control group {directory} is still in use",
                         next_step="End the processes in it, then try again.")  # fmt: skip
        time.sleep(0.02)


def _try_remove(directory: Path) -> bool:
    """Remove one group if it is empty; whether it is gone."""
    try:
        directory.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _inherit_cpuset(parent: Path, child: Path) -> None:
    """Give a new v1 cpuset its parent's processors and memory: an empty one accepts no process."""
    for name in ("cpuset.mems", "cpuset.cpus"):
        if (child / name).read_text().strip():
            continue
        effective = parent / name.replace("cpuset.", "cpuset.effective_")
        (child / name).write_text(effective.read_text())


def _delegate(directory: Path) -> None:
    """Hand a v2 group's controllers to the groups below it, as far as it has them."""
    available = (directory / "cgroup.controllers").read_text().split()
    enabled = (directory / "cgroup.subtree_control").read_text().split()
    for controller in available:
        if controller not in enabled:
            (directory / "cgroup.subtree_control").write_text(f"+{controller}")
