"""SSH connections: one Fabric connection a host, several channels over it. Nothing else in the project uses Fabric.

Fabric's defaults that are closed here: it accepts any host key (our policy decides on each), loads its own
configuration files (an empty configuration is passed), reads standard input and polls (channels are driven directly),
joins unquoted environment values (none are sent), connects again without a word when a connection is lost (the
transport is used), has no keepalive and no bound on a silent host.
"""

from __future__ import annotations

import contextlib
import random
import shlex
import socket
import time
from collections.abc import Sequence
from typing import Any

import fabric
import paramiko
from paramiko.auth_strategy import AuthFailure

from clusterbook.errors import ClusterbookError, Unreachable
from clusterbook.transport import failures
from clusterbook.transport.become import escalate
from clusterbook.transport.channel import SshChannel
from clusterbook.transport.host_keys import HostKeyPolicy
from clusterbook.transport.identities import Identities, LoginStrategy
from clusterbook.transport.known_hosts import KnownHosts
from clusterbook.transport.protocol import Become, Channel
from clusterbook.transport.proxy import Dropped, ProxySocket, ended, open_proxy
from clusterbook.transport.settings import Settings

# A handshake costs this machine about 5 ms of CPU with each of the first three (Paramiko 5, 30 handshakes over
# loopback); AES-GCM moves twice as many bytes a second as AES-CTR with a MAC, because Python computes no MAC.
KEY_EXCHANGES = (
    "curve25519-sha256@libssh.org",
    "ecdh-sha2-nistp256",
    "ecdh-sha2-nistp384",
    "mlkem768x25519-sha256",
)
PAUSE_SECONDS = (0.2, 1.0)
CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes128-ctr", "aes256-ctr")


class SshConnection:
    """A host over SSH."""

    def __init__(self, settings: Settings, link: fabric.Connection) -> None:
        """link: open."""
        self.host = settings.host
        self.user = settings.user
        self.python = settings.python
        self._settings = settings
        self._link = link

    def start(self, argv: Sequence[str], become: Become | None = None) -> Channel:
        """Start a program. Raises Unreachable when the host does not open another channel."""
        escalation = escalate(argv, become, self.user)
        channel = self._open_channel(shlex.join(escalation.argv))
        started = SshChannel(channel, self.host, self.user, argv[0])
        if escalation.prompt and become is not None and become.password is not None:
            started.log_in(escalation, become.password, self._settings.handshake_timeout)
        return started

    def _open_channel(self, command: str) -> paramiko.Channel:
        try:
            # Not create_session(): Fabric would connect again when the connection is lost.
            channel: paramiko.Channel = self._link.transport.open_session()
            channel.exec_command(command)
            return channel
        except paramiko.ChannelException as error:
            raise Unreachable(
                f"{self.host}: opens no further session: {error.text}",
                next_step="Raise MaxSessions in its sshd_config.",
            ) from None
        except (paramiko.SSHException, EOFError, OSError):
            raise failures.lost(self.host) from None

    def close(self) -> None:
        """Close the connection and all of its channels."""
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            self._link.close()


def open_ssh(
    settings: Settings,
    known: KnownHosts,
    identities: Identities,
    gateway: fabric.Connection | None = None,
) -> fabric.Connection:
    """An open Fabric connection whose host key was verified. gateway: the connection to a jump host.

    A host in between that has no place for one more login (sshd's MaxStartups) is asked again for a while.
    """
    deadline = time.monotonic() + settings.handshake_timeout
    while True:
        try:
            return _open(settings, known, identities, gateway)
        except Dropped:
            if time.monotonic() >= deadline:
                raise
        time.sleep(random.uniform(*PAUSE_SECONDS))  # noqa: S311 (so that not all come again at once)


def _open(
    settings: Settings, known: KnownHosts, identities: Identities, gateway: fabric.Connection | None
) -> fabric.Connection:
    policy = HostKeyPolicy(settings, known)
    strategy = LoginStrategy(settings, identities)
    link = fabric.Connection(
        host=settings.address,
        user=settings.user,
        port=settings.port,
        config=fabric.Config(ssh_config=paramiko.SSHConfig(), lazy=True),
        gateway=gateway or False,
        connect_timeout=max(1, round(settings.handshake_timeout)),
        forward_agent=False,
        inline_ssh_env=False,
        connect_kwargs=_connect_arguments(settings, policy, strategy),
    )
    link.client.set_missing_host_key_policy(policy)
    try:
        if gateway is None:
            link.connect_kwargs["sock"] = _open_socket(settings)
        link.open()
    except BaseException as error:
        link.client.close()
        way = link.connect_kwargs.get("sock")
        if way is not None:
            way.close()
        if isinstance(way, ProxySocket) and way.words:
            raise ended(settings, way.words) from None
        raise _explained(error, settings, strategy) from None
    _keep_alive(link.transport, settings.keepalive)
    return link


def _open_socket(settings: Settings) -> socket.socket:
    """A TCP connection, with a deadline of its own, or the proxy command's."""
    if settings.proxy_command:
        return open_proxy(settings.proxy_command, settings)
    return socket.create_connection((settings.address, settings.port), settings.connect_timeout)


def _connect_arguments(settings: Settings, policy: HostKeyPolicy, strategy: LoginStrategy) -> dict[str, Any]:
    seconds = settings.handshake_timeout

    def transport(sock: Any, disabled_algorithms: Any = None) -> paramiko.Transport:
        made = paramiko.Transport(sock, disabled_algorithms=disabled_algorithms)
        made.handshake_timeout = seconds
        security = made.get_security_options()
        security.kex = _ordered(KEY_EXCHANGES, security.kex)
        security.ciphers = _ordered(CIPHERS, security.ciphers)
        security.key_types = policy.preferred(tuple(security.key_types))
        return made

    return {
        "transport_factory": transport,
        "auth_strategy": strategy,
        "banner_timeout": seconds * 0.9,  # before the deadline of the whole handshake, to be told apart
        "auth_timeout": seconds,
        "channel_timeout": seconds,
        "compress": False,
    }


def _ordered(preferred: Sequence[str], offered: Sequence[str]) -> tuple[str, ...]:
    """Those that we prefer, then the others; weak ones (CBC, 3DES) are left out."""
    first = [name for name in preferred if name in offered]
    rest = [name for name in offered if name not in first and "cbc" not in name]
    return (*first, *rest)


def _keep_alive(transport: paramiko.Transport, seconds: float) -> None:
    """Test a silent connection, and let the kernel give up when the host does not acknowledge for 3 times as long."""
    transport.set_keepalive(max(1, round(seconds)))
    sock = transport.sock
    if isinstance(sock, socket.socket) and sock.family in (socket.AF_INET, socket.AF_INET6):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(seconds * 3000))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _explained(error: BaseException, settings: Settings, strategy: LoginStrategy) -> BaseException:
    if isinstance(error, ClusterbookError):
        return error
    if isinstance(error, AuthFailure):
        return strategy.refused()
    if isinstance(error, paramiko.ChannelException):
        return Unreachable(
            f"{settings.host}: the jump host cannot reach {settings.address}:{settings.port}: {error.text}",
            next_step="Check the address as seen from the jump host, and AllowTcpForwarding there.",
        )
    if isinstance(error, paramiko.SSHException):
        return _handshake_error(error, settings)
    if isinstance(error, OSError | EOFError):
        return failures.cannot_connect(settings.host, settings.address, settings.port, error, settings.connect_timeout)
    return error


def _handshake_error(error: paramiko.SSHException, settings: Settings) -> Unreachable:
    place = f"{settings.host} ({settings.address}:{settings.port})"
    text = str(error)
    if isinstance(error, paramiko.ssh_exception.IncompatiblePeer) or "acceptable" in text:
        return Unreachable(
            f"{place}: no algorithm in common: {text}",
            next_step="Enable current algorithms in its sshd_config.",
        )
    if "banner" in text:
        return Unreachable(
            f"{place}: what answers there is not an SSH server, or it did not greet within "
            f"{settings.handshake_timeout:g} s",
            next_step="Check ansible_port and sshd's log there (MaxStartups).",
        )
    if "No existing session" in text:
        return Unreachable(
            f"{place}: the key exchange was not finished within {settings.handshake_timeout:g} s",
            next_step="Check the load of the host and the network, or raise ansible_ssh_timeout.",
        )
    return Unreachable(
        f"{place}: the SSH handshake failed: {text[:1].lower()}{text[1:]}",
        next_step="Check sshd's log on the host.",
    )
