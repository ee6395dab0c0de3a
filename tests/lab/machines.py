"""Hosts for tests of whole runs: an sshd each, with a state directory and a /srv of its own, on loopback."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.unit.transport.conftest import free_port, keygen, wait_for

PROGRAM = "import sys; from clusterbook.cli.main import main; sys.argv[0] = 'clusterbook'; main()"
_CONFIGURATION = (
    "Port {port}\nListenAddress 127.0.0.1\nHostKey {common}/host_key\nPidFile none\nUsePAM no\nStrictModes no\n"
    "AuthorizedKeysFile {common}/id_ed25519.pub\nPermitRootLogin yes\nMaxStartups 100\n"
)


@dataclass
class Machine:
    """One host. directory: what it sees as /srv and /var/lib/clusterbook is `srv` and `state` in it."""

    name: str
    directory: Path
    port: int
    process: subprocess.Popen[bytes]

    def files(self) -> dict[str, str]:
        """What lies in /srv: kind, mode and content by name; hidden and unfinished files would show, too."""
        root = self.directory / "srv"
        return {
            str(path.relative_to(root)): f"{path.stat().st_mode:o} {'' if path.is_dir() else path.read_text()}"
            for path in sorted(root.rglob("*"))
        }

    def kept(self) -> list[str]:
        """Files of the agent's state directory that are neither its code nor its lock."""
        root = self.directory / "state"
        found = [str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()]
        return sorted(name for name in found if not name.startswith("agent/code-") and name != "agent/lock")

    def agents(self) -> list[int]:
        """Processes of the host that are neither its sshd nor ended: an agent's and what it started."""
        found = [(pid, _words(pid)) for pid in _in_namespace_of(self.process.pid)]
        return [pid for pid, words in found if words and not words.startswith(("sshd", "/usr/sbin/sshd"))]

    def kill_agent(self) -> int:
        """SIGKILL to the agent (the process that talks), not to its children. How many there were."""
        found = [pid for pid in self.agents() if "CLUSTERBOOK" in _words(pid) and _parent_is_sshd(pid)]
        for pid in found:
            os.kill(pid, signal.SIGKILL)
        return len(found)


@dataclass
class Machines:
    """Some hosts, and a folder with the inventory that names them."""

    folder: Path
    all: list[Machine]

    def start(self, play: str, *words: str) -> subprocess.Popen[str]:
        """`clusterbook run` of this play, its events as JSON lines on standard output."""
        (self.folder / "play.yml").write_text(play)
        store = {"CLUSTERBOOK_STATE_STORE": f"file://{self.folder}/store"}
        return subprocess.Popen(
            [sys.executable, "-c", PROGRAM, "run", "play.yml", "--inventory", "hosts.yml", "--json", *words],
            cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, **store},
        )  # fmt: skip

    def run(self, play: str, *words: str) -> tuple[int, str]:
        """The same to its end: exit status and all that it said."""
        process = self.start(play, *words)
        output, errors = process.communicate(timeout=300)
        return process.returncode, output + errors

    def files(self) -> dict[str, dict[str, str]]:
        """What lies in /srv of each."""
        return {machine.name: machine.files() for machine in self.all}

    def clear(self) -> None:
        """As new, but for the agent's code."""
        for machine in self.all:
            subprocess.run(["find", machine.directory / "srv", "-mindepth", "1", "-delete"], check=True)
            state = machine.directory / "state"
            subprocess.run(["find", state, "-type", "f", "!", "-name", "code-*", "-delete"], check=True)


def boot(common: Path, names: Sequence[str]) -> Iterator[Machines]:
    """Start the hosts, end them after use."""
    Path("/run/sshd").mkdir(exist_ok=True)
    for place in ("/var/lib/clusterbook", "/srv"):
        Path(place).mkdir(exist_ok=True)
    for name in ("host_key", "id_ed25519"):
        keygen(common / name)
    machines = [_boot(common, name) for name in names]
    public = " ".join((common / "host_key.pub").read_text().split()[:2])
    known = "".join(f"[127.0.0.1]:{machine.port} {public}\n" for machine in machines)
    (common / "known_hosts").write_text(known)
    hosts = "".join(f"    {machine.name}: {{ansible_port: {machine.port}}}\n" for machine in machines)
    (common / "hosts.yml").write_text(
        "all:\n  vars:\n    ansible_host: 127.0.0.1\n    ansible_user: root\n"
        f"    ansible_ssh_private_key_file: {common}/id_ed25519\n"
        f"    ansible_ssh_common_args: -o UserKnownHostsFile={common}/known_hosts -o GlobalKnownHostsFile=/dev/null\n"
        f"  hosts:\n{hosts}"
    )
    try:
        yield Machines(common, machines)
    finally:
        for machine in machines:
            machine.process.terminate()
            machine.process.wait(5)


def _boot(common: Path, name: str) -> Machine:
    directory, port = common / name, free_port()
    for part in ("srv", "state"):
        (directory / part).mkdir(parents=True, mode=0o755)
    (directory / "sshd_config").write_text(_CONFIGURATION.format(port=port, common=common))
    mounts = f"mount --bind {directory}/srv /srv; mount --bind {directory}/state /var/lib/clusterbook;"
    process = subprocess.Popen(
        ["unshare", "--mount", "--propagation", "private", "sh", "-c",
         f"{mounts} exec /usr/sbin/sshd -D -e -f {directory}/sshd_config"],
        stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    wait_for(port)
    return Machine(name, directory, port, process)


def _in_namespace_of(pid: int) -> list[int]:
    """Processes that see the same files; those whose parent has gone, too."""
    own = os.readlink(f"/proc/{pid}/ns/mnt")
    found = []
    for place in Path("/proc").glob("[0-9]*/ns/mnt"):
        with contextlib.suppress(OSError):
            if os.readlink(place) == own:
                found.append(int(place.parts[2]))
    return found


def _words(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def _parent_is_sshd(pid: int) -> bool:
    try:
        parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return False
    return _words(parent).startswith("sshd")
