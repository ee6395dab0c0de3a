"""OpenSSH options that an inventory passes in ansible_ssh_common_args and its kind."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from clusterbook.errors import InvalidInput

ARGUMENT_VARIABLES = ("ansible_ssh_args", "ansible_ssh_common_args", "ansible_ssh_extra_args")

_WITH_VALUE = {"-i": "identityfile", "-l": "user", "-p": "port", "-J": "proxyjump", "-F": "configfile"}
_IGNORED_FLAGS = {"-q", "-v", "-vv", "-vvv", "-C", "-4", "-T", "-n", "-x", "-a", "-k"}
_USED = [
    "BatchMode",
    "ConnectTimeout",
    "GlobalKnownHostsFile",
    "HostKeyAlias",
    "HostName",
    "IdentitiesOnly",
    "IdentityFile",
    "Port",
    "ProxyCommand",
    "ProxyJump",
    "ServerAliveInterval",
    "StrictHostKeyChecking",
    "User",
    "UserKnownHostsFile",
]
# One connection carries everything, so multiplexing means nothing here; the others change no decision of ours.
_WITHOUT_EFFECT = [
    "AddressFamily",
    "AddKeysToAgent",
    "CheckHostIP",
    "Compression",
    "ControlMaster",
    "ControlPath",
    "ControlPersist",
    "ForwardAgent",
    "ForwardX11",
    "GSSAPIAuthentication",
    "HashKnownHosts",
    "KbdInteractiveAuthentication",
    "LogLevel",
    "NumberOfPasswordPrompts",
    "PasswordAuthentication",
    "PreferredAuthentications",
    "PubkeyAuthentication",
    "RequestTTY",
    "ServerAliveCountMax",
    "TCPKeepAlive",
    "UpdateHostKeys",
    "VisualHostKey",
]
_LOWERED = {name.lower() for name in (*_USED, *_WITHOUT_EFFECT)}


def parse_arguments(variables: Mapping[str, object], host: str) -> dict[str, list[str]]:
    """Options by lower-case name, each with every value given, first one first. Raises InvalidInput."""
    found: dict[str, list[str]] = {}
    for variable in ARGUMENT_VARIABLES:
        text = variables.get(variable)
        if not text:
            continue
        for name, value in _options(str(text), variable, host):
            found.setdefault(name, []).append(value)
    return found


def _options(text: str, variable: str, host: str) -> list[tuple[str, str]]:
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise InvalidInput(
            f"{variable} of host {host!r} is {text!r}: {str(error).lower()}",
            next_step="Close the quotation.",
        ) from None
    result = []
    while words:
        word = words.pop(0)
        if word in _IGNORED_FLAGS:
            continue
        flag, value = word[:2], word[2:]
        if (flag != "-o" and flag not in _WITH_VALUE) or not (value or words):
            raise _unsupported(word, variable, host)
        value = value or words.pop(0)
        result.append(_keyword(value, variable, host) if flag == "-o" else (_WITH_VALUE[flag], value))
    return result


def _keyword(text: str, variable: str, host: str) -> tuple[str, str]:
    name, _, value = text.replace("=", " ", 1).strip().partition(" ")
    if name.lower() not in _LOWERED or not value.strip():
        raise _unsupported(f"-o {text}", variable, host)
    return name.lower(), value.strip().strip('"')


def _unsupported(word: str, variable: str, host: str) -> InvalidInput:
    return InvalidInput(
        f"{variable} of host {host!r} holds {word!r}, which is not supported",
        next_step=f"Use -i, -p, -l, -J, -F or -o with one of: {', '.join(_USED)}.",
    )
