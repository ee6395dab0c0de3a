"""The hosts: two for each tool, alike in all but their addresses, put back to bare between playbooks."""

from __future__ import annotations

import json
import shlex
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from clusterbook.lab import lab
from clusterbook.lab.spec import LabHost, LabSpec
from tests.differential.cases import HERE

HOSTS = ("one", "two")
_PREPARE = """set -e
echo {name} > /etc/hostname; hostname {name}
sed -i '/^127.0.1.1/d' /etc/hosts; echo 127.0.1.1 {name} >> /etc/hosts
systemctl mask --now -q systemd-tmpfiles-clean.timer apt-daily.timer apt-daily-upgrade.timer || :
if ! dpkg -s {packages} >/dev/null 2>&1; then
    apt-get -qq update
    DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends {packages} >/dev/null
fi
systemctl mask --now -q e2scrub_all.timer logrotate.timer man-db.timer || :
install -d /opt/prepared
"""
PACKAGES = (
    "acl", "cron", "unzip", "zip", "bzip2", "git", "gnupg", "file", "iptables", "python3-apt", "python3-debian",
    "python3-venv", "openssh-client",
)  # fmt: skip


class Host:
    """One prepared host, with a program on it that answers."""

    def __init__(self, spec: LabSpec, host: LabHost, name: str) -> None:
        """name: what both tools call it."""
        self.name, self.address, self._spec = name, host.address, spec
        self._program: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Prepare it, and start the program."""
        script = _PREPARE.format(name=f"twin-{self.name}", packages=" ".join(PACKAGES))
        subprocess.run([*self._ssh(), "sudo bash -s"], input=script, text=True, check=True, capture_output=True)
        code = (HERE / "host_side.py").read_text()
        self._program = subprocess.Popen(
            [*self._ssh(), f"sudo python3 -c {shlex.quote(code)}"], text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )  # fmt: skip
        self.ask("prepare")
        self.ask("baseline")

    def ask(self, what: str) -> Any:
        """Let the program do one thing."""
        assert self._program and self._program.stdin and self._program.stdout
        self._program.stdin.write(json.dumps({"do": what}) + "\n")
        self._program.stdin.flush()
        answer = self._program.stdout.readline()
        if not answer:
            raise RuntimeError(f"the program on {self.name} ({self.address}) ended")
        return json.loads(answer)

    def close(self) -> None:
        """End the program."""
        if self._program and self._program.stdin:
            self._program.stdin.close()
            self._program.wait()

    def _ssh(self) -> list[str]:
        known = f"UserKnownHostsFile={self._spec.directory / 'known_hosts'}"
        options = [word for option in (known, "BatchMode=yes", "LogLevel=ERROR") for word in ("-o", option)]
        return ["ssh", "-i", str(self._spec.directory / "id_ed25519"), *options, f"admin@{self.address}"]


class Pair:
    """The two hosts of one tool."""

    def __init__(self, spec: LabSpec, hosts: tuple[LabHost, ...]) -> None:
        self._spec = spec
        self._hosts = [Host(spec, host, name) for host, name in zip(hosts, HOSTS, strict=True)]

    def start(self) -> None:
        """Prepare both."""
        with ThreadPoolExecutor() as pool:
            list(pool.map(Host.start, self._hosts))

    def reset(self) -> None:
        """Bare again."""
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda host: host.ask("reset"), self._hosts))

    def changes(self) -> dict[str, Any]:
        """What is not as on the bare host, by host."""
        with ThreadPoolExecutor() as pool:
            found = pool.map(lambda host: host.ask("changes"), self._hosts)
        return {host.name: changes for host, changes in zip(self._hosts, found, strict=True)}

    def close(self) -> None:
        """End the programs."""
        for host in self._hosts:
            host.close()

    def inventory(self) -> str:
        """The inventory of these hosts; the groups are the same for both pairs."""
        text = (HERE / "inventory.yml").read_text()
        for host in self._hosts:
            text = text.replace(f"ADDRESS_{host.name}", host.address)
        return text.replace("LAB", str(self._spec.directory))


def spec(name: str, network: str) -> LabSpec:
    """A lab of four hosts."""
    base = network.rsplit(".", 1)[0]
    return LabSpec(name, tuple(LabHost(letter, f"{base}.{11 + index}") for index, letter in enumerate("abcd")), network)


def pairs(wanted: LabSpec) -> tuple[Pair, Pair]:
    """Bring the lab up: hosts for ansible-playbook, and for clusterbook."""
    lab.up(wanted, lambda line: None)
    return Pair(wanted, wanted.hosts[:2]), Pair(wanted, wanted.hosts[2:])


def local_tree(folder: Path) -> dict[str, Any]:
    """What a run left below a folder of the local machine."""
    return {
        str(path.relative_to(folder)): path.read_text(errors="replace") if path.is_file() else "a folder"
        for path in sorted(folder.rglob("*"))
    }
