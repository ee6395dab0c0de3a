"""What `vagrant up` finds here: libvirt and a package cache, in a network namespace of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from clusterbook.lab import apt_cache
from clusterbook.lab.command import run, succeeds
from clusterbook.lab.spec import LabSpec

NAMESPACE = "clusterbook-vm"
# The way out of the namespace, to the package cache; machines' own networks are Vagrant's.
WAY = LabSpec("vm-way", (), "10.89.0.0/30")
INSIDE, OUTSIDE = "10.89.0.2", "cb-vm-way"
DAEMONS = ("virtlogd", "libvirtd")
# What `vagrant box remove` leaves of the box.
VOLUMES = Path("/var/lib/libvirt/images")


def inside(*argv: str) -> list[str]:
    """The command line that runs in the namespace."""
    return ["ip", "netns", "exec", NAMESPACE, *argv]


@contextmanager
def made() -> Iterator[None]:
    """All of it, and gone again at the end; the machines must be gone by then."""
    if succeeds(["virsh", "--connect", "qemu:///system", "list"]):
        raise SystemExit("a libvirtd runs on this machine already: this needs one of its own")
    with ExitStack() as stack:
        _network()
        stack.callback(run, ["ip", "netns", "delete", NAMESPACE])
        WAY.directory.mkdir(parents=True, exist_ok=True)
        stack.callback(apt_cache.stop, WAY)
        apt_cache.start(WAY)
        started: list[subprocess.Popen[bytes]] = []
        stack.callback(_end, started)
        for program in DAEMONS:
            started.append(subprocess.Popen(inside(program), stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL))
        _wait()
        yield


def _network() -> None:
    steps: Sequence[str] = (
        f"netns add {NAMESPACE}",
        f"link add {OUTSIDE} type veth peer name out netns {NAMESPACE}",
        f"addr add {WAY.gateway}/{WAY.prefix_length} dev {OUTSIDE}",
        f"link set {OUTSIDE} up",
        f"-n {NAMESPACE} link set lo up",
        f"-n {NAMESPACE} addr add {INSIDE}/{WAY.prefix_length} dev out",
        f"-n {NAMESPACE} link set out up",
        f"-n {NAMESPACE} route add default via {WAY.gateway}",
    )
    for step in steps:
        run(["ip", *step.split()])


def _wait() -> None:
    """Until libvirtd answers, 20 s at most."""
    for _ in range(100):
        if succeeds(["virsh", "--connect", "qemu:///system", "list"]):
            return
        time.sleep(0.2)
    raise SystemExit("libvirtd does not answer")


def _end(started: list[subprocess.Popen[bytes]]) -> None:
    """End the daemons, and what serves names in their networks, by pid."""
    if started:
        found = run(["virsh", "--connect", "qemu:///system", "net-list", "--name"])
        for name in found.split():
            run(["virsh", "--connect", "qemu:///system", "net-destroy", name])
    for volume in VOLUMES.glob("clusterbook-VAGRANTSLASH-*"):
        volume.unlink()
    for process in reversed(started):
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)


def environment(home: Path, box: str) -> dict[str, str]:
    """For vagrant and clusterbook: a home that libvirt's user may enter, nothing asked of the network."""
    cache = os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))
    return {
        **os.environ, "HOME": str(home), "XDG_CACHE_HOME": cache, "CLUSTERBOOK_VAGRANT_BOX": box,
        "VAGRANT_DEFAULT_PROVIDER": "libvirt", "VAGRANT_CHECKPOINT_DISABLE": "1", "NO_COLOR": "1",
    }  # fmt: skip
