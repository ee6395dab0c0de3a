"""Settings of the machine's kernel that the hosts share: raised while a lab is up, put back afterwards."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Machine:
    """Where a machine's settings are, and where its own values are remembered."""

    settings: Path = Path("/proc/sys")
    state: Path = STATE

    def read(self, name: str) -> str:
        """Present value of a setting."""
        return self._path(name).read_text().strip()

    def write(self, name: str, value: str) -> None:
        """Change a setting now, until the next boot."""
        self._path(name).write_text(value)

    def has(self, name: str) -> bool:
        """Whether this kernel knows the setting."""
        return self._path(name).exists()

    def _path(self, name: str) -> Path:
        return self.settings / name.replace(".", "/")


def raise_settings(progress: Callable[[str], None], machine: Machine = Machine()) -> list[str]:
    """Remember the machine's values once, then raise what is too low. Returns the names that were changed."""
    record = machine.state / _RECORD
    if not record.exists():
        names = [name for name in (*RAISED, *TOUCHED_BY_KUBELET) if machine.has(name)]
        _write(record, {name: machine.read(name) for name in names})
    changed = [name for name, value in RAISED.items() if int(machine.read(name)) < value]
    for name in changed:
        progress(f"{name}: {machine.read(name)} -> {RAISED[name]} until the lab goes down")
        machine.write(name, str(RAISED[name]))
    return changed


def put_back(progress: Callable[[str], None], machine: Machine = Machine()) -> list[str]:
    """Give the machine its own values back. Returns the names that were changed."""
    record = machine.state / _RECORD
    if not record.exists():
        return []
    before: dict[str, str] = json.loads(record.read_text())
    changed = [name for name, value in before.items() if machine.read(name) != value]
    for name in changed:
        progress(f"{name}: {machine.read(name)} -> {before[name]} as before")
        machine.write(name, before[name])
    record.unlink()
    return changed


def _write(record: Path, values: dict[str, str]) -> None:
    """Keep the machine's values, atomically: a record that was cut short would lose them."""
    partial = record.with_suffix(".partial")
    partial.write_text(json.dumps(values, indent=1) + "\n")
    partial.replace(record)
