"""One host of a lab: make its files, start it, wait for it, stop it, make it bare again."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import uuid
from pathlib import Path

import clusterbook
from clusterbook.errors import Failed
from clusterbook.lab import apt_cache, cgroups, keys, network, process, rootfs
from clusterbook.lab.command import run
from clusterbook.lab.files import make_directory, write_file
from clusterbook.lab.record import Settings, group, host_directory, read_settings, write_settings
from clusterbook.lab.spec import LabHost, LabSpec
from clusterbook.records import dataclass

_ADMIN = 1000
READY_SECONDS = 90.0


@dataclass(frozen=True)
class HostStatus:
    """How a host is. state: absent, broken (half made), stopped or running; pid: its supervisor's."""

    name: str
    address: str
    image: str
    state: str
    pid: int | None = None


def status(spec: LabSpec, host: LabHost) -> HostStatus:
    """How a host is now, from its files and its process."""
    directory = host_directory(spec, host.name)
    supervisor = process.read_record(directory / "supervisor.json")
    if process.alive(supervisor) and supervisor is not None:
        return HostStatus(host.name, host.address, host.image, "running", supervisor.pid)
    state = "absent" if not directory.exists() else "stopped" if _whole(directory) else "broken"
    return HostStatus(host.name, host.address, host.image, state)


def make(spec: LabSpec, host: LabHost, base: Path, public_key: str) -> None:
    """Make a host's files anew from its image. It must be stopped; its ssh host key stays the same."""
    directory = host_directory(spec, host.name)
    wipe(spec, host.name)
    for part in ("upper", "work", "root"):
        make_directory(directory / part)
    run(["cp", "-a", str(base / "var/lib"), str(directory / "var-lib")], seconds=120)
    _personalise(spec, host, directory / "upper", public_key)
    write_settings(Settings(spec, host.name, base, directory, variables(host)))


def variables(host: LabHost) -> dict[str, str]:
    """Variables for the host's first process, as its image needs them."""
    return {"SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE": "1"} if host.image == "debian-13" else {}


def host_key(spec: LabSpec, host: LabHost) -> str:
    """The host's public ssh key; the pair is made when there is none and outlives a reset."""
    return keys.ensure_key(spec.directory / "keys" / host.name, host.name)


def start(spec: LabSpec, host: LabHost) -> None:
    """Boot a host in the background; it goes on when the caller ends. Does nothing when it runs."""
    directory = host_directory(spec, host.name)
    if status(spec, host).state == "running":
        return
    end(spec, host.name)
    read_settings(directory)
    package = str(Path(clusterbook.__file__).parent.parent)
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": package, "PYTHONDONTWRITEBYTECODE": "1"}
    hierarchies, own = cgroups.mounted(), f"{group(spec.name, host.name)}/supervisor"
    cgroups.create(own, hierarchies)
    cgroups.weigh(f"{cgroups.TOP}/{spec.name}", len(spec.hosts), hierarchies)
    argv = cgroups.inside(own, hierarchies, [sys.executable, "-m", "clusterbook.lab.supervisor", str(directory)])
    process.start(argv, directory / "console.log", directory / "supervisor.json", environment)


def wait_ready(spec: LabSpec, host: LabHost, seconds: float = READY_SECONDS) -> str:
    """Wait until ssh lets us in and systemd has started everything. Returns systemd's word: running or degraded."""
    deadline = time.monotonic() + seconds
    while not _ssh_answers(host.address, spec.hand):
        log = host_directory(spec, host.name) / "console.log"
        if status(spec, host).state != "running":
            raise Failed(f"the host {host.name} ended while it booted: {process.tail(log)}",
                         next_step=f"Read {log}.")  # fmt: skip
        if time.monotonic() > deadline:
            raise Failed(f"the host {host.name} does not answer by ssh after {seconds:g} s: {process.tail(log)}",
                         next_step=f"Read {log}.")  # fmt: skip
        time.sleep(0.05)
    remaining = max(5.0, deadline - time.monotonic())
    return ssh(spec, host, ["systemctl", "is-system-running", "--wait"], seconds=remaining).stdout.strip()


def ssh(
    spec: LabSpec, host: LabHost, argv: list[str], seconds: float = 60, program: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a command on a host as the login user, checking its host key. For the lab's own needs and its tests.

    program: what the command reads.
    """
    options = [
        "-F", "none", "-o", "BatchMode=yes", "-o", f"UserKnownHostsFile={spec.directory / 'known_hosts'}",
        "-o", "StrictHostKeyChecking=yes", "-o", "LogLevel=ERROR", "-i", str(spec.directory / "id_ed25519"),
        *(("-b", spec.hand) if spec.hand else ()),
    ]  # fmt: skip
    command = ["ssh", *options, f"{rootfs.USER}@{host.address}", *argv]
    return subprocess.run(command, input=program, capture_output=True, text=True, timeout=seconds, check=False)


def end(spec: LabSpec, name: str, grace: float = 0.0) -> None:
    """Stop a host and remove everything of it that lives in the kernel; its files stay.

    grace: seconds for a clean shutdown. 0 pulls the plug, which is what tests mostly want and is quick.
    """
    directory, hierarchies, own = host_directory(spec, name), cgroups.mounted(), group(spec.name, name)
    process.stop(process.read_record(directory / "supervisor.json"), grace)
    cgroups.kill(own, hierarchies)
    network.disconnect_host(spec.name, name)
    cgroups.remove(own, hierarchies)
    for trace in ("propagate", "unix-export"):
        path = Path("/run/systemd/nspawn", trace, network.namespace(spec.name, name))
        if path.is_dir():
            shutil.rmtree(path)
    (directory / "supervisor.json").unlink(missing_ok=True)


def wipe(spec: LabSpec, name: str) -> None:
    """Remove a host's files. It must be stopped."""
    directory = host_directory(spec, name)
    if directory.exists():
        # The record of a whole host goes first: a kill in the middle leaves a host that is known as half made.
        (directory / "settings.json").unlink(missing_ok=True)
        run(["rm", "-rf", "--one-file-system", str(directory)], seconds=120)


def _whole(directory: Path) -> bool:
    """Whether a host's files were completed."""
    return (directory / "settings.json").exists()


def _ssh_answers(address: str, sender: str) -> bool:
    """Whether an ssh server greets on port 22. sender: this machine's address to ask from; '' for any."""
    try:
        with socket.create_connection((address, 22), timeout=1, source_address=(sender, 0)) as connection:
            connection.settimeout(2)
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def _personalise(spec: LabSpec, host: LabHost, upper: Path, public_key: str) -> None:
    """Write what makes this host itself into its upper layer."""
    machine_id = uuid.uuid5(uuid.NAMESPACE_DNS, f"{host.name}.{spec.name}.lab").hex
    write_file(upper / "etc/hostname", f"{host.name}\n")
    write_file(upper / "etc/hosts", f"127.0.0.1\tlocalhost\n127.0.1.1\t{host.name}\n::1\tlocalhost ip6-localhost\n")
    write_file(upper / "etc/machine-id", f"{machine_id}\n")
    write_file(upper / "etc/resolv.conf", _resolvers(spec))
    if apt_cache.available():
        write_file(upper / "etc/apt/apt.conf.d/91cache", f'Acquire::http::Proxy "{apt_cache.address(spec)}";\n')
    host_key(spec, host)
    for suffix, mode in (("", 0o600), (".pub", 0o644)):
        source = spec.directory / "keys" / f"{host.name}{suffix}"
        write_file(upper / f"etc/ssh/ssh_host_ed25519_key{suffix}", source.read_text(), mode)
    write_file(upper / f"home/{rootfs.USER}/.ssh/authorized_keys", f"{public_key}\n", 0o600)
    home = upper / "home" / rootfs.USER
    for path in (home, home / ".ssh", home / ".ssh/authorized_keys"):
        os.chown(path, _ADMIN, _ADMIN)
    (home / ".ssh").chmod(0o700)


def _resolvers(spec: LabSpec) -> str:
    """The lab's name server, else the machine's; behind systemd-resolved, the ones that it asks itself."""
    if spec.resolver:
        return f"nameserver {spec.resolver}\n"
    behind = Path("/run/systemd/resolve/resolv.conf")
    return (behind if behind.exists() else Path("/etc/resolv.conf")).read_text()
