"""What is on the disks of a lab's hosts, read from outside: the proof that a plan left every byte as it was.

A host's root is an overlay on an image that never changes, so its upper layer holds all that differs from the image;
/var/lib is a plain directory. Reading both from the machine needs no login, so looking changes nothing. Each entry
carries content, mode and owner, a file also the time of its last change: the same bytes written again show.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from clusterbook.lab.record import host_directory, read_settings
from clusterbook.lab.spec import LabSpec
from clusterbook.records import dataclass

# Where looking itself, or logging in, leaves traces: run-time state, logs, the agent's cache, sudo's stamps.
APART = ("/run", "/var/log", "/var/lib/clusterbook", "/var/lib/sudo")
STAMP = ".sudo_as_admin_successful"
# systemd's own notes (stamps of timers, a seed at shutdown), whatever a host does.
BACKGROUND = ("/var/lib/systemd",)
# What a running cluster writes all the time: databases, containers, pods' volumes, leases of addresses.
RUNNING = ("/var/lib/etcd", "/var/lib/containerd", "/var/lib/kubelet", "/var/lib/cni", "/var/lib/docker",
           "/etc/cni/net.d/.kubernetes", "/var/lib/haproxy")  # fmt: skip
_REMOVED = "removed"


@dataclass(frozen=True)
class Entry:
    """One path. content: SHA-256 of a file, target of a link; changed: nanoseconds, of files only."""

    kind: str
    mode: int = 0
    owner: int = 0
    group: int = 0
    content: str = ""
    changed: int = 0


Tree = Mapping[str, Entry]


def read(spec: LabSpec, names: Iterable[str] | None = None, apart: Iterable[str] = ()) -> dict[str, Tree]:
    """The tree of each host that differs from its image, by host name. apart: folders to leave out besides APART."""
    chosen = list(names) if names is not None else [host.name for host in spec.hosts]
    leave = (*APART, *BACKGROUND, *apart)
    with ThreadPoolExecutor(max_workers=max(1, min(len(chosen), os.cpu_count() or 1))) as pool:
        return dict(zip(chosen, pool.map(lambda name: read_host(spec, name, leave), chosen), strict=True))


def read_host(spec: LabSpec, name: str, apart: Iterable[str]) -> Tree:
    """One host's tree: what differs from its image, and all of /var/lib."""
    directory = host_directory(spec, name)
    base, leave = read_settings(directory).base, tuple(apart)
    tree = {path: entry for path, entry in _walk(directory / "upper", "", leave) if entry != _look(base / path[1:])}
    return tree | dict(_walk(directory / "var-lib", "/var/lib", leave))


def differences(before: Mapping[str, Tree], after: Mapping[str, Tree]) -> list[str]:
    """One line for each path that is not the same, by host; empty when all is as it was."""
    lines = []
    for host in sorted({*before, *after}):
        first, second = before.get(host, {}), after.get(host, {})
        lines += [
            f"{host}: {path}: {_difference(first.get(path), second.get(path))}"
            for path in sorted({*first, *second})
            if first.get(path) != second.get(path)
        ]
    return lines


def digest(trees: Mapping[str, Tree]) -> str:
    """One SHA-256 over all hosts: two are the same exactly when `differences` is empty."""
    text = "".join(
        f"{host}\0{path}\0{entry}\n" for host in sorted(trees) for path, entry in sorted(trees[host].items())
    )
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _walk(top: Path, prefix: str, apart: tuple[str, ...]) -> Iterator[tuple[str, Entry]]:
    """Every path below top with its entry; the host's own name of top is prefix."""
    for path in sorted(_scan(top)):
        name = f"{prefix}/{path.name}"
        entry = None if name in apart or path.name == STAMP else _look(path)
        if entry is None:
            continue
        yield name, entry
        if entry.kind == "directory":
            yield from _walk(path, name, apart)


def _scan(directory: Path) -> list[Path]:
    """What is in a directory; nothing when it went away meanwhile."""
    try:
        return list(directory.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def _look(path: Path) -> Entry | None:
    """One path as it is; None when there is nothing."""
    try:
        status = path.lstat()
        kind, content = _content(path, status)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if kind == _REMOVED:
        return Entry(kind)
    changed = status.st_mtime_ns if kind == "file" else 0
    return Entry(kind, stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid, content, changed)


def _content(path: Path, status: os.stat_result) -> tuple[str, str]:
    """Kind and content. An overlay shows a removed file of the image as the character device 0:0."""
    kinds: tuple[tuple[Callable[[int], bool], str], ...] = (
        (stat.S_ISDIR, "directory"), (stat.S_ISFIFO, "pipe"), (stat.S_ISSOCK, "socket"),
        (stat.S_ISBLK, "block device"), (stat.S_ISCHR, "device"),
    )  # fmt: skip
    if stat.S_ISREG(status.st_mode):
        with path.open("rb") as file:
            return "file", hashlib.file_digest(file, "sha256").hexdigest()
    if stat.S_ISLNK(status.st_mode):
        return "link", str(path.readlink())
    if stat.S_ISCHR(status.st_mode) and status.st_rdev == 0:
        return _REMOVED, ""
    return next(kind for test, kind in kinds if test(status.st_mode)), ""


def _difference(before: Entry | None, after: Entry | None) -> str:
    """What became of one path."""
    if before is None or after is None:
        entry = before or after
        kind = entry.kind if entry else ""
        return f"new {kind}" if before is None else f"{kind} is gone"
    if before.kind != after.kind:
        return f"{before.kind} became {after.kind}"
    parts = ("content", "mode", "owner", "group", "changed")
    changed = [part for part in parts if getattr(before, part) != getattr(after, part)]
    return "written again, same bytes" if changed == ["changed"] else f"{', '.join(changed)}"
