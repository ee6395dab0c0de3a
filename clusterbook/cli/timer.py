"""Backups by a timer of systemd: its units, where they lie, and what is left to the operator."""

from __future__ import annotations

import getpass
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from clusterbook.cli import places
from clusterbook.cli.screen import print_json, with_yes
from clusterbook.cluster.files import write_atomically
from clusterbook.errors import EXIT_CHANGES, EXIT_DONE, InvalidInput
from clusterbook.records import dataclass

# Every account may read units; what they must not hold is in the environment file.
_MODE = 0o644
_PLAIN = re.compile(r"[\w./:@=,+%-]+")

_SERVICE = """\
# Made by clusterbook backup --schedule, which also writes it anew. To change it: systemctl{user} edit {stem}.service
[Unit]
Description=Back up the cluster {name}
{network}
[Service]
Type=oneshot
{account}WorkingDirectory={folder}
EnvironmentFile={variables}
ExecStart={command}
# One that hangs ends, so that the next one is taken.
TimeoutStartSec=6h
UMask=0077
{guard}"""
_TIMER = """\
# Made by clusterbook backup --schedule, which also writes it anew.
[Unit]
Description=Back up the cluster {name} on a schedule

[Timer]
OnCalendar={calendar}
# One that was missed, because the machine was off, is taken when it is back.
Persistent=true

[Install]
WantedBy=timers.target
"""
_NETWORK = "Wants=network-online.target\nAfter=network-online.target\n"
# Without what takes sudo away (NoNewPrivileges=, and all that implies it): a host may be this machine.
_GUARD = "ProtectSystem=full\nProtectControlGroups=yes\n"


@dataclass(frozen=True)
class Place:
    """Where a caller's units and environment files lie. account: whom they run as; empty in a user's own manager."""

    units: Path
    variables: Path
    account: str = ""

    @property
    def systemctl(self) -> str:
        """The program that starts them."""
        return "systemctl" if self.account else "systemctl --user"


@dataclass(frozen=True)
class Schedule:
    """When which cluster is backed up. words: the task and its options; folder: where it is called."""

    cluster: str
    calendar: str
    words: Sequence[str]
    folder: Path
    place: Place

    @property
    def stem(self) -> str:
        """The units' name."""
        return f"clusterbook-backup-{self.cluster}"

    @property
    def variables(self) -> Path:
        """The operator's file of what must not stand in a unit."""
        return self.place.variables / f"backup-{self.cluster}.env"

    def units(self) -> dict[Path, str]:
        """File -> text."""
        system = bool(self.place.account)
        service = _SERVICE.format(
            stem=self.stem, name=self.cluster, user="" if system else " --user", network=_NETWORK if system else "",
            account=f"User={self.place.account}\n" if system else "", folder=_doubled(str(self.folder)),
            variables=_doubled(str(self.variables)), command=" ".join(map(quoted, self.words)),
            guard=_GUARD if system else "",
        )  # fmt: skip
        timer = _TIMER.format(name=self.cluster, calendar=self.calendar)
        return {
            self.place.units / f"{self.stem}.{kind}": text for kind, text in (("service", service), ("timer", timer))
        }


def place_of(environment: Mapping[str, str], root: bool) -> Place:
    """Where systemd reads the units of this caller. By sudo the caller is who typed it."""
    if root:
        account = environment.get("SUDO_USER") or getpass.getuser()
        return Place(Path("/etc/systemd/system"), Path("/etc/clusterbook"), account)
    configuration = Path(environment.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return Place(configuration / "systemd/user", configuration / "clusterbook")


def check_calendar(calendar: str) -> None:
    """Raise InvalidInput when systemd would not understand it, or would never come to it."""
    analyze, said = shutil.which("systemd-analyze"), ""
    wrong = not calendar.strip() or not calendar.isprintable()
    if analyze and not wrong:
        done = subprocess.run([analyze, "calendar", "--", calendar], capture_output=True, text=True, check=False,
                              env={**os.environ, "LC_ALL": "C"})  # fmt: skip
        wrong, said = done.returncode != 0, done.stdout
    if wrong:
        raise InvalidInput(f"--schedule is {calendar!r}, which is no time of systemd's",
                           next_step="Write it as systemd.time(7) says: hourly, daily, 00/6:00 (every six hours), "
                                     "'Mon 03:00'.")  # fmt: skip
    if re.search(r"Next elapse: never", said):
        raise InvalidInput(f"--schedule is {calendar!r}, a time that does not come again",
                           next_step="Leave the year out, or write a later one.")  # fmt: skip


def quoted(word: str) -> str:
    """A word of ExecStart= that systemd takes as it is (systemd.service(5), "Command lines")."""
    word = _doubled(word).replace("$", "$$")
    if _PLAIN.fullmatch(word):
        return word
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def carry_out(schedule: Schedule, yes: bool, as_json: bool) -> int:
    """Show the units, or write them, and say what is left to do. The exit code."""
    units = schedule.units()
    there = {path: path.read_text() if path.exists() else None for path in units}
    differ = there != units
    if yes:
        for path, text in units.items():
            _write(path, text)
    following = list(_following(schedule, any(there.values()) and differ))
    if as_json:
        print_json({"type": "schedule", "units": {str(path): text for path, text in units.items()}, "written": yes,
                    "environment_file": str(schedule.variables), "variables": set_here(os.environ),
                    "next": following})  # fmt: skip
    else:
        _show(schedule, units, yes, differ, following)
    return EXIT_CHANGES if differ and not yes else EXIT_DONE


def set_here(environment: Mapping[str, str]) -> list[str]:
    """Names of the variables by which a backup works in this shell; a timer knows none of them."""
    own = (name for name in environment if name.startswith(("CLUSTERBOOK_", "AWS_")))
    return sorted(set(own) - {places.INVENTORY_VARIABLE})  # the unit names the inventory


def _show(schedule: Schedule, units: Mapping[Path, str], yes: bool, differ: bool, following: Sequence[str]) -> None:
    for path, text in units.items():
        print(f"wrote    {path}" if yes else f"--- {path}\n{text}")
    names = ", ".join(set_here(os.environ)) or "none of them"
    print(f"The environment file {schedule.variables} is yours: clusterbook writes no secret into any file.\n"
          "One NAME=VALUE a line, what a backup needs in your shell: CLUSTERBOOK_STATE_STORE, "
          f"CLUSTERBOOK_STORE_PASSPHRASE, AWS_… Set in this shell: {names}.\n"
          "A key of ssh must be a file without a passphrase: a timer has no agent.")  # fmt: skip
    if yes:
        print("Next:\n" + "".join(f"  {line}\n" for line in following), end="")
    elif differ:
        print(f"Nothing has been done. To write the units: {with_yes('backup')}")
    else:
        print("Nothing to do: the units are there as they are shown.")


def _following(schedule: Schedule, replaced: bool) -> Iterator[str]:
    """Commands for the operator. replaced: the timer may run as it was before."""
    file, systemctl = schedule.variables, schedule.place.systemctl
    if not file.exists():
        yield f"install -D -m 600 /dev/null {file}"
    elif file.stat().st_mode & 0o077:
        yield f"chmod 600 {file}"
    if not schedule.place.account:
        yield "loginctl enable-linger  # or it runs only while you are logged in"
    if replaced:
        yield f"{systemctl} daemon-reload && {systemctl} restart {schedule.stem}.timer"
    yield f"{systemctl} enable --now {schedule.stem}.timer"
    yield f"{systemctl} start {schedule.stem}.service  # the first one now, to see that it works"


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, text.encode())
        path.chmod(_MODE)
    except OSError as error:
        raise InvalidInput(f"cannot write {str(path)!r}: {str(error.strerror).lower()}",
                           next_step="Units of a user lie in ~/.config/systemd/user, those of root in "
                                     "/etc/systemd/system.") from error  # fmt: skip


def _doubled(text: str) -> str:
    """Text in which systemd finds no specifier."""
    return text.replace("%", "%%")
