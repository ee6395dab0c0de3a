"""How one host is reached: its ansible_* variables, then OpenSSH arguments, ~/.ssh/config, the run's options."""

from __future__ import annotations

import getpass
import shlex
from collections.abc import Callable, Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from clusterbook.errors import InvalidInput
from clusterbook.model import Host
from clusterbook.records import dataclass
from clusterbook.transport.arguments import parse_arguments
from clusterbook.transport.protocol import Become, Options

KNOWN_HOSTS_FILES = (
    "~/.ssh/known_hosts",
    "~/.ssh/known_hosts2",
    "/etc/ssh/ssh_known_hosts",
    "/etc/ssh/ssh_known_hosts2",
)
BECOME_METHODS = ("sudo", "su")
SSH_CONNECTIONS = ("ssh", "smart", "paramiko", "paramiko_ssh", "fabric")
HANDSHAKE_PATIENCE = 3
ACCEPTING = ("accept-new", "no", "off")

SshConfig = Callable[[str, str | None], Mapping[str, Any]]


@dataclass(frozen=True)
class Settings:
    """Everything that a connection needs. jump: hosts as [USER@]HOST[:PORT], the nearest first."""

    host: str
    address: str
    port: int
    user: str
    local: bool = False
    password: str | None = field(default=None, repr=False)
    key_files: tuple[str, ...] = ()
    identities_only: bool = False
    jump: tuple[str, ...] = ()
    proxy_command: str | None = None
    known_hosts_files: tuple[str, ...] = KNOWN_HOSTS_FILES
    host_key_alias: str | None = None
    accept_new: bool = False
    connect_timeout: float = 10.0
    keepalive: float = 15.0
    python: str | None = None

    @property
    def handshake_timeout(self) -> float:
        """Seconds for the greeting, the key exchange, the login and for opening a channel."""
        return self.connect_timeout * HANDSHAKE_PATIENCE


def settings_of(host: Host, options: Options, ssh_config: SshConfig) -> Settings:
    """The settings of a host whose connection variables are evaluated already. Raises InvalidInput.

    ssh_config: (address, user) -> what ~/.ssh/config says, keys in lower case.
    """
    read = _Variables(host)
    python = read.text("ansible_python_interpreter")
    connection = read.text("ansible_connection") or options.connection
    local = connection in ("local", "ansible.builtin.local")
    python = _python(python, options, local)
    if local:
        return Settings(host.name, "", 0, getpass.getuser(), local=True, python=python)
    if connection.removeprefix("ansible.builtin.") not in SSH_CONNECTIONS:
        raise InvalidInput(
            f"ansible_connection of host {host.name!r} is {connection!r}",
            where=host.position,
            next_step="Use 'ssh' or 'local'.",
        )
    given = parse_arguments(host.variables, host.name)
    address = read.text("ansible_host", "ansible_ssh_host") or host.name
    user = read.text("ansible_user", "ansible_ssh_user") or _first(given, "user")
    config = ssh_config(address, user) if "configfile" not in given else {}
    merged = _Options({**{key: _listed(value) for key, value in config.items()}, **given})
    accept = merged.text("stricthostkeychecking").lower() in ACCEPTING or options.accept_new
    if read.flag("ansible_host_key_checking", "ansible_ssh_host_key_checking") is False:
        accept = True
    own_key = read.text("ansible_private_key_file", "ansible_ssh_private_key_file") or options.private_key_file
    return Settings(
        host=host.name,
        address=merged.text("hostname") or address,
        port=read.number("ansible_port", "ansible_ssh_port") or merged.number("port") or options.port or 22,
        user=user or options.user or merged.text("user") or getpass.getuser(),
        password=read.text("ansible_password", "ansible_ssh_pass", "ansible_ssh_password") or options.password,
        key_files=_paths(([own_key] if own_key else []) + merged.values("identityfile")),
        identities_only=merged.text("identitiesonly").lower() == "yes",
        jump=_jump(merged.text("proxyjump")),
        proxy_command=_unless_none(merged.text("proxycommand")),
        known_hosts_files=_known_hosts(merged, options),
        host_key_alias=merged.text("hostkeyalias") or None,
        accept_new=accept,
        connect_timeout=_seconds(read, merged, options),
        keepalive=float(merged.number("serveraliveinterval") or options.keepalive),
        python=python,
    )


def _python(named: str | None, options: Options, local: bool) -> str | None:
    """The interpreter, None to look for one."""
    default = options.interpreter
    if local and default is not None and not Path(default).exists():
        default = None
    python = named or default
    return None if python is None or python.startswith("auto") else python


def become_of(variables: Mapping[str, Any], keywords: Mapping[str, Any], host: str = "") -> Become | None:
    """The Become of a host and task, from evaluated variables (ansible_become*, which win) and keywords (become*)."""
    read = _Variables(Host(host, (), variables))
    wanted = read.flag("ansible_become")
    if wanted is None:
        wanted = bool(keywords.get("become"))
    if not wanted:
        return None
    own = read.text("ansible_become_method")
    method = own or str(keywords.get("become_method") or BECOME_METHODS[0])
    method = method.removeprefix("ansible.builtin.")
    if method not in BECOME_METHODS:
        said = f"ansible_become_method of host {host!r}" if own else "become_method"
        raise InvalidInput(f"{said} is {method!r}", next_step="Use 'sudo', or 'su' where that asks for no password.")
    return Become(
        method=method,
        user=read.text("ansible_become_user", "ansible_sudo_user") or str(keywords.get("become_user") or "root"),
        password=read.text(
            "ansible_become_password", "ansible_become_pass", "ansible_sudo_pass", "ansible_sudo_password"
        ),
        executable=read.text("ansible_become_exe") or str(keywords.get("become_exe") or method),
        flags=_flags(read.text("ansible_become_flags"), method),
    )


def _flags(text: str | None, method: str) -> tuple[str, ...]:
    """The method's flags but those that say how sudo asks for the password, which we decide ourselves."""
    if text is None:
        return ("-H",) if method == "sudo" else ()
    return tuple(flag for flag in shlex.split(text) if flag not in ("-S", "-n"))


class _Variables:
    """A host's variables, read by name with their types checked."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def _find(self, names: tuple[str, ...]) -> tuple[str, Any]:
        for name in names:
            if self._host.variables.get(name) is not None:
                return name, self._host.variables[name]
        return names[0], None

    def _wrong(self, name: str, value: Any, expected: str) -> InvalidInput:
        shown = "***" if "pass" in name else repr(value)
        return InvalidInput(
            f"{name} of host {self._host.name!r} is {shown}, expected {expected}",
            where=self._host.position,
            next_step="Correct it in the inventory.",
        )

    def text(self, *names: str) -> str | None:
        name, value = self._find(names)
        if value is None or isinstance(value, str):
            return value or None
        if isinstance(value, int | float) and not isinstance(value, bool):
            return str(value)
        raise self._wrong(name, value, "text")

    def number(self, *names: str) -> int | None:
        name, value = self._find(names)
        if value is None:
            return None
        if str(value).isdigit():
            return int(value)
        raise self._wrong(name, value, "a number")

    def flag(self, *names: str) -> bool | None:
        name, value = self._find(names)
        if value is None or isinstance(value, bool):
            return value
        if str(value).lower() in ("yes", "true", "on", "1"):
            return True
        if str(value).lower() in ("no", "false", "off", "0"):
            return False
        raise self._wrong(name, value, "true or false")


class _Options:
    """OpenSSH options by lower-case name."""

    def __init__(self, values: Mapping[str, list[str]]) -> None:
        self._values = values

    def values(self, name: str) -> list[str]:
        return self._values.get(name, [])

    def text(self, name: str) -> str:
        return _first(self._values, name) or ""

    def number(self, name: str) -> int | None:
        text = self.text(name)
        return int(text) if text.isdigit() else None


def _first(values: Mapping[str, list[str]], name: str) -> str | None:
    found = values.get(name)
    return found[0] if found else None


def _listed(value: Any) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]


def _paths(names: list[str]) -> tuple[str, ...]:
    return tuple(str(Path(name).expanduser()) for name in names if name != "none")


def _jump(text: str) -> tuple[str, ...]:
    return () if not text or text == "none" else tuple(reversed([hop.strip() for hop in text.split(",")]))


def _unless_none(text: str) -> str | None:
    return None if text in ("", "none") else text


def _known_hosts(merged: _Options, options: Options) -> tuple[str, ...]:
    own = merged.text("userknownhostsfile").split()
    everyone = merged.text("globalknownhostsfile").split() or list(KNOWN_HOSTS_FILES[2:])
    if not own and options.known_hosts_files:
        return _paths(list(options.known_hosts_files))
    return _paths([*(own or KNOWN_HOSTS_FILES[:2]), *everyone])


def _seconds(read: _Variables, merged: _Options, options: Options) -> float:
    found = read.number("ansible_ssh_timeout", "ansible_timeout") or merged.number("connecttimeout")
    return float(found or options.connect_timeout)
