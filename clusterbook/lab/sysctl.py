"""Settings of the machine's kernel that the hosts share: raised while a lab is up, put back afterwards."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from clusterbook.lab.spec import STATE

# At least these. Every host is one user to the kernel, so 128 inotify instances end at about ten hosts.
RAISED = {
    "fs.inotify.max_user_instances": 8192,
    "fs.inotify.max_user_watches": 1048576,
    "net.ipv4.ip_forward": 1,
}
# kubelet sets these at its start, and on a lab host that is the machine's own value.
TOUCHED_BY_KUBELET = (
    "kernel.keys.root_maxbytes",
    "kernel.keys.root_maxkeys",
    "kernel.panic",
    "kernel.panic_on_oops",
    "vm.overcommit_memory",
    "vm.panic_on_oom",
)
_RECORD = "machine-settings.json"


def read(name: str) -> str:
    """Present value of a setting."""
    return _path(name).read_text().strip()


def write(name: str, value: str) -> None:
    """Change a setting now, until the next boot."""
    _path(name).write_text(value)


def raise_settings(progress: Callable[[str], None], state: Path = STATE) -> list[str]:
    """Remember the machine's values once, then raise what is too low. Returns the names that were changed."""
    record = state / _RECORD
    if not record.exists():
        names = [name for name in (*RAISED, *TOUCHED_BY_KUBELET) if _path(name).exists()]
        record.write_text(json.dumps({name: read(name) for name in names}, indent=1) + "\n")
    changed = [name for name, value in RAISED.items() if int(read(name)) < value]
    for name in changed:
        progress(f"{name}: {read(name)} -> {RAISED[name]} until the lab goes down")
        write(name, str(RAISED[name]))
    return changed


def put_back(progress: Callable[[str], None], state: Path = STATE) -> list[str]:
    """Give the machine its own values back. Returns the names that were changed."""
    record = state / _RECORD
    if not record.exists():
        return []
    before: dict[str, str] = json.loads(record.read_text())
    changed = [name for name, value in before.items() if read(name) != value]
    for name in changed:
        progress(f"{name}: {read(name)} -> {before[name]} as before")
        write(name, before[name])
    record.unlink()
    return changed


def _path(name: str) -> Path:
    """The file of a setting."""
    return Path("/proc/sys") / name.replace(".", "/")
