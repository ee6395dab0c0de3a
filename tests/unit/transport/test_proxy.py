"""Many hosts at once through a bastion's sshd, which takes ten logins at a time (MaxStartups) and drops the rest."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from clusterbook.errors import Unreachable
from clusterbook.transport import Connector, ssh
from tests.unit.ports import free_port
from tests.unit.transport.conftest import keygen, wait_for

HOSTS = 40


@pytest.fixture
def bastion(server: Any) -> Iterator[int]:
    """The port of a second sshd on loopback, with the same keys and the defaults of everything else."""
    port = free_port()
    (server.directory / "bastion_config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {server.directory}/host_key\nPidFile none\nUsePAM no\n"
        f"AuthorizedKeysFile {server.directory}/authorized_keys\nStrictModes no\n"
    )
    argv = ["/usr/sbin/sshd", "-D", "-e", "-f", str(server.directory / "bastion_config")]
    with (server.directory / "bastion_log").open("wb") as log:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stderr=log)
    wait_for(port)
    yield port
    process.terminate()
    process.wait()


def through(server: Any, port: int, key: str = "") -> str:
    """Options of a host behind it. key: of the bastion; '' for its real one."""
    known = server.directory / "behind"
    known.write_text(f"bastion {key or server.host_key}\n")
    options = ("-F none -o BatchMode=yes -o HostKeyAlias=bastion -o StrictHostKeyChecking=yes "
               f"-o UserKnownHostsFile={known} -i {server.key} -p {port}")  # fmt: skip
    return (f"-o UserKnownHostsFile={server.known_hosts} -o GlobalKnownHostsFile=/dev/null "
            f"-o 'ProxyCommand=ssh {options} -W %h:%p root@127.0.0.1'")  # fmt: skip


def refusal(server: Any, options: str, port: int | None = None) -> Unreachable:
    with pytest.raises(Unreachable) as caught:
        server.connect(ssh_common_args=options, **({"port": port} if port else {}))
    return caught.value


def test_all_get_through(server: Any, bastion: int) -> None:
    connector, host = Connector(server.options), server.host(ssh_common_args=through(server, bastion))

    def opened(_: int) -> str:
        try:
            connector.connect(host).close()
        except Unreachable as error:
            return error.message
        return ""

    with ThreadPoolExecutor(HOSTS) as pool:
        assert [error for error in pool.map(opened, range(HOSTS)) if error] == []


def test_what_ssh_says_of_a_false_bastion_is_told_at_once(server: Any, bastion: int, tmp_path: Any) -> None:
    keygen(tmp_path / "another")
    key = " ".join((tmp_path / "another.pub").read_text().split()[:2])
    error = refusal(server, through(server, bastion, key))
    assert error.message.startswith("cp-1: its proxy command ended: ")
    assert error.message.endswith("; Host key verification failed.")
    assert error.next_step and error.next_step.startswith("Try it by itself: ssh -F none")


def test_a_host_that_the_bastion_does_not_reach_is_told(server: Any, bastion: int) -> None:
    message = refusal(server, through(server, bastion), free_port()).message
    assert "connect failed: Connection refused; stdio forwarding failed" in message


def test_a_bastion_that_never_has_a_place_is_given_up(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssh, "PAUSE_SECONDS", (0.0, 0.1))
    program = server.directory / "full"
    program.write_text("echo kex_exchange_identification: Connection closed by remote host >&2; exit 255")
    words = f"-o 'ProxyCommand=sh {program}'"
    started = time.monotonic()
    options = replace(server.options, connect_timeout=0.5)
    with pytest.raises(Unreachable, match="kex_exchange_identification") as caught:
        server.connect(options, ssh_common_args=words)
    assert caught.value.next_step == "Raise MaxStartups in the sshd_config of the host in between."
    assert time.monotonic() - started >= 0.5
