"""Very many light hosts: each an sshd in a network namespace and with a /srv and an agent's folder of its own.

They share everything else with this machine, so only what lies below /srv may be changed on them.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.contest.work import Login, Target

START_SECONDS = 30.0
# ip-netns(8) exec has made a mount namespace; what is mounted here is the host's own. What root's shell reads first on
# this machine is not there: it may be anything, and slow.
_START = (
    "mount --make-rslave / && for f in .bashrc .profile .bash_profile; do "
    "[ ! -e /root/$f ] || mount --bind /dev/null /root/$f; done; "
    "mkdir -p /var/lib/clusterbook && mount -t tmpfs -o mode=755 tmpfs /srv && "
    "mount -t tmpfs -o mode=755 tmpfs /var/lib/clusterbook && mkdir -p /run/sshd && exec /usr/sbin/sshd -D -e -f {}"
)


@dataclass(frozen=True)
class Network:
    """Where they are: two benchmarks at a time need two. letter: what their names begin with."""

    letter: str
    bridge: str
    prefix: str

    @property
    def gateway(self) -> str:
        """This machine's own address."""
        return f"{self.prefix}.0.1"


WIDE = Network("w", "cbwide", "10.81")


@dataclass
class LightHosts:
    """Running hosts. processes: their sshds."""

    directory: Path
    targets: list[Target]
    network: Network = WIDE
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def login(self) -> Login:
        """How they are entered: as root, by a key made for them."""
        return Login("root", self.directory / "id_ed25519", self.directory / "known_hosts", become=False)


@contextmanager
def running(number: int, directory: Path, network: Network = WIDE) -> Iterator[LightHosts]:
    """As many hosts, until the end of the block. directory: for keys and configuration; made anew."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True, mode=0o700)
    addresses = [f"{network.prefix}.{1 + index // 200}.{1 + index % 200}" for index in range(number)]
    targets = [Target(f"{network.letter}-{index}", address) for index, address in enumerate(addresses)]
    hosts = LightHosts(directory, targets, network)
    try:
        _remove(targets, network)  # what a run that was killed has left
        _connect(targets, network)
        _keys(directory, targets)
        for target in targets:
            argv = ["ip", "netns", "exec", namespace(target), "sh", "-c", _START.format(directory / "sshd_config")]
            with (directory / f"{target.name}.log").open("wb") as log:
                hosts.processes.append(subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log))
        _wait(hosts)
        yield hosts
    finally:
        for process in hosts.processes:
            process.terminate()
        for process in hosts.processes:
            process.wait(timeout=10)
        _remove(targets, network)


def namespace(target: Target) -> str:
    """Name of a host's network namespace."""
    return f"cb{target.name}"


def _link(target: Target) -> str:
    return f"cb{target.name.replace('-', '')}"


def _remove(targets: list[Target], network: Network) -> None:
    """What there is of the network.

    Links first, by themselves: the kernel removes those of a namespace some time after it, and until then nobody else
    can have their names ("RTNETLINK answers: File exists").
    """
    words = [f"link delete {name}" for name in (*map(_link, targets), network.bridge)]
    words += [f"netns delete {namespace(target)}" for target in targets]
    subprocess.run(["ip", "-force", "-batch", "-"], input="\n".join(words), text=True, check=False,
                   capture_output=True, timeout=300)  # fmt: skip


def _connect(targets: list[Target], network: Network) -> None:
    """A bridge and a namespace a host; one batch of ip(8), as 500 starts of it would take long."""
    bridge = network.bridge
    links = [f"link add {bridge} type bridge", f"address add {network.gateway}/16 dev {bridge}",
             f"link set {bridge} up"]  # fmt: skip
    for target in targets:
        own, peer = _link(target), namespace(target)
        links += [
            f"netns add {peer}", f"link add {own} type veth peer name eth0 netns {peer}",
            f"link set {own} master {bridge}", f"link set {own} up",
        ]  # fmt: skip
    _batch(links)
    for target in targets:
        inside = [f"address add {target.address}/16 dev eth0", "link set eth0 up", "link set lo up"]
        _batch(inside, "-netns", namespace(target))


def _batch(lines: list[str], *words: str) -> None:
    subprocess.run(["ip", *words, "-batch", "-"], input="\n".join(lines), text=True, check=True, timeout=300)


def _keys(directory: Path, targets: list[Target]) -> None:
    for name in ("id_ed25519", "host_key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(directory / name)], check=True)
    key = " ".join((directory / "host_key.pub").read_text().split()[:2])
    (directory / "known_hosts").write_text("".join(f"{target.address} {key}\n" for target in targets))
    shutil.copyfile(directory / "id_ed25519.pub", directory / "authorized_keys")
    (directory / "authorized_keys").chmod(0o600)
    (directory / "sshd_config").write_text("\n".join([
        f"HostKey {directory}/host_key", f"AuthorizedKeysFile {directory}/authorized_keys", "PermitRootLogin yes",
        "PasswordAuthentication no", "UsePAM no", "PidFile none", "StrictModes no", "UseDNS no", "MaxStartups 200",
        "Subsystem sftp internal-sftp", "",
    ]))  # fmt: skip


def _wait(hosts: LightHosts) -> None:
    """Until every sshd answers. Raises OSError with the log of one that does not."""
    end = time.monotonic() + START_SECONDS

    def answers(target: Target) -> None:
        import socket

        while True:
            try:
                with socket.create_connection((target.address, target.port), timeout=2) as connection:
                    if connection.recv(4) == b"SSH-":
                        return
            except OSError:
                if time.monotonic() > end:
                    raise OSError((hosts.directory / f"{target.name}.log").read_text()) from None
                time.sleep(0.1)

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(answers, hosts.targets))
