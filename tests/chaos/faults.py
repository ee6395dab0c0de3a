"""What is done to a cluster on lab hosts. Each fault begins, lasts for a while, and ends."""

from __future__ import annotations

import ipaddress
import json
import random
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from clusterbook.cli.clusters import API_ADDRESS
from clusterbook.cluster.support import ETCDCTL
from clusterbook.lab import lab, network
from clusterbook.lab.spec import LabSpec
from tests.lab.asking import as_root

SECONDS = 10
"""How long a fault that lasts, lasts."""
TRIES = 20
COMPONENTS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "containerd",
              "flanneld", "kube-proxy", "haproxy", "keepalived", "clusterbook-csr-approver")  # fmt: skip
# Killed where the API's address is: elsewhere nobody asks through them.
OF_ADDRESS = ("haproxy", "keepalived")
OF_WORKERS = ("kubelet", "containerd", "flanneld", "kube-proxy")


@dataclass(frozen=True)
class Scene:
    """Where faults happen: a lab, its control planes, its workers, all its hosts, and who chooses among them."""

    spec: LabSpec
    control_planes: Sequence[str]
    workers: Sequence[str]
    hosts: Sequence[str]
    chance: random.Random

    def on(self, host: str, command: str) -> str:
        """What a command of root prints on a host."""
        return as_root(self.spec, host, command)

    def in_network_of(self, host: str, *words: str, stdin: str = "") -> None:
        """A command of this machine in a host's network, which works also when the host does not answer."""
        argv = ["ip", "netns", "exec", network.namespace(self.spec.name, host), *words]
        subprocess.run(argv, input=stdin, text=True, check=True, capture_output=True)


@dataclass(frozen=True)
class Fault:
    """One way to break a cluster. do: yields the host that was chosen while it is broken; felt: it takes a leader, a
    host or all of them away without a word, so that a request may fail even when it is tried once more at once."""

    name: str
    do: Callable[[Scene], Iterator[str]]
    felt: bool = False


def killed(unit: str, worker: bool = False) -> Fault:
    """A component is killed on one control plane, or on a worker."""

    def do(scene: Scene) -> Iterator[str]:
        hosts = scene.workers if worker else scene.control_planes
        host = holder(scene) if unit in OF_ADDRESS else scene.chance.choice(hosts)
        scene.on(host, f"systemctl kill --kill-whom=main --signal=KILL {unit}")  # containerd's group has its shims
        yield host

    return Fault(f"{unit} killed on a {'worker' if worker else 'control plane'}", do, felt=unit == "haproxy")


def _power(scene: Scene) -> Iterator[str]:
    host = scene.chance.choice(scene.control_planes)
    network.disconnect_host(scene.spec.name, host)  # nobody is told
    lab.stop_host(scene.spec, host)
    time.sleep(SECONDS)
    yield host
    lab.start_host(scene.spec, host)


def _frozen(scene: Scene) -> Iterator[str]:
    host = leader(scene)
    scene.on(host, "systemctl kill --signal=STOP etcd")
    time.sleep(SECONDS)
    yield host
    scene.on(host, "systemctl kill --signal=CONT etcd")


def _apart(scene: Scene) -> Iterator[str]:
    host = scene.chance.choice(scene.control_planes)
    scene.in_network_of(host, "ip", "link", "set", "eth0", "down")
    time.sleep(SECONDS)
    yield host
    scene.in_network_of(host, "ip", "link", "set", "eth0", "up")
    scene.in_network_of(host, "ip", "route", "replace", "default", "via", scene.spec.gateway)


def filtered(rule: str) -> Callable[[Scene], Iterator[str]]:
    """Packets of one control plane are filtered for a while. rule: a chain with its hook, as nft(8) writes it."""

    def do(scene: Scene) -> Iterator[str]:
        host = leader(scene)
        scene.in_network_of(host, "nft", "-f", "-", stdin=f"table ip chaos {{ chain one {{ {rule} }}; }};\n")
        time.sleep(SECONDS)
        yield host
        scene.in_network_of(host, "nft", "delete", "table", "ip", "chaos")

    return do


def _full(scene: Scene) -> Iterator[str]:
    """etcd's data lie on a small file system of their own, which somebody else fills, until a write finds no space."""
    host = leader(scene)
    scene.on(host, _SMALL)
    lead(scene, host)  # it handed over when it was stopped
    scene.on(host, "dd if=/dev/zero of=/var/lib/etcd/full bs=1M 2>/dev/null || true")
    scene.on(host, _WRITES)
    time.sleep(SECONDS)
    if "no space left on device" not in scene.on(host, "journalctl --unit=etcd --since=-5min --output=cat"):
        raise RuntimeError(f"etcd of {host} found space")
    yield host
    scene.on(host, "rm /var/lib/etcd/full")
    scene.on(host, _LARGE)
    scene.on(host, f"{ETCDCTL} del --prefix /chaos/")


# What its log has room for already, and more: a segment of it is 64 MB.
_WRITES = f"""head -c 1000000 /dev/zero | tr '\\0' x > /run/chaos
for number in $(seq 80); do timeout 5 {ETCDCTL} put /chaos/$number < /run/chaos || break; done > /run/chaos.out 2>&1
rm /run/chaos"""
# The member is stopped for a moment each time.
_SMALL = """set -e
systemctl stop etcd
mv /var/lib/etcd /var/lib/etcd.chaos
install -d -o etcd -g etcd -m 700 /var/lib/etcd
megabytes=$(( $(du -sm /var/lib/etcd.chaos | cut -f1) + 96 ))
mount -t tmpfs -o size=${megabytes}m,mode=700,uid=etcd,gid=etcd etcd /var/lib/etcd
cp -a /var/lib/etcd.chaos/. /var/lib/etcd/
systemctl start etcd"""
_LARGE = """set -e
systemctl stop etcd
systemctl reset-failed etcd || true
rm -rf /var/lib/etcd.chaos
cp -a /var/lib/etcd /var/lib/etcd.chaos
umount /var/lib/etcd
rmdir /var/lib/etcd
mv /var/lib/etcd.chaos /var/lib/etcd
systemctl start etcd"""


def _all_down(scene: Scene) -> Iterator[str]:
    for host in scene.hosts:
        lab.stop_host(scene.spec, host)
    yield "all"
    lab.up(scene.spec)


def leader(scene: Scene) -> str:
    """The host whose etcd leads. Raises RuntimeError when none says so of itself."""
    for host in scene.control_planes:
        member, leads = standing(scene, host)
        if member == leads:
            return host
    raise RuntimeError("no member of etcd leads")


def standing(scene: Scene, host: str) -> tuple[int, int]:
    """The number of a host's member of etcd, and of the one that leads as it knows."""
    (found,) = json.loads(scene.on(host, f"{ETCDCTL} endpoint status --write-out=json"))
    return found["Status"]["header"]["member_id"], found["Status"]["leader"]


def lead(scene: Scene, host: str) -> None:
    """Let the host's member of etcd lead. Raises RuntimeError when it does not come to."""
    for _ in range(TRIES):
        now = leader(scene)
        if now == host:
            return
        scene.on(now, f"{ETCDCTL} move-leader {standing(scene, host)[0]:x} || true")  # not before it has caught up
        time.sleep(1)
    raise RuntimeError(f"etcd of {host} does not lead")


def holder(scene: Scene) -> str:
    """The control plane that has the API's address. Raises RuntimeError when none has."""
    address = ipaddress.ip_network(scene.spec.network)[API_ADDRESS]
    for host in scene.control_planes:
        if f" {address}/" in scene.on(host, "ip -oneline address show"):
            return host
    raise RuntimeError(f"no control plane has the API's address {address}")


FAULTS = (
    *(killed(unit) for unit in COMPONENTS),
    *(killed(unit, worker=True) for unit in OF_WORKERS),
    Fault("the power of a control plane cut", _power, felt=True),
    Fault("the leader of etcd frozen", _frozen, felt=True),
    Fault("a control plane cut off the network", _apart, felt=True),
    Fault("etcd's leader cannot send to other members", filtered(
        "type filter hook output priority 0; tcp dport { 2379, 2380 } oifname != \"lo\" drop; "
        "tcp sport { 2379, 2380 } oifname != \"lo\" drop;"), felt=True),
    Fault("etcd's leader cannot hear other members", filtered(
        "type filter hook input priority 0; tcp dport { 2379, 2380 } iifname != \"lo\" drop; "
        "tcp sport { 2379, 2380 } iifname != \"lo\" drop;"), felt=True),
    Fault("a fifth of the packets of etcd's leader lost", filtered(
        "type filter hook input priority 0; iifname != \"lo\" numgen random mod 100 < 20 drop;"), felt=True),
    Fault("the disk of etcd's leader full", _full, felt=True),
    Fault("all hosts powered off and on again", _all_down, felt=True),
)  # fmt: skip


@contextmanager
def happening(fault: Fault, scene: Scene) -> Iterator[str]:
    """The host that is broken, while it is; it is mended at the end."""
    steps = fault.do(scene)
    try:
        yield next(steps)
    finally:
        for _ in steps:
            raise RuntimeError(f"{fault.name} happens twice")
