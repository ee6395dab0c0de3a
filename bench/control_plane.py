"""What a control plane costs while nothing happens: its programs' memory and processor, requests, watches, etcd."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from bench import kube_api
from bench.kube_api import Api, Sample, total
from bench.processes import processes, seconds, stat, status
from clusterbook.lab.network import namespace
from clusterbook.lab.spec import LabSpec

# The kernel keeps 15 characters of a program's name.
PROGRAMS = ("kube-apiserver", "etcd", "kube-controller-manager", "kube-scheduler", "haproxy")
ON_NODES = ("kubelet", "containerd", "containerd-shim-runc-v2", "kube-proxy", "flanneld")
_MIB = 1 << 20


@dataclass
class Rest:
    """An interval in which nobody asked for anything. memory: MiB; cpu: cores; the others a second, or a number."""

    memory: dict[str, float] = field(default_factory=dict)
    cpu: dict[str, float] = field(default_factory=dict)
    requests: float = 0.0
    requests_by_level: dict[str, float] = field(default_factory=dict)
    seats: float = 0.0
    rejected: float = 0.0
    watches: int = 0
    objects: int = 0
    connections: int = 0
    database_mib: float = 0.0
    database_used_mib: float = 0.0
    puts: float = 0.0
    watched_kib: float = 0.0


@dataclass(frozen=True)
class Plane:
    """Where a control plane runs. numbers: its process numbers by program; inside: what runs a command on its host."""

    numbers: Callable[[], Mapping[str, list[int]]]
    inside: tuple[str, ...] = ()

    def run(self, *argv: str) -> str:
        """What a command prints there."""
        return subprocess.run([*self.inside, *argv], capture_output=True, text=True, check=True).stdout


@dataclass(frozen=True)
class Look:
    """One moment. cpu: seconds by program."""

    at: float
    cpu: Mapping[str, float]
    api: list[Sample]
    etcd: list[Sample]
    watched: int


def of_lab(spec: LabSpec, host: str) -> Plane:
    """The control plane on a host of a lab."""
    return Plane(lambda: of_host(spec, host), ("ip", "netns", "exec", namespace(spec.name, host)))


def observed(
    api: Api, plane: Plane, others: Mapping[str, list[int]], pause: float, watched: Callable[[], int]
) -> Rest:
    """Look twice, so many seconds apart. others: process numbers beside it; watched(): bytes that watches brought."""
    numbers = {**plane.numbers(), **others}
    begin = _look(api, plane, numbers, watched())
    time.sleep(pause)
    end = _look(api, plane, numbers, watched())
    return between(begin, end, memory(numbers), connections(plane, api.address, api.port))


def between(begin: Look, end: Look, mib: Mapping[str, float], connected: int) -> Rest:
    """Two looks -> what happened in between."""
    passed = end.at - begin.at

    def rate(name: str, **labels: str) -> float:
        return round((total(end.api, name, **labels) - total(begin.api, name, **labels)) / passed, 4)

    dispatched, executed = "apiserver_flowcontrol_dispatched_requests_total", "request_execution_seconds_sum"
    levels = sorted({labels["priority_level"] for name, labels, _ in end.api if name == dispatched})
    by_level = {level: rate(dispatched, priority_level=level) for level in levels}
    return Rest(
        memory=dict(mib), requests=rate("apiserver_request_total"),
        cpu={name: round((spent - begin.cpu.get(name, 0.0)) / passed, 4) for name, spent in end.cpu.items()},
        requests_by_level={level: value for level, value in by_level.items() if value},
        seats=rate(f"apiserver_flowcontrol_{executed}", type="regular"),
        rejected=rate("apiserver_flowcontrol_rejected_requests_total"),
        watches=int(total(end.api, "apiserver_longrunning_requests", verb="WATCH")),
        objects=int(total(end.etcd, "etcd_debugging_mvcc_keys_total")),  # each object of the API is one key
        connections=connected,
        database_mib=round(total(end.etcd, "etcd_mvcc_db_total_size_in_bytes") / _MIB, 2),
        database_used_mib=round(total(end.etcd, "etcd_mvcc_db_total_size_in_use_in_bytes") / _MIB, 2),
        puts=round((total(end.etcd, "etcd_mvcc_put_total") - total(begin.etcd, "etcd_mvcc_put_total")) / passed, 3),
        watched_kib=round((end.watched - begin.watched) / passed / 1024, 3),
    )  # fmt: skip


def of_host(spec: LabSpec, host: str, programs: Iterable[str] = PROGRAMS) -> dict[str, list[int]]:
    """Process numbers of these programs on a host of the lab."""
    found: dict[str, list[int]] = {name: [] for name in programs}
    short = {name[:15]: name for name in programs}
    for number in processes(spec, host):
        name, _ = stat(number)
        if name in short:
            found[short[name]].append(number)
    return {name: numbers for name, numbers in found.items() if numbers}


def memory(numbers: Mapping[str, list[int]], key: str = "VmRSS") -> dict[str, float]:
    """MiB that processes have in memory, those of a name together."""
    return {name: round(sum(_kib(number, key) for number in some) / 1024, 1) for name, some in numbers.items()}


def spent(numbers: Mapping[str, list[int]]) -> dict[str, float]:
    """Seconds of processor that processes have taken."""
    return {name: sum(seconds(stat(number)[1]) for number in some) for name, some in numbers.items()}


def connections(plane: Plane, address: str, port: int) -> int:
    """Open connections to the API's address there."""
    return len(plane.run("ss", "-Htn", "state", "established", "src", f"{address}:{port}").splitlines())


def _look(api: Api, plane: Plane, numbers: Mapping[str, list[int]], watched: int) -> Look:
    etcd = plane.run("curl", "-s", "http://127.0.0.1:2381/metrics")
    return Look(time.monotonic(), spent(numbers), api.metrics(), kube_api.samples(etcd), watched)


def _kib(number: int, key: str) -> int:
    return int(status(number).get(key, "0 kB").split()[0])
