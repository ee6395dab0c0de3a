"""SSH against a real sshd."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from clusterbook.errors import ClusterbookError, Failed, InvalidInput, Unreachable
from clusterbook.transport import Become, Connector, Options, run


def refusal(server: Any, *, options: Options | None = None, **variables: Any) -> Unreachable:
    """The error of a connection that must not succeed."""
    with pytest.raises(Unreachable) as caught:
        server.connect(options, **variables)
    return caught.value


def test_a_program_runs_with_its_output_and_its_exit_status(server: Any) -> None:
    connection = server.connect()
    done = run(connection, ["sh", "-c", "echo out; echo err >&2; exit 3"])
    assert (done.exit_status, done.stdout, done.stderr) == (3, b"out\n", "err\n")
    connection.close()


def test_arguments_reach_the_program_as_they_are(server: Any) -> None:
    awkward = "a b'c\"$HOME`id`\n;*"
    assert run(server.connect(), ["printf", "%s", awkward]).stdout == awkward.encode()


def test_input_and_output_of_several_megabytes_pass(server: Any) -> None:
    data = os.urandom(3_000_000)
    assert run(server.connect(), ["cat"], data=data).stdout == data


def test_many_error_lines_do_not_block_the_output_and_only_the_last_are_kept(server: Any) -> None:
    done = run(server.connect(), ["sh", "-c", "seq 100000 >&2; echo end"])
    assert done.stdout == b"end\n"
    assert done.stderr.endswith("99999\n100000\n") and len(done.stderr) <= 16 * 1024


def test_several_programs_talk_over_one_connection_at_the_same_time(server: Any) -> None:
    connection = server.connect()
    channels = [connection.start(["cat"]) for _ in range(4)]
    for number, channel in enumerate(channels):
        channel.write(b"%d" % number)
    assert [channel.read(10) for channel in channels] == [b"0", b"1", b"2", b"3"]
    for channel in channels:
        channel.close()
    connection.close()


def test_one_thread_reads_while_another_writes(server: Any) -> None:
    channel = server.connect().start(["cat"])
    writer = threading.Thread(target=lambda: [channel.write(b"x" * 100_000) for _ in range(30)])
    writer.start()
    count = 0
    while count < 3_000_000:
        count += len(channel.read(65536, 10))
    writer.join()
    channel.close()


def test_standard_input_of_the_person_is_never_read(server: Any) -> None:
    reader, writer = os.pipe()
    kept = os.dup(0)
    os.dup2(reader, 0)
    try:
        os.write(writer, b"secret\n")
        assert run(server.connect(), ["cat"]).stdout == b""
        os.set_blocking(reader, False)
        assert os.read(reader, 100) == b"secret\n"
    finally:
        os.dup2(kept, 0)
        for descriptor in (reader, writer, kept):
            os.close(descriptor)


def test_a_host_that_says_nothing_is_given_up_after_the_deadline(server: Any) -> None:
    channel = server.connect().start(["sleep", "20"])
    with pytest.raises(Unreachable) as caught:
        channel.read(1, timeout=0.3)
    assert caught.value.message == "cp-1: no answer for 0.3 s"
    channel.close()


def test_a_connection_that_breaks_is_unreachable(server: Any) -> None:
    connection = server.connect()
    channel = connection.start(["sh", "-c", "echo $PPID; cat"])
    os.kill(int(channel.read(100)), signal.SIGKILL)
    assert channel.read(10) == b""
    assert channel.why_ended().message == "cp-1: the connection was lost"
    with pytest.raises(Unreachable, match="the connection was lost"):
        for _ in range(100):
            channel.write(b"x" * 10_000)
            time.sleep(0.01)
    with pytest.raises(Unreachable, match="the connection was lost"):
        connection.start(["true"])


def test_a_program_that_is_not_there_says_how_to_get_it(server: Any) -> None:
    channel = server.connect().start(["/usr/bin/python9"])
    assert channel.read(10) == b""
    error = channel.why_ended()
    assert isinstance(error, Unreachable)
    assert error.message == "cp-1: '/usr/bin/python9' is not there or cannot be executed"
    assert error.next_step == (
        "Install it ('apt-get install python3' or 'dnf install python3'), or set ansible_python_interpreter."
    )


def test_a_program_that_fails_shows_its_last_line(server: Any) -> None:
    channel = server.connect().start(["sh", "-c", "echo first >&2; echo last >&2; exit 5"])
    channel.read(1)
    error = channel.why_ended()
    assert isinstance(error, Failed)
    assert error.message == "cp-1: 'sh' ended with exit status 5: last"


def test_a_program_that_is_killed_names_the_signal(server: Any) -> None:
    channel = server.connect().start(["sh", "-c", "kill -9 $$"])
    channel.read(1)
    assert channel.exit_status(5) in (-9, 137, None) or channel.why_ended()


def test_one_session_too_many_names_the_setting(server: Any) -> None:
    connection = server.connect()
    channels = [connection.start(["cat"]) for _ in range(5)]
    with pytest.raises(Unreachable) as caught:
        connection.start(["cat"])
    assert caught.value.message.startswith("cp-1: opens no further session")
    assert caught.value.next_step == "Raise MaxSessions in its sshd_config."
    for channel in channels:
        channel.close()


def test_a_closed_port_is_refused(server: Any) -> None:
    error = refusal(server, port=1)
    assert error.message == "cp-1 (127.0.0.1:1): connection refused"
    assert error.next_step == "Check that sshd runs there and that ansible_port is right."


def test_a_name_that_does_not_exist_is_named(server: Any) -> None:
    error = refusal(server, host="nowhere.invalid")
    assert error.message == "cp-1: the name 'nowhere.invalid' is not known to the resolver"
    assert error.next_step == "Correct ansible_host, or add the name to DNS or /etc/hosts."


def test_a_server_that_never_greets_is_given_up(server: Any) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        error = refusal(server, port=port, ssh_timeout=1)
    assert error.message == (
        f"cp-1 (127.0.0.1:{port}): what answers there is not an SSH server, or it did not greet within 3 s"
    )


def test_a_server_that_hangs_up_is_told_of_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "play.yml").write_text("- hosts: all\n  gather_facts: false\n  tasks:\n    - ping:\n")
    with socket.create_server(("127.0.0.1", 0)) as rude:
        threading.Thread(target=lambda: rude.accept()[0].close(), daemon=True).start()
        way = f"{{ansible_host: 127.0.0.1, ansible_port: {rude.getsockname()[1]}}}"
        (tmp_path / "hosts.yml").write_text(f"all: {{hosts: {{a: {way}}}}}\n")
        done = subprocess.run(
            [sys.executable, "-m", "clusterbook", "run", "play.yml", "--inventory", "hosts.yml"],
            cwd=tmp_path, env={**os.environ, "HOME": str(tmp_path)}, capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (4, "")
    assert "what answers there is not an SSH server" in done.stdout


def test_an_unanswered_address_is_given_up_after_the_deadline(server: Any) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        waiting = []
        for _ in range(3):  # fill the queue of connections that nobody accepts
            extra = socket.socket()
            extra.setblocking(False)
            extra.connect_ex(("127.0.0.1", port))
            waiting.append(extra)
        error = refusal(server, port=port, ssh_timeout=1)
        for extra in waiting:
            extra.close()
    assert error.message == f"cp-1 (127.0.0.1:{port}): no answer within 1 s"
    assert error.next_step == "Check that the host runs and that no firewall is between."


def test_a_refused_login_lists_what_was_tried(server: Any, tmp_path: Path) -> None:
    error = refusal(server, user="nobody-here")
    assert error.message == (f"cp-1 (127.0.0.1:{server.port}): login as 'nobody-here' was refused; tried {server.key}")
    assert error.next_step == "Set ansible_user and ansible_ssh_private_key_file, or add your public key there."
    missing = refusal(server, ssh_private_key_file=str(tmp_path / "none"))
    assert f"tried {tmp_path}/none (there is no such file)" in missing.message


def test_a_key_with_a_passphrase_asks_for_the_agent(server: Any, tmp_path: Path) -> None:
    path = tmp_path / "locked"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "words", "-f", str(path)], check=True)
    error = refusal(server, ssh_private_key_file=str(path))
    assert f"{path} (has a passphrase: add it to the ssh agent with ssh-add)" in error.message


def test_keys_of_the_ssh_agent_log_several_hosts_in_at_the_same_time(
    server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = server.directory / "agent"
    with subprocess.Popen(["ssh-agent", "-D", "-a", str(address)], stdout=subprocess.DEVNULL) as agent:
        try:
            while not address.exists():
                time.sleep(0.01)
            monkeypatch.setenv("SSH_AUTH_SOCK", str(address))
            subprocess.run(["ssh-add", "-q", str(server.key)], check=True, capture_output=True)
            with ThreadPoolExecutor(4) as pool:
                users = list(
                    pool.map(lambda _: run(server.connect(ssh_private_key_file=None), ["id", "-un"]), range(4))
                )
            assert [done.stdout for done in users] == [b"admin\n"] * 4
        finally:
            agent.terminate()


def test_a_password_logs_in(server: Any) -> None:
    connection = server.connect(ssh_private_key_file=None, password="correct horse")
    assert run(connection, ["id", "-un"]).stdout == b"admin\n"
    assert "correct horse" not in refusal(server, ssh_private_key_file=None, password="wrong").message


def test_an_unknown_host_key_shows_fingerprint_file_and_next_step(server: Any, tmp_path: Path) -> None:
    empty = tmp_path / "known_hosts"
    error = refusal(server, ssh_common_args=f"-o UserKnownHostsFile={empty} -o GlobalKnownHostsFile=/dev/null")
    shown = subprocess.run(
        ["ssh-keygen", "-l", "-f", str(server.directory / "host_key.pub")], capture_output=True, text=True, check=True
    ).stdout.split()[1]
    assert error.message == (
        f"cp-1 (127.0.0.1:{server.port}): its host key is not known: ssh-ed25519 {shown}; "
        f"'[127.0.0.1]:{server.port}' is not in {empty}"
    )
    assert error.next_step == (
        f"Compare the fingerprint, then 'ssh-keyscan -p {server.port} 127.0.0.1 >> {empty}', "
        "or set StrictHostKeyChecking=accept-new."
    )
    assert not empty.exists()


def test_a_changed_host_key_is_refused_even_when_new_ones_are_accepted(server: Any, tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    other = (server.directory / "id_ed25519.pub").read_text().split()[1]
    file.write_text(f"# old\n[127.0.0.1]:{server.port} ssh-ed25519 {other}\n")
    arguments = f"-o UserKnownHostsFile={file} -o StrictHostKeyChecking=accept-new"
    error = refusal(server, ssh_common_args=arguments)
    assert ": its host key has changed: it shows ssh-ed25519 SHA256:" in error.message
    assert f"({file}:2)" in error.message
    assert error.next_step == (
        f"If set up anew: run ssh-keygen -R '[127.0.0.1]:{server.port}' -f {file} and add its new key."
    )


def test_a_revoked_host_key_is_refused(server: Any, tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(f"@revoked [127.0.0.1]:{server.port} {server.host_key}\n")
    error = refusal(server, ssh_common_args=f"-o UserKnownHostsFile={file} -o StrictHostKeyChecking=no")
    assert error.message.endswith("is marked as revoked")


def test_a_new_host_key_is_written_down_when_asked(server: Any, tmp_path: Path) -> None:
    file = tmp_path / "ssh" / "known_hosts"
    arguments = f"-o UserKnownHostsFile={file} -o GlobalKnownHostsFile=/dev/null"
    server.connect(replace(server.options, accept_new=True), ssh_common_args=arguments).close()
    assert file.read_text() == f"[127.0.0.1]:{server.port} {server.host_key}\n"
    assert file.stat().st_mode & 0o777 == 0o600
    server.connect(ssh_common_args=arguments).close()


def test_a_hashed_name_in_known_hosts_is_found(server: Any, tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(server.known_hosts.read_text())
    subprocess.run(["ssh-keygen", "-H", "-f", str(file)], check=True, capture_output=True)
    assert file.read_text().startswith("|1|")
    server.connect(ssh_common_args=f"-o UserKnownHostsFile={file} -o GlobalKnownHostsFile=/dev/null").close()


def test_a_host_is_reached_through_a_jump_host_opened_once(server: Any) -> None:
    arguments = (
        f"-o UserKnownHostsFile={server.known_hosts} -o GlobalKnownHostsFile=/dev/null "
        f"-o ProxyJump=admin@127.0.0.1:{server.port}"
    )
    connector = Connector(server.options)
    host = server.host(ssh_common_args=arguments)
    with ThreadPoolExecutor(3) as pool:
        connections = list(pool.map(lambda _: connector.connect(host), range(3)))
    assert [run(item, ["id", "-un"]).stdout for item in connections] == [b"admin\n"] * 3
    assert len(connector._gateways) == 1
    for item in connections:
        item.close()
    connector.close()


def test_a_jump_host_that_cannot_go_on_says_so(server: Any) -> None:
    arguments = (
        f"-o UserKnownHostsFile={server.known_hosts} -o GlobalKnownHostsFile=/dev/null -J admin@127.0.0.1:{server.port}"
    )
    error = refusal(server, ssh_common_args=arguments, port=1)
    assert error.message.startswith("cp-1: the jump host cannot reach 127.0.0.1:1")


def test_a_proxy_command_is_used(server: Any) -> None:
    relay = "import socket,sys,threading,os;s=socket.create_connection((sys.argv[1],int(sys.argv[2])))\n"
    relay += "def up():\n while d:=os.read(0,65536): s.sendall(d)\nthreading.Thread(target=up,daemon=True).start()\n"
    relay += "while d:=s.recv(65536): os.write(1,d)"
    program = server.directory / "relay.py"
    program.write_text(relay)
    arguments = (
        f"-o UserKnownHostsFile={server.known_hosts} -o GlobalKnownHostsFile=/dev/null "
        f"-o 'ProxyCommand=python3 {program} %h %p'"
    )
    connection = server.connect(ssh_common_args=arguments)
    assert run(connection, ["id", "-un"]).stdout == b"admin\n"
    connection.close()


def test_the_ssh_configuration_of_the_person_is_honoured(server: Any, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(
        f"Host cp-1\n HostName 127.0.0.1\n Port {server.port}\n User stranger\n IdentityFile {server.key}\n"
        f" UserKnownHostsFile {server.known_hosts}\n"
    )
    options = replace(server.options, ssh_config_files=(str(config),))
    none: dict[str, Any] = {"host": None, "port": None, "ssh_private_key_file": None, "ssh_common_args": None}
    assert run(server.connect(options, user=None, **none), ["id", "-un"]).stdout == b"stranger\n"
    assert run(server.connect(options, **none), ["id", "-un"]).stdout == b"admin\n"


def test_a_wrong_ssh_configuration_is_invalid_input(server: Any, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("Host\n")
    with pytest.raises(InvalidInput, match="cannot read the SSH configuration"):
        server.connect(replace(server.options, ssh_config_files=(str(config),)))


def test_a_silent_connection_is_tested_by_the_kernel_too(server: Any) -> None:
    connection = server.connect(replace(server.options, keepalive=2))
    sock = connection._link.transport.sock
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 6000
    assert connection._link.transport.packetizer._Packetizer__keepalive_interval == 2


def test_sudo_runs_a_program_as_another_user(server: Any) -> None:
    connection = server.connect()
    assert run(connection, ["id", "-un"], Become()).stdout == b"root\n"
    assert run(connection, ["id", "-un"], Become("stranger")).stdout == b"stranger\n"
    assert run(connection, ["cat"], Become("admin"), data=b"oneself").stdout == b"oneself"


def test_sudo_is_given_its_password_only_when_it_asks(server: Any) -> None:
    become = Become(password="correct horse")
    assert run(server.connect(user="asks"), ["cat"], become, data=b"data").stdout == b"data"
    assert run(server.connect(user="admin"), ["cat"], become, data=b"data").stdout == b"data"


def test_a_host_that_prints_a_prompt_of_its_own_gets_no_password(server: Any) -> None:
    phishing = server.directory / "sudo-that-phishes"
    phishing.write_text('#!/bin/sh\necho "[sudo] password for admin: " >&2\nread -t 1 word\necho "got $word" >&2\n')
    phishing.chmod(0o755)
    with pytest.raises(ClusterbookError) as caught:
        server.connect().start(["id"], Become(password="correct horse", executable=str(phishing)))
    assert "correct horse" not in str(caught.value)


def test_a_wrong_password_of_sudo_is_tried_once(server: Any) -> None:
    with pytest.raises(Unreachable) as caught:
        server.connect(user="asks").start(["id"], Become(password="wrong"))
    assert caught.value.message == "sudo on cp-1 does not accept the password of asks"
    assert caught.value.next_step == "Correct ansible_become_password in the inventory."


@pytest.mark.parametrize(
    ("user", "become", "message", "next_step"),
    [
        (
            "asks",
            Become(),
            "sudo on cp-1 needs a password for asks",
            "Set ansible_become_password in the inventory, or allow asks sudo without a password (NOPASSWD).",
        ),
        (
            "stranger",
            Become(password="correct horse"),
            "sudo on cp-1 refuses stranger",
            "Allow stranger in its sudoers, or log in as another user.",
        ),
        ("admin", Become("ghost"), "sudo on cp-1 knows no user ghost", "Correct become_user."),
        (
            "admin",
            Become(executable="/usr/bin/nosudo"),
            "there is no sudo on cp-1",
            "Install it, or log in as root.",
        ),
    ],
)
def test_sudo_that_refuses_says_why(server: Any, user: str, become: Become, message: str, next_step: str) -> None:
    with pytest.raises(Unreachable) as caught:
        channel = server.connect(user=user).start(["id"], become)
        channel.read(10)
        raise channel.why_ended()
    assert (caught.value.message, caught.value.next_step) == (message, next_step)
