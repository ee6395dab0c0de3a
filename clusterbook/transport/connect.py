"""From a host to a connection. What many hosts share (known_hosts, keys, jump hosts) is read or opened once a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Any

import fabric
import paramiko

from clusterbook.errors import InvalidInput, Position
from clusterbook.model import Host
from clusterbook.transport.identities import Identities
from clusterbook.transport.known_hosts import KnownHosts
from clusterbook.transport.local import LocalConnection
from clusterbook.transport.protocol import Connection, Options
from clusterbook.transport.settings import Settings, settings_of
from clusterbook.transport.ssh import SshConnection, open_ssh


class Connector:
    """Opens connections for one run. Safe to use from several threads; not to be passed to another process."""

    def __init__(self, options: Options) -> None:
        """options: what holds for the whole run. Nothing is read yet."""
        self.options = options
        self._identities = Identities()
        self._known: dict[tuple[str, ...], KnownHosts] = {}
        self._config: paramiko.SSHConfig | None = None
        self._gateways: dict[tuple[str, ...], fabric.Connection] = {}
        self._lock = Lock()
        self._gateway_lock = Lock()

    def connect(self, host: Host, options: Options | None = None) -> Connection:
        """An open connection. host.variables: evaluated. options: of the play, when they differ from the run's.

        Raises InvalidInput for wrong variables and Unreachable when the host cannot be reached.
        """
        settings = settings_of(host, options or self.options, self._ssh_config)
        if settings.local:
            return LocalConnection(settings)
        gateway = self._gateway(settings)
        link = open_ssh(settings, self._known_hosts(settings.known_hosts_files), self._identities, gateway)
        return SshConnection(settings, link)

    def close(self) -> None:
        """Close the connections to jump hosts."""
        with self._gateway_lock:
            for link in self._gateways.values():
                link.close()
            self._gateways.clear()

    def _known_hosts(self, files: tuple[str, ...]) -> KnownHosts:
        with self._lock:
            if files not in self._known:
                self._known[files] = KnownHosts(files)
            return self._known[files]

    def _ssh_config(self, address: str, user: str | None) -> Mapping[str, Any]:
        with self._lock:
            if self._config is None:
                self._config = _read_config(self.options.ssh_config_files)
            return self._config.lookup(address)

    def _gateway(self, settings: Settings) -> fabric.Connection | None:
        if not settings.jump:
            return None
        with self._gateway_lock:
            return self._hop(settings, settings.jump)

    def _hop(self, settings: Settings, hops: tuple[str, ...]) -> fabric.Connection:
        """The connection to the nearest jump host, itself through the farther ones. It is opened once a run."""
        key = (*hops, *settings.known_hosts_files)
        link = self._gateways.get(key)
        if link is not None and link.is_connected:
            return link
        beyond = self._hop(settings, hops[1:]) if len(hops) > 1 else None
        hop = self._hop_settings(settings, hops[0])
        link = open_ssh(hop, self._known_hosts(hop.known_hosts_files), self._identities, beyond)
        self._gateways[key] = link
        return link

    def _hop_settings(self, settings: Settings, hop: str) -> Settings:
        user, _, place = hop.removeprefix("ssh://").rpartition("@")
        address, _, port = place.partition(":") if place.count(":") < 2 else (place, "", "")
        variables: dict[str, Any] = {
            "ansible_host": address,
            "ansible_ssh_common_args": "-o UserKnownHostsFile=" + _quoted(settings.known_hosts_files),
        }
        if user:
            variables["ansible_user"] = user
        if port:
            variables["ansible_port"] = port
        if settings.key_files:
            variables["ansible_ssh_private_key_file"] = settings.key_files[0]
        if settings.accept_new:
            variables["ansible_host_key_checking"] = False
        found = settings_of(Host(f"jump host {hop}", (), variables), Options(), self._ssh_config)
        return replace(found, connect_timeout=settings.connect_timeout, keepalive=settings.keepalive)


def connect(host: Host, options: Options | None = None) -> Connection:
    """One connection by itself. Runs with several hosts use a Connector, which reads shared files once."""
    return Connector(options or Options()).connect(host)


def _quoted(files: tuple[str, ...]) -> str:
    return "'" + " ".join(files) + "'"


def _read_config(files: tuple[str, ...]) -> paramiko.SSHConfig:
    config = paramiko.SSHConfig()
    for name in files:
        path = Path(name).expanduser()
        if not path.exists():
            continue
        try:
            with path.open() as stream:
                config.parse(stream)
        except (paramiko.SSHException, paramiko.ConfigParseError, OSError, UnicodeDecodeError) as error:
            raise InvalidInput(
                f"cannot read the SSH configuration: {error}",
                where=Position(str(path)),
                next_step="Correct the file.",
            ) from None
    return config
