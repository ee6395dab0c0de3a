"""Rules over what hosts answered: pure, each yields what it finds."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from clusterbook.cluster.certificates import Certificate
from clusterbook.cluster.doctor.causes import Diagnosis
from clusterbook.cluster.doctor.host import HostLook, Unit

CLOCK_SECONDS = 2.0
"""So much may a clock be off: etcd warns from one second on, and asking takes a moment."""
FULL_PERCENT = 95
"""The kubelet evicts pods from 85 to 90 percent on; from here on programs fail."""
_TELLS = ("error", "fatal", "panic", "fail", "cannot", "denied", "refused", "invalid", "unknown")
# What systemd says of a unit between the program's own lines, and what Kubernetes' programs put in front of theirs.
_OF_SYSTEMD = re.compile(r"\S+\.(service|socket): |(Started|Starting|Stopped|Stopping|Failed to start) \S+")
_OF_KLOG = re.compile(r"^[IWEF]\d{4} [\d:.]+ +\d+ \S+\] ")
_SHOWN = 300
# Units that every host has which has joined, and every control plane.
_OF_NODES = ("containerd", "kubelet", "kube-proxy")
_OF_CONTROL_PLANES = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")


@dataclass(frozen=True)
class Hosts:
    """All that hosts told. settings: cluster.yaml, complete; api_well: the API answers this machine."""

    looks: Sequence[HostLook]
    certificates: Sequence[Certificate]
    settings: Mapping[str, Any]
    now: datetime
    api_well: bool


def _clocks(seen: Hosts) -> Iterator[Diagnosis]:
    for one in seen.looks:
        if one.clock is None:
            continue
        off = max(one.asked[0] - one.clock, one.clock - one.asked[1], 0.0)
        if off > CLOCK_SECONDS:
            way = "behind" if one.clock < one.asked[0] else "ahead of"
            yield Diagnosis("clock-skew", one.name, f"{off:.0f} s {way} this machine's clock",
                            f"Let a time service set it: invoke ssh {one.name} -- timedatectl status")  # fmt: skip


def _disks(seen: Hosts) -> Iterator[Diagnosis]:
    for one in seen.looks:
        for path, percent in one.disks.items():
            if percent >= FULL_PERCENT:
                step = f"See what takes the room: invoke ssh {one.name} -- sudo du -xh {path} -d 2"
                yield Diagnosis("disk-full", one.name, f"{path} is {percent} % full", step)


def _swap(seen: Hosts) -> Iterator[Diagnosis]:
    for one in seen.looks:
        lines = one.lines("swap")
        if "failSwapOn: true" in lines and any(line.startswith("/") for line in lines):
            yield Diagnosis("swap-on", one.name, lines[0].split()[0],
                            f"Turn it off, also in /etc/fstab: invoke ssh {one.name} -- sudo swapoff -a")  # fmt: skip


def _machine_ids(seen: Hosts) -> Iterator[Diagnosis]:
    by_id: dict[str, list[str]] = {}
    for one in seen.looks:
        by_id.setdefault(one.word("machine-id"), []).append(one.name)
    for identity, names in by_id.items():
        if identity and len(names) > 1:
            step = "On all but one: rm /etc/machine-id /var/lib/dbus/machine-id; systemd-machine-id-setup; reboot"
            yield Diagnosis("same-machine-id", ", ".join(names), identity, step)


def _forwarding(seen: Hosts) -> Iterator[Diagnosis]:
    for one in seen.looks:
        if one.word("forwarding") == "0" and "kubelet" in one.units:
            yield Diagnosis("forwarding-off", one.name, "net.ipv4.ip_forward is 0",
                            "Run: invoke provision (and look for what sets it in /etc/sysctl.d)")  # fmt: skip


def _networks(seen: Hosts) -> Iterator[Diagnosis]:
    for key in ("pod_cidr", "service_cidr"):
        network = ipaddress.ip_network(seen.settings[key], strict=False)
        for one in seen.looks:
            for interface, address in one.addresses:
                own = key == "pod_cidr" and interface.partition("@")[0].startswith(("cni", "flannel", "veth", "cbr"))
                if not own and ipaddress.ip_address(address) in network:
                    yield Diagnosis("networks-overlap", one.name, f"{interface} has {address}, {key} is {network}",
                                    f"Another {key} needs a new cluster: see docs/how-to.md")  # fmt: skip


def _ports(seen: Hosts) -> Iterator[Diagnosis]:
    # haproxy has the API's port, too: at the address that control planes share (roles/api_endpoint).
    beside = {"kube-apiserver": "haproxy"}
    holders = {2379: "etcd", 2380: "etcd", 10250: "kubelet", 10256: "kube-proxy", 10257: "kube-controller-manager",
               10259: "kube-scheduler", int(seen.settings["api_server_port"]): "kube-apiserver"}  # fmt: skip
    for one in seen.looks:
        for port, programs in one.listeners.items():
            unit = one.units.get(holders.get(port, ""))
            own = {unit.name, beside.get(unit.name, unit.name)} if unit else set()
            if unit and not any(name.startswith(program) for name in own for program in programs):
                program = programs[0]
                step = f"End that program: invoke ssh {one.name} -- sudo ss -ltnp sport = :{port}"
                yield Diagnosis("port-taken", one.name, f"{program} listens on port {port} of {unit.name}", step)


def _certificates(seen: Hosts) -> Iterator[Diagnosis]:
    for one in seen.certificates:
        where = one.host or "(store)"
        if one.expires is not None and one.expires <= seen.now:
            yield Diagnosis("certificate-expired", where, f"{one.path} ended {one.expires:%Y-%m-%d %H:%M} UTC",
                            "Run: invoke rotate-certs")  # fmt: skip
        if one.fault:
            yield Diagnosis("certificate-foreign", where, f"{one.path}: {one.fault}", "Run: invoke provision")


def _account_keys(seen: Hosts) -> Iterator[Diagnosis]:
    told = {one.name: one.word("account-key") for one in seen.looks if one.word("account-key")}
    if len(set(told.values())) > 1:
        yield Diagnosis("keys-differ", ", ".join(told), "/etc/kubernetes/pki/sa.pub differs", "Run: invoke provision")


def _alarms(seen: Hosts) -> Iterator[Diagnosis]:
    full = [one.name for one in seen.looks if "alarm:NOSPACE" in one.told.get("alarms", "")]
    if full:
        step = "Raise etcd_quota_bytes or delete objects, compact and defragment, then: etcdctl alarm disarm"
        yield Diagnosis("etcd-full", ", ".join(full), "alarm NOSPACE", step)


def _units(seen: Hosts) -> Iterator[Diagnosis]:
    taken = {(each.where, each.seen.rpartition(" ")[2]) for each in _ports(seen)}
    for one in seen.looks:
        for unit in one.units.values():
            if (one.name, unit.name) in taken:
                continue
            if unit.active == "failed" or unit.sub == "auto-restart" or unit.restless:
                yield Diagnosis("unit-failing", f"{one.name} {unit.name}", told_last(unit.log),
                                f"Read on: invoke ssh {one.name} -- sudo journalctl -u {unit.name} -n 50")  # fmt: skip
            elif unit.active == "inactive" and _wanted(unit):
                how = "masked" if unit.loaded == "masked" else "disabled" if unit.enabled == "disabled" else "stopped"
                yield Diagnosis("unit-off", f"{one.name} {unit.name}", f"it is {how}", "Run: invoke provision")
        for name in _missing(one):
            yield Diagnosis("unit-off", f"{one.name} {name}", "systemd has no such unit", "Run: invoke provision")


def _missing(one: HostLook) -> list[str]:
    """Units that a host should have, as it has joined, and has not."""
    wanted = _OF_NODES + (_OF_CONTROL_PLANES if "control_plane" in one.groups else ())
    return [name for name in one.unknown_units if name in wanted] if one.word("joined") else []


def _wanted(unit: Unit) -> bool:
    """Whether a unit that does not run should: those that are installed and not wanted here have no unit of ours."""
    return unit.loaded in ("loaded", "masked")


def told_last(log: Sequence[str]) -> str:
    """The last line of a log that tells of an error, else its last line."""
    own = [line for line in log if not _OF_SYSTEMD.match(line)]
    telling = [line for line in own if any(word in line.lower() for word in _TELLS)]
    return _OF_KLOG.sub("", (telling or own or ["its log is empty"])[-1])[:_SHOWN]


def _joining(seen: Hosts) -> Iterator[Diagnosis]:
    """What a node's own kubelet meets: only told when the API answers others."""
    if not seen.api_well:
        return
    for one in seen.looks:
        said = one.told.get("api", "")
        if said and "status 200" not in said:
            words = next((line for line in said.splitlines() if line.startswith("curl")), said.strip())
            yield Diagnosis("api-unreachable", one.name, words[:_SHOWN],
                            "Look at firewalls and routes between this host and the API's address")  # fmt: skip
        elif "status 401" in one.told.get("token", ""):
            yield Diagnosis("token-refused", one.name, "the API answers 401 to its bootstrap token",
                            f"Run: invoke provision --limit {one.name}, which writes a new one")  # fmt: skip


def _runtime(seen: Hosts) -> Iterator[Diagnosis]:
    for one in seen.looks:
        kubelet, containerd = one.word("kubelet-cgroups"), one.word("containerd-cgroups")
        if kubelet and containerd and (kubelet == "systemd") is not (containerd == "true"):
            other = "systemd" if containerd == "true" else "cgroupfs"
            yield Diagnosis("cgroup-drivers-differ", one.name, f"kubelet {kubelet}, containerd {other}",
                            "Run: invoke provision")  # fmt: skip
        files = one.lines("cni")
        if files and not any(name.endswith((".conf", ".conflist", ".json")) for name in files):
            yield Diagnosis("cni-not-configured", one.name, "/etc/cni/net.d has no configuration",
                            "Run: invoke provision")  # fmt: skip


_RULES: Sequence[Callable[[Hosts], Iterator[Diagnosis]]] = (
    _clocks, _disks, _swap, _machine_ids, _forwarding, _networks, _ports, _certificates, _account_keys, _alarms, _units,
    _joining, _runtime,
)  # fmt: skip


def diagnose(seen: Hosts) -> list[Diagnosis]:
    """All that the rules find."""
    return [one for rule in _RULES for one in rule(seen)]
