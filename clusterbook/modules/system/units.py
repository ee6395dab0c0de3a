"""Units of systemd: everything about one in a single `systemctl show`."""

from __future__ import annotations

from typing import Callable, Dict, Mapping, Optional, Sequence, Tuple

from clusterbook.modules.contract import ModuleFailed
from clusterbook.modules.system.commands import Completed
from clusterbook.records import dataclass, field

SUFFIXES = (".service", ".socket", ".timer", ".target", ".mount", ".path", ".slice", ".scope", ".device", ".swap",
            ".automount")


@dataclass(frozen=True)
class UnitState:
    """One unit. properties: everything that systemd says, by its own names."""

    name: str
    load_state: str = "not-found"
    active_state: str = "inactive"
    sub_state: str = "dead"
    file_state: str = ""
    needs_reload: bool = False
    properties: Mapping[str, str] = field(default_factory=dict)

    @property
    def exists(self) -> bool:
        """Systemd knows the unit, also one that is masked or only in memory."""
        return self.load_state != "not-found" or self.active_state not in ("inactive", "")

    @property
    def running(self) -> bool:
        """Active, or on its way there."""
        return self.active_state in ("active", "activating", "reloading")

    @property
    def ends_by_itself(self) -> bool:
        """A one-shot unit is not active any more once it ran, unless it says so."""
        return self.properties.get("Type") == "oneshot" and self.properties.get("RemainAfterExit", "no") != "yes"

    @property
    def enabled(self) -> bool:
        """Started at boot, or by what it belongs to."""
        return self.file_state in ("enabled", "enabled-runtime", "alias", "static", "indirect", "generated", "linked")


class Units:
    """The live units."""

    def __init__(self, query: Callable[..., Completed], execute: Callable[..., Completed]) -> None:
        """query and execute: how programs are run."""
        self.query = query
        self.execute = execute

    def show(self, name: str, scope: str = "system") -> UnitState:
        """All about a unit. Raises ModuleFailed when systemd cannot be asked."""
        done = self.query(["systemctl", *scope_words(scope), "show", "--no-pager", full_name(name)])
        if done.returncode:
            raise ModuleFailed(
                f"systemd does not answer: {done.stderr.strip()}", {"rc": done.returncode},
                "Check that the host runs systemd as its first process.",
            )
        return parse(name, done.stdout)

    def command(self, verbs: Sequence[str], name: str, becomes: UnitState, scope: str = "system") -> None:
        """Run `systemctl VERBS NAME`. becomes: what a prediction shall show afterwards."""
        self._run([*scope_words(scope), *verbs, full_name(name)], name)

    def reload_manager(self, execute_again: bool = False, scope: str = "system") -> None:
        """Make systemd read its unit files again; execute_again also restarts systemd itself."""
        self._run([*scope_words(scope), "daemon-reexec" if execute_again else "daemon-reload"], "")

    def last_lines(self, name: str) -> str:
        """The end of a unit's log under a heading, to be put behind a message; empty when there is none."""
        log = self.query(["journalctl", "--no-pager", "-q", "-n", "15", "-o", "cat", "-u", full_name(name)])
        return "\nlast lines of its log:\n" + log.stdout.strip() if log.stdout.strip() else ""

    def _run(self, words: Sequence[str], name: str) -> None:
        """systemctl; a failure carries the unit's last log lines, which say why."""
        done = self.execute(["systemctl", *words])
        if not done.returncode:
            return
        lines = done.stderr.strip() or done.stdout.strip()
        if name and words[-2] in ("start", "restart", "reload", "reload-or-restart"):
            lines += self.last_lines(name)
        raise ModuleFailed(
            f"'systemctl {' '.join(words)}' failed (exit {done.returncode}, "
            f"{done.ended - done.started:.1f} s): {lines}",
            {"rc": done.returncode, "stderr": done.stderr, "stdout": done.stdout},
            f"Look at `journalctl -u {name}` on the host." if name else "",
        )


def scope_words(scope: str) -> Tuple[str, ...]:
    """The option of systemctl that names the manager to talk to."""
    return () if scope == "system" else (f"--{scope}",)


def full_name(name: str) -> str:
    """The unit's name with its suffix; a service when none is given."""
    return name if name.endswith(SUFFIXES) else name + ".service"


def parse(name: str, text: str) -> UnitState:
    """The output of `systemctl show`."""
    properties: Dict[str, str] = {}
    last: Optional[str] = None
    for line in text.splitlines():
        key, separator, value = line.partition("=")
        if separator and key and key[0].isupper() and " " not in key:
            properties[key], last = value, key
        elif last is not None:
            properties[last] += "\n" + line
    return UnitState(
        name, properties.get("LoadState", "not-found"), properties.get("ActiveState", "inactive"),
        properties.get("SubState", "dead"), properties.get("UnitFileState", ""),
        properties.get("NeedDaemonReload") == "yes", properties,
    )
