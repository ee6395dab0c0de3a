"""Runs on a lab host as root: tells what differs from a baseline, and puts the host back to it.

A line of JSON in, a line of JSON out. Standard library only, as it is sent over ssh.
"""

from __future__ import annotations

import hashlib
import json
import os
import pwd
import shutil
import stat
import subprocess
import sys
from typing import Any, Dict, Iterator, List, Optional, Tuple

SKIPPED = ("/proc", "/sys", "/dev", "/run", "/pristine")
KEPT = ("/etc", "/root", "/home", "/srv", "/opt", "/usr/local", "/var/spool", "/var/local", "/tmp", "/var/tmp")
PRISTINE = "/pristine"
SHOWN = 4096
Signature = Tuple[int, int, int, int]


class Twin:
    """The baseline of this host, and what has become of it."""

    def __init__(self) -> None:
        self.paths: Dict[str, Tuple[Signature, Dict[str, Any]]] = {}
        self.units: Dict[str, str] = {}
        self.packages: Dict[str, str] = {}

    def prepare(self) -> Dict[str, Any]:
        """Copy what may be put back, once; a host that an earlier comparison left changed is put back."""
        if os.path.isdir(PRISTINE):
            restore_all()
            return {}
        for path in KEPT:
            if os.path.isdir(path):
                os.makedirs(os.path.dirname(PRISTINE + path), exist_ok=True)
                subprocess.run(["cp", "-a", path, PRISTINE + path], check=True)
        return {}

    def baseline(self) -> Dict[str, Any]:
        """Remember the host as it is now."""
        self.paths = {path: (signature(found), described(path, found)) for path, found in walk()}
        self.units, self.packages = units(), packages()
        return {"paths": len(self.paths)}

    def changes(self) -> Dict[str, Any]:
        """Everything that is not as in the baseline: path -> what it is now, null when it is gone."""
        tree: Dict[str, Optional[Dict[str, Any]]] = {}
        seen = set()
        for path, found in walk():
            seen.add(path)
            known = self.paths.get(path)
            if known is not None and known[0] == signature(found):
                continue
            now = described(path, found)
            if known is None or differs(known[1], now, path):
                tree[path] = {**now, **content(path, found)}
        for path in self.paths:
            if path not in seen:
                tree[path] = None
        return {"tree": tree, "units": delta(self.units, units()), "packages": delta(self.packages, packages())}

    def reset(self) -> Dict[str, Any]:
        """Put everything back that can be."""
        changed = self.changes()
        for unit, state in changed["units"].items():
            active = (state or "").endswith("/active")
            subprocess.run(["systemctl", "stop" if active else "start", unit], check=False, capture_output=True)
        new = [name for name, version in changed["packages"].items() if name not in self.packages and version]
        if new:
            subprocess.run(["dpkg", "--purge", "--force-all", *new], check=False, capture_output=True)
        restore_all()
        subprocess.run(["systemctl", "daemon-reload"], check=False, capture_output=True)
        return self.baseline()


def walk(*tops: str) -> Iterator[Tuple[str, os.stat_result]]:
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
    return (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def described(path: str, found: os.stat_result) -> Dict[str, Any]:
    """Kind, mode, owner, group and where a link points."""
    about: Dict[str, Any] = {"kind": stat.filemode(found.st_mode)[0], "mode": f"{stat.S_IMODE(found.st_mode):04o}",
                             "uid": found.st_uid, "gid": found.st_gid}
    if stat.S_ISLNK(found.st_mode):
        about["target"] = os.readlink(path)
    if stat.S_ISREG(found.st_mode):
        about["size"] = found.st_size
    return about


def differs(old: Dict[str, Any], new: Dict[str, Any], path: str) -> bool:
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


def content(path: str, found: os.stat_result) -> Dict[str, Any]:
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


def units() -> Dict[str, str]:
    """File state and activity of every unit that is not of a session."""
    found: Dict[str, str] = {}
    for line in lines("systemctl", "list-unit-files", "--no-legend", "--plain"):
        found[line[0]] = line[1] + "/inactive"
    for line in lines("systemctl", "list-units", "--all", "--no-legend", "--plain"):
        name = line[0]
        if line[1] != "not-found" and name.endswith((".service", ".timer", ".socket", ".mount", ".target")):
            found[name] = found.get(name, "/").split("/")[0] + "/" + line[2]
    return found


def packages() -> Dict[str, str]:
    """Version and selection of every package."""
    form = "${Package}\t${Version}\t${db:Status-Want}\t${db:Status-Status}\n"
    done = subprocess.run(["dpkg-query", "-W", "-f", form], check=False, capture_output=True, text=True)
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    return {row[0]: " ".join(row[1:]) for row in rows if row[3] == "installed"}


def lines(*argv: str) -> List[List[str]]:
    """The words of each line that a program prints."""
    done = subprocess.run(argv, check=False, capture_output=True, text=True)
    return [line.split() for line in done.stdout.splitlines() if len(line.split()) > 2 or argv[1] == "list-unit-files"]


def delta(old: Dict[str, str], new: Dict[str, str]) -> Dict[str, Optional[str]]:
    """Names whose value is another, or null when they are gone."""
    changed: Dict[str, Optional[str]] = {name: value for name, value in new.items() if old.get(name) != value}
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
