"""Starting a program as another user through sudo, so that no host can phish the password, or through su without one.

With a password, sudo prompts with a random token of ours on standard error and the started shell prints a second one:
the password is sent once, only after our own prompt, and never when sudo does not ask.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from clusterbook.errors import InvalidInput
from clusterbook.records import dataclass
from clusterbook.transport.protocol import Become


@dataclass(frozen=True)
class Escalation:
    """A command line and the two tokens that its standard error may show; empty tokens when there is no password."""

    argv: tuple[str, ...]
    prompt: str = ""
    success: str = ""


def escalate(argv: Sequence[str], become: Become | None, user: str) -> Escalation:
    """argv as another user. user: who is logged in; becoming oneself changes nothing."""
    if become is None or become.user == user:
        return Escalation(tuple(argv))
    if become.method == "su":
        return Escalation(_by_su(argv, become))
    sudo = (become.executable, *become.flags)
    if become.password is None:
        return Escalation((*sudo, "-n", "-u", become.user, "--", *argv))
    token = secrets.token_hex(16)
    prompt, success = f"[clusterbook-prompt-{token}]", f"[clusterbook-started-{token}]"
    shell = ("/bin/sh", "-c", f'echo "{success}" >&2; exec "$@"', "sh")
    return Escalation((*sudo, "-S", "-p", prompt, "-u", become.user, "--", *shell, *argv), prompt, success)


def _by_su(argv: Sequence[str], become: Become) -> tuple[str, ...]:
    """su reads a password from a terminal only, and a program over a connection has none."""
    if become.password is not None:
        raise InvalidInput(
            "become_method is 'su', and a become password is set, which su takes from a terminal only",
            next_step="Use 'sudo', log in as root, or let PAM trust the user (pam_wheel.so trust) and set no password.",
        )
    return (become.executable, *become.flags, "-s", "/bin/sh", "-c", 'exec "$0" "$@"', "--", become.user, *argv)
