"""Runs on a lab host as root: tells what differs from a baseline, and puts the host back to it.

A line of JSON in, a line of JSON out. Standard library only, as it is sent over ssh.
"""

from __future__ import annotations

import hashlib
import json
import os
import pwd
import shutil
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

SKIPPED = ("/proc", "/sys", "/dev", "/run", "/pristine")
KEPT = ("/etc", "/root", "/home", "/srv", "/opt", "/usr/local", "/var/spool", "/var/local", "/tmp", "/var/tmp")
PRISTINE = "/pristine"
UNITS = "/pristine/units.json"
SHOWN = 4096
NOTHING: dict[str, Any] = {"tree": {}, "units": {}, "packages": {}, "kernel": {}}
Signature = tuple[int, int, int]


class Twin:
    """The baseline of this host, and what has become of it."""

    def __init__(self) -> None:
        self.paths: dict[str, tuple[Signature, dict[str, Any]]] = {}
        self.units: dict[str, str] = {}
        self.packages: dict[str, str] = {}
        self.kernel: dict[str, str] = {}
        self.last: dict[str, Any] = dict(NOTHING)

    def prepare(self) -> dict[str, Any]:
        """Copy what may be put back, once; a host that an earlier comparison left changed is put back."""
        if os.path.isdir(PRISTINE):
            restore_all()
            subprocess.run(["systemctl", "daemon-reload"], check=False, capture_output=True)
            with open(UNITS) as file:
                restore_units(delta(json.load(file), units()))
            return {}
        for path in KEPT:
            if os.path.isdir(path):
                os.makedirs(os.path.dirname(PRISTINE + path), exist_ok=True)
                subprocess.run(["cp", "-a", path, PRISTINE + path], check=True)
        with open(UNITS, "w") as file:
            json.dump(units(), file)
        return {}

    def baseline(self) -> dict[str, Any]:
        """Remember the host as it is now."""
        self.paths = {path: (signature(found), described(path, found)) for path, found in walk()}
        self.units, self.packages, self.kernel = units(), packages(), kernel()
        self.last = dict(NOTHING)
        return {"paths": len(self.paths)}

    def changes(self) -> dict[str, Any]:
        """Everything that is not as in the baseline: path -> what it is now, null when it is gone."""
        tree: dict[str, dict[str, Any] | None] = {}
        seen = set()
        for path, found in walk():
            seen.add(path)
            known = self.paths.get(path)
            if known is not None and known[0] == signature(found):
                continue
            now = described(path, found)
            if known is None or differs(known[1], now, path):
                tree[path] = {**now, **content(path, found)}
        tree.update({path: None for path in self.paths if path not in seen})
        self.last = {"tree": tree, "units": delta(self.units, units()), "packages": delta(self.packages, packages()),
                     "kernel": delta(self.kernel, kernel())}
        return self.last

    def reset(self) -> dict[str, Any]:
        """Put back what the last look found changed, where that can be; the rest is the new baseline."""
        self._reset_kernel()
        restore_units(self.last["units"])
        new = [name for name, version in self.last["packages"].items() if name not in self.packages and version]
        if new:
            subprocess.run(["dpkg", "--purge", "--force-all", *new], check=False, capture_output=True)
        tree = self.last["tree"]
        for path in sorted(tree, reverse=True):
            if path.startswith(KEPT) and not os.path.lexists(PRISTINE + path):
                remove(path, os.path.isdir(path) and not os.path.islink(path))
        for path in sorted(tree):
            if path.startswith(KEPT) and os.path.lexists(PRISTINE + path):
                restore(path)
        if any("/systemd/" in path for path in tree):
            subprocess.run(["systemctl", "daemon-reload"], check=False, capture_output=True)
        if new or any(not path.startswith(KEPT) for path in tree):
            return self.baseline()
        for path in tree:
            self.paths.pop(path, None)
            if os.path.lexists(path):
                found = os.lstat(path)
                self.paths[path] = (signature(found), described(path, found))
        self.units = units()
        self.last = dict(NOTHING)
        return {}

    def _reset_kernel(self) -> None:
        """Name, mounts and rules as in the baseline."""
        changed = self.last["kernel"]
        if "name" in changed:
            socket.sethostname(self.kernel["name"])
        for name in changed:
            if name.startswith("mount "):
                subprocess.run(["umount", "-l", name.partition(" ")[2]], check=False, capture_output=True)
        if "rules" in changed:
            for words in (["-F"], ["-X"], ["-P", "INPUT", "ACCEPT"], ["-P", "FORWARD", "ACCEPT"]):
                subprocess.run(["iptables", *words], check=False, capture_output=True)


def walk(*tops: str) -> Iterator[tuple[str, os.stat_result]]:
    """Every path with its lstat, parents first."""
    waiting = list(tops or ("/",))
    while waiting:
        directory = waiting.pop()
        try:
            entries = list(os.scandir(directory))
        except OSError:
            continue
        for entry in entries:
            path = entry.path
            if path in SKIPPED:
                continue
            try:
                found = os.lstat(path)
            except OSError:
                continue
            yield path, found
            if stat.S_ISDIR(found.st_mode):
                waiting.append(path)


def signature(found: os.stat_result) -> Signature:
    """What changes whenever a path does."""
    return (found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def described(path: str, found: os.stat_result) -> dict[str, Any]:
    """Kind, mode, owner, group and where a link points."""
    about: dict[str, Any] = {"kind": stat.filemode(found.st_mode)[0], "mode": f"{stat.S_IMODE(found.st_mode):04o}",
                             "uid": found.st_uid, "gid": found.st_gid}
    if stat.S_ISLNK(found.st_mode):
        about["target"] = os.readlink(path)
    if stat.S_ISREG(found.st_mode):
        about["size"] = found.st_size
    return about


def differs(old: dict[str, Any], new: dict[str, Any], path: str) -> bool:
    """Whether something that was there is another now; a directory's own time does not count."""
    if old != new:
        return True
    if new["kind"] != "-":
        return False
    kept = PRISTINE + path
    return not os.path.isfile(kept) or digest(kept) != digest(path)


def digest(path: str) -> str:
    """sha256 of a file."""
    made = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            made.update(block)
    return made.hexdigest()


def content(path: str, found: os.stat_result) -> dict[str, Any]:
    """The hash of a file, and its text when that is short."""
    if not stat.S_ISREG(found.st_mode):
        return {}
    about = {"sha256": digest(path)}
    if found.st_size <= SHOWN:
        with open(path, "rb") as file:
            about["text"] = file.read().decode("utf-8", "replace")
    return about


def restore_all() -> None:
    """Make everything below KEPT what it is in the copy."""
    for path, found in list(walk(*KEPT))[::-1]:
        if not os.path.lexists(PRISTINE + path):
            remove(path, stat.S_ISDIR(found.st_mode))
    for kept, found in list(walk(*(PRISTINE + path for path in KEPT))):
        path = kept[len(PRISTINE):]
        if not os.path.lexists(path) or differs(described(kept, found), described(path, os.lstat(path)), path):
            restore(path)


def restore_units(changed: dict[str, str | None]) -> None:
    """Stop units that run and did not, start those that ran. changed: name -> state now, null when it does not run."""
    for unit, state in changed.items():
        active = state is not None and state != "inactive"
        subprocess.run(["systemctl", "stop" if active else "start", unit], check=False, capture_output=True)
        if state == "failed":
            subprocess.run(["systemctl", "reset-failed", unit], check=False, capture_output=True)


def remove(path: str, is_directory: bool) -> None:
    """Whatever it is; busy mount points stay."""
    try:
        if is_directory:
            os.rmdir(path)
        else:
            os.unlink(path)
    except OSError:
        pass


def restore(path: str) -> None:
    """Bring a path of the pristine copy back."""
    kept = PRISTINE + path
    if os.path.isdir(kept) and not os.path.islink(kept):
        if os.path.islink(path) or not os.path.isdir(path):
            if os.path.lexists(path):
                os.unlink(path)
            os.mkdir(path)
        shutil.copystat(kept, path)
    else:
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        elif os.path.lexists(path):
            os.unlink(path)
        subprocess.run(["cp", "-a", kept, path], check=True)
    found = os.lstat(kept)
    os.lchown(path, found.st_uid, found.st_gid)
    if not os.path.islink(path):
        os.chmod(path, stat.S_IMODE(found.st_mode))


def units() -> dict[str, str]:
    """Activity of every unit that is there; what is enabled is seen by the links below /etc."""
    done = subprocess.run(
        ["systemctl", "list-units", "--all", "--no-legend", "--plain"], check=False, capture_output=True, text=True)
    rows = [line.split() for line in done.stdout.splitlines()]
    return {row[0]: row[2] for row in rows
            if len(row) > 3 and row[1] == "loaded" and row[0].endswith((".service", ".timer", ".socket", ".mount"))
            and (row[2] != "inactive")}


def packages() -> dict[str, str]:
    """Version and selection of every package."""
    form = "${Package}\t${Version}\t${db:Status-Want}\t${db:Status-Status}\n"
    done = subprocess.run(["dpkg-query", "-W", "-f", form], check=False, capture_output=True, text=True)
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    return {row[0]: " ".join(row[1:]) for row in rows if row[3] == "installed"}


def kernel() -> dict[str, str]:
    """What the kernel holds and files do not tell: the host's name, mounts of file systems, packet filter rules."""
    found = {"name": socket.gethostname()}
    with open("/proc/self/mounts") as lines:
        rows = [line.split() for line in lines]
    found.update({f"mount {row[1]}": " ".join([row[0], *row[2:4]]) for row in rows
                  if not row[1].startswith(("/proc", "/sys", "/dev", "/run"))})
    if shutil.which("iptables"):
        done = subprocess.run(["iptables", "-S"], check=False, capture_output=True, text=True)
        found["rules"] = done.stdout
    return found


def delta(old: dict[str, str], new: dict[str, str]) -> dict[str, str | None]:
    """Names whose value is another, or null when they are gone."""
    changed: dict[str, str | None] = {name: value for name, value in new.items() if old.get(name) != value}
    changed.update({name: None for name in old if name not in new})
    return changed


def main() -> None:
    """Answer until the input ends."""
    twin = Twin()
    assert pwd.getpwuid(os.geteuid()).pw_name == "root"
    for line in sys.stdin:
        answer = getattr(twin, json.loads(line)["do"])()
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
