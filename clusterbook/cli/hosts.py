"""One question to many hosts at once: those that do not answer hide nothing of the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from clusterbook.cli.screen import plural
from clusterbook.cli.site import connected
from clusterbook.cluster.verification.shell import RootShell
from clusterbook.errors import ClusterbookError, Failed
from clusterbook.model import Host

# Hosts that are asked at a time.
AT_A_TIME = 16
NAMED = 3
"""So many hosts are named; of more it is said how many."""
One = TypeVar("One")
Answer = TypeVar("Answer")


def ask(hosts: Iterable[Host], command: str) -> dict[str, bytes | ClusterbookError]:
    """What a shell's command of root prints on each host, by name, or why it could not be asked."""
    return at_once({host.name: host for host in hosts}, lambda host: printed(host, command))


def at_once(known: Mapping[str, One], question: Callable[[One], Answer]) -> dict[str, Answer | ClusterbookError]:
    """The answer to a question about each host, by its name, or why there is none."""

    def one(about: One) -> Answer | ClusterbookError:
        try:
            return question(about)
        except ClusterbookError as error:
            return error

    with ThreadPoolExecutor(AT_A_TIME) as executor:
        return dict(zip(known, executor.map(one, known.values()), strict=True))


def unread(answers: Mapping[str, object]) -> dict[str, str]:
    """Why those that gave no answer gave none, by name."""
    return {name: answer.message for name, answer in answers.items() if isinstance(answer, ClusterbookError)}


def named(names: Sequence[str]) -> str:
    """Hosts as a cell of a table has room for them."""
    return ", ".join(names) if len(names) <= NAMED else plural(len(names), "host")


def printed(host: Host, command: str) -> bytes:
    """What the command prints on a host. Failed when its exit status is not 0, Unreachable without a connection."""
    shell = RootShell(connected(host))
    try:
        return output(shell, command)
    finally:
        shell.close()


def output(shell: RootShell, command: str) -> bytes:
    """What the command prints in an open shell. Failed when its exit status is not 0."""
    status, answer, errors = shell.run(command.encode())
    if status:
        raise Failed(f"what was asked cannot be read: {errors.decode(errors='replace').strip()[-200:]!r}")
    return answer
