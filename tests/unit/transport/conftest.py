"""A real sshd on loopback with its own keys, accounts and sudo rules, in a mount namespace of its own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from clusterbook.model import Host
from clusterbook.transport import Connector, Options
from tests.unit.ports import free_port

PASSWORD = "correct horse"
ACCOUNTS = ("admin", "asks", "stranger")


@dataclass
class Server:
    """What a test needs to reach the sshd. Accounts: admin (sudo without password), asks (with), stranger (none)."""

    directory: Path
    port: int
    process: subprocess.Popen[bytes]
    key: Path
    known_hosts: Path
    host_key: str
    opened: list[Any] = field(default_factory=list)
    options: Options = field(default_factory=lambda: Options(ssh_config_files=(), connect_timeout=5.0))

    def host(self, **variables: Any) -> Host:
        """A host of an inventory. variables: without their ansible_ prefix."""
        merged = {
            "host": "127.0.0.1",
            "port": self.port,
            "user": "admin",
            "ssh_private_key_file": str(self.key),
            "ssh_common_args": f"-o UserKnownHostsFile={self.known_hosts} -o GlobalKnownHostsFile=/dev/null",
            **variables,
        }
        found = {f"ansible_{name}": value for name, value in merged.items() if value is not None}
        return Host("cp-1", ("all",), found)

    def connect(self, options: Options | None = None, **variables: Any) -> Any:
        """A connection to it."""
        connection = Connector(options or self.options).connect(self.host(**variables))
        self.opened.append(connection)
        return connection


@pytest.fixture
def server(sshd: Server) -> Iterator[Server]:
    """The sshd; connections that a test leaves open are closed after it."""
    yield sshd
    while sshd.opened:
        sshd.opened.pop().close()


@pytest.fixture(scope="session")
def sshd() -> Iterator[Server]:
    """One sshd for all tests."""
    if os.geteuid() != 0 or not shutil.which("sshd", path="/usr/sbin:/usr/bin") or not shutil.which("sudo"):
        pytest.skip("needs root, openssh-server and sudo")
    # Not pytest's own directory: it is closed to the accounts, and other test runs on the machine tidy it up.
    directory = Path(tempfile.mkdtemp(prefix="clusterbook-sshd-"))
    directory.chmod(0o755)
    made = start(directory)
    yield made
    made.process.terminate()
    made.process.wait(5)
    shutil.rmtree(directory)


def start(directory: Path) -> Server:
    """Write configuration and accounts, and start sshd on a free port."""
    Path("/run/sshd").mkdir(exist_ok=True)
    for name in ("host_key", "id_ed25519"):
        keygen(directory / name)
    port = free_port()
    _write_accounts(directory)
    (directory / "sshd_config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {directory}/host_key\nPidFile none\nUsePAM no\n"
        f"AuthorizedKeysFile {directory}/authorized_keys\nStrictModes no\nPasswordAuthentication yes\n"
        "MaxSessions 5\nMaxStartups 100\nPermitRootLogin yes\n"
    )
    shutil.copy(directory / "id_ed25519.pub", directory / "authorized_keys")
    (directory / "authorized_keys").chmod(0o644)
    public = " ".join((directory / "host_key.pub").read_text().split()[:2])
    (directory / "known_hosts").write_text(f"[127.0.0.1]:{port} {public}\n")
    mounts = "".join(
        f"mount --bind {directory}/{name} /etc/{name}; " for name in ("passwd", "shadow", "group", "sudoers")
    )
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c",
             f"{mounts} exec /usr/sbin/sshd -D -e -f {directory}/sshd_config"],
            stdin=subprocess.DEVNULL, stderr=log,
        )  # fmt: skip
    wait_for(port)
    return Server(directory, port, process, directory / "id_ed25519", directory / "known_hosts", public)


def keygen(path: Path, *arguments: str) -> None:
    """Make a key pair."""
    kind = () if "-t" in arguments else ("-t", "ed25519")
    subprocess.run(["ssh-keygen", "-q", *kind, "-N", "", *arguments, "-f", str(path)], check=True)


def wait_for(port: int) -> None:
    """Wait until something listens."""
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("sshd does not listen")


def _write_accounts(directory: Path) -> None:
    hashed = subprocess.run(
        ["openssl", "passwd", "-6", PASSWORD], check=True, capture_output=True, text=True
    ).stdout.strip()
    passwd, shadow, group = ["root:x:0:0::/root:/bin/bash"], [f"root:{hashed}:19000:0:99999:7:::"], ["root:x:0:"]
    for number, name in enumerate((*ACCOUNTS, "sshd"), 6001):
        shell = "/usr/sbin/nologin" if name == "sshd" else "/bin/bash"
        passwd.append(f"{name}:x:{number}:{number}::/tmp:{shell}")
        shadow.append(f"{name}:{hashed}:19000:0:99999:7:::")
        group.append(f"{name}:x:{number}:")
    sudoers = "Defaults timestamp_timeout=0\nroot ALL=(ALL) ALL\nadmin ALL=(ALL) NOPASSWD: ALL\nasks ALL=(ALL) ALL\n"
    contents = {"passwd": passwd, "shadow": shadow, "group": group, "sudoers": [sudoers.rstrip()]}
    for name, lines in contents.items():
        (directory / name).write_text("\n".join(lines) + "\n")
    (directory / "sudoers").chmod(0o440)
    (directory / "shadow").chmod(0o640)
