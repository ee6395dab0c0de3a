"""What went wrong with a connection or a started program, in words that say what to do."""

from __future__ import annotations

import errno
import re
import socket

from clusterbook.errors import ClusterbookError, Failed, Unreachable

_SUDO = (
    (r"a password is required|no password was provided", "sudo on {host} needs a password for {user}",
     "Set ansible_become_password in the inventory, or allow {user} sudo without a password (NOPASSWD)."),
    (r"must have a tty", "sudo on {host} insists on a terminal (requiretty)",
     "Remove 'Defaults requiretty' from its sudoers."),
    (r"not in the sudoers|may not run sudo|not allowed to execute", "sudo on {host} refuses {user}",
     "Allow {user} in its sudoers, or log in as another user."),
    (r"unknown user:? (\S+)", "sudo on {host} knows no user {detail}", "Correct become_user."),
    (r"sudo\S*: (?:.*not found|No such file)", "there is no sudo on {host}",
     "Install it, or log in as root."),
)  # fmt: skip


def cannot_connect(host: str, address: str, port: int, error: BaseException, timeout: float) -> Unreachable:
    """From an error of the socket layer."""
    place = f"{host} ({address}:{port})" if address else host
    if isinstance(error, socket.gaierror):
        return Unreachable(
            f"{host}: the name {address!r} is not known to the resolver",
            next_step="Correct ansible_host, or add the name to DNS or /etc/hosts.",
        )
    if isinstance(error, TimeoutError):
        return Unreachable(
            f"{place}: no answer within {timeout:g} s",
            next_step="Check that the host runs and that no firewall is between.",
        )
    if isinstance(error, ConnectionRefusedError) or "Unable to connect to port" in str(error):
        return Unreachable(
            f"{place}: connection refused",
            next_step="Check that sshd runs there and that ansible_port is right.",
        )
    if isinstance(error, EOFError):
        return Unreachable(
            f"{place}: the connection was closed before the greeting",
            next_step="Check sshd's log there (MaxStartups, AllowUsers, tcp wrappers).",
        )
    if getattr(error, "errno", None) in (errno.EHOSTUNREACH, errno.ENETUNREACH):
        return Unreachable(
            f"{place}: no route to host",
            next_step="Check that the host runs and that its address (ansible_host) is right.",
        )
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return Unreachable(f"{place}: {reason[:1].lower()}{reason[1:]}", next_step="Check the network to the host.")


def no_answer(host: str, seconds: float) -> Unreachable:
    """A program on a host was silent for too long."""
    return Unreachable(
        f"{host}: no answer for {seconds:g} s",
        next_step="Check the host and the network, then run the same command again.",
    )


def lost(host: str) -> Unreachable:
    """The connection broke while it was in use."""
    return Unreachable(
        f"{host}: the connection was lost",
        next_step="Check the host and the network, then run the same command again: it goes on where it stopped.",
    )


def ended(host: str, user: str, program: str, status: int | None, stderr: str) -> ClusterbookError:
    """A program ended although nobody expected it. status: None when the connection went with it."""
    found = sudo_refusal(host, user, stderr)
    if found is not None:
        return found
    if status is None:
        return lost(host)
    if status == 127 or (status == 126 and "ermission" in stderr):
        return Unreachable(
            f"{host}: {program!r} is not there or cannot be executed",
            next_step=no_program_step(program),
        )
    how = f"was ended by signal {-status}" if status < 0 else f"ended with exit status {status}"
    last = stderr.strip().splitlines()[-1:] or ["nothing on standard error"]
    return Failed(f"{host}: {program!r} {how}: {last[0].strip()}", next_step="See the host's log of this run.")


def sudo_refusal(host: str, user: str, stderr: str) -> Unreachable | None:
    """The reason for which sudo did not start the program, if it is one that we know."""
    for pattern, message, next_step in _SUDO:
        found = re.search(pattern, stderr)
        if found:
            names = {"host": host, "user": user, "detail": found.group(1) if found.groups() else ""}
            return Unreachable(message.format(**names), next_step=next_step.format(**names))
    return None


def wrong_password(host: str, user: str) -> Unreachable:
    """sudo asked a second time."""
    return Unreachable(
        f"sudo on {host} does not accept the password of {user}",
        next_step="Correct ansible_become_password in the inventory.",
    )


def no_program_step(program: str) -> str:
    """How to get a program that a host lacks."""
    if "python" in program:
        return "Install it ('apt-get install python3' or 'dnf install python3'), or set ansible_python_interpreter."
    return "Install it there or correct its path."
