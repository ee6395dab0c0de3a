"""One look at a host: what is asked, in one command that changes nothing, and what its answers mean."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from clusterbook.cluster import questions
from clusterbook.cluster.support import ETCDCTL, UNITS

_PATHS = "/ /var /var/log /var/lib/etcd /var/lib/containerd /var/lib/kubelet /tmp"
_PROPERTIES = "Id,LoadState,ActiveState,SubState,UnitFileState,NRestarts,ActiveEnterTimestampMonotonic"
# A unit that systemd has restarted so often is looked at as one that fails while it has run for a short time only.
RESTARTS, SECONDS_OF_PEACE = 3, 20.0
# The API as this node reaches it: the address in its own kubeconfig, the CA that it trusts.
_SERVER = ("server=$(sed -n 's/^ *server: *//p' /etc/kubernetes/kubelet.conf /etc/kubernetes/bootstrap-kubelet.conf "
           "2>/dev/null | head -n 1); test -n \"$server\" || exit 0; ")  # fmt: skip
_CURL = ("curl --silent --show-error --max-time 3 --output /dev/null --write-out 'status %{http_code}\\n' "
         "--cacert /etc/kubernetes/pki/ca.crt ")  # fmt: skip
COMMANDS: Mapping[str, str] = {
    "clock": "date +%s.%N",
    "units": f"systemctl show --property={_PROPERTIES} {' '.join(UNITS)}",
    "uptime": "cat /proc/uptime",
    "logs": f"for unit in {' '.join(UNITS)}; do systemctl is-active --quiet $unit && "
    f"test \"$(systemctl show --property=NRestarts --value $unit)\" -lt {RESTARTS} || "
    "{ echo \"unit $unit\"; journalctl --no-pager --quiet --boot --output=cat --lines=30 --unit=$unit; }; done",
    "disks": f"df --portability {_PATHS} 2>/dev/null",
    "inodes": f"df --portability --inodes {_PATHS} 2>/dev/null",
    "swap": "tail -n +2 /proc/swaps; grep ^failSwapOn /var/lib/kubelet/config.yaml",
    "forwarding": "cat /proc/sys/net/ipv4/ip_forward",
    "listeners": "ss --no-header --listening --numeric --tcp --processes",
    "machine-id": "cat /etc/machine-id",
    "addresses": "ip -brief -4 address show scope global",
    "kubelet-cgroups": "sed -n 's/^cgroupDriver: *//p' /var/lib/kubelet/config.yaml",
    "containerd-cgroups": "sed -n 's/^ *SystemdCgroup *= *//p' /etc/containerd/config.toml",
    "cni": "test ! -d /var/lib/kubelet || { echo read; ls /etc/cni/net.d; }",
    "joined": "test ! -s /etc/kubernetes/kubelet.conf || echo yes",
    "api": f"{_SERVER}{_CURL}$server/livez",
    "token": f"test ! -s /etc/kubernetes/kubelet.conf || exit 0; {_SERVER}sed -n "
    "'s/^    token: /Authorization: Bearer /p' /etc/kubernetes/bootstrap-kubelet.conf | "
    f"{_CURL}--header @- $server/api",
    "account-key": "sha256sum /etc/kubernetes/pki/sa.pub 2>/dev/null",
    "alarms": f"test ! -d /etc/etcd || {ETCDCTL} alarm list",
}
"""Name -> commands of root. None prints a key or a token: the token goes to the API over curl's standard input."""


@dataclass(frozen=True)
class Unit:
    """One of systemd's. restless: it was restarted again and again, just now too; log: its last lines when it fails."""

    name: str
    loaded: str
    active: str
    sub: str
    enabled: str
    restless: bool = False
    log: tuple[str, ...] = ()


@dataclass(frozen=True)
class HostLook:
    """What a host answered. asked: between which two times of this machine's clock, seconds since 1970."""

    name: str
    groups: tuple[str, ...]
    asked: tuple[float, float]
    told: Mapping[str, str] = field(default_factory=dict)

    def lines(self, name: str) -> list[str]:
        """An answer's lines; none when there was no answer."""
        return self.told.get(name, "").splitlines()

    def word(self, name: str) -> str:
        """The first word of an answer; empty when there was none."""
        return next(iter(self.told.get(name, "").split()), "")

    @property
    def clock(self) -> float | None:
        """The host's time, seconds since 1970."""
        return float(self.word("clock")) if re.fullmatch(r"\d+\.\d+", self.word("clock")) else None

    @cached_property
    def units(self) -> dict[str, Unit]:
        """The components' units that are installed here, by name."""
        return {one.name: one for one in self._all_units if one.loaded not in ("", "not-found")}

    @cached_property
    def unknown_units(self) -> list[str]:
        """Names of the components' units that systemd does not know here."""
        return [one.name for one in self._all_units if one.loaded == "not-found"]

    @cached_property
    def _all_units(self) -> list[Unit]:
        logs = _logs(self.told.get("logs", ""))
        uptime = _number(self.word("uptime"))
        return [_unit(block, logs, uptime) for block in self.told.get("units", "").split("\n\n")]

    @cached_property
    def disks(self) -> dict[str, int]:
        """Mount point -> percent in use, of space or of inodes, whichever is more."""
        used: dict[str, int] = {}
        for line in (*self.lines("disks"), *self.lines("inodes")):
            found = re.fullmatch(r"\S+\s+\d+\s+\d+\s+-?\d+\s+(\d+)%\s+(/.*)", line)
            if found:
                used[found[2]] = max(int(found[1]), used.get(found[2], 0))
        return used

    @cached_property
    def listeners(self) -> dict[int, list[str]]:
        """TCP port -> names of the programs that listen there, on any address (of 15 letters at most, as ss tells)."""
        found = (re.fullmatch(r"LISTEN\s+\d+\s+\d+\s+\S+:(\d+)\s+\S+\s+users:\(\(\"([^\"]*)\".*", line.strip())
                 for line in self.lines("listeners"))  # fmt: skip
        programs: dict[int, list[str]] = {}
        for each in found:
            if each:
                programs.setdefault(int(each[1]), []).append(each[2])
        return programs

    @cached_property
    def addresses(self) -> list[tuple[str, str]]:
        """(interface, IPv4 address) of each global address."""
        return [(row[0], word.partition("/")[0]) for line in self.lines("addresses") if len(row := line.split()) > 2
                for word in row[2:] if "." in word]  # fmt: skip


def look(name: str, groups: tuple[str, ...], asked: tuple[float, float], marker: str, printed: bytes) -> HostLook:
    """What the host printed when it was asked COMMANDS with this marker."""
    return HostLook(name, groups, asked, questions.answers(marker, printed, COMMANDS))


def _number(text: str) -> float:
    """0 for what is no number."""
    return float(text) if re.fullmatch(r"\d+(\.\d+)?", text) else 0.0


def _unit(block: str, logs: Mapping[str, tuple[str, ...]], uptime: float) -> Unit:
    told = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
    name = told.get("Id", "").removesuffix(".service")
    loaded, active, sub, enabled = (
        told.get(key, "") for key in ("LoadState", "ActiveState", "SubState", "UnitFileState")
    )
    runs = uptime - _number(told.get("ActiveEnterTimestampMonotonic", "")) / 1e6
    restless = _number(told.get("NRestarts", "")) >= RESTARTS and (runs < SECONDS_OF_PEACE or active == "deactivating")
    return Unit(name, loaded, active, sub, enabled, restless, logs.get(name, ()))


def _logs(text: str) -> dict[str, tuple[str, ...]]:
    found = {}
    for part in f"\n{text}".split("\nunit ")[1:]:
        name, _, lines = part.partition("\n")
        found[name] = tuple(line for line in lines.splitlines() if line.strip())
    return found
