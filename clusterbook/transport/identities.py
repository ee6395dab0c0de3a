"""The keys and the password with which a run logs in. Key files are read once for all hosts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Lock

import paramiko
from paramiko.auth_strategy import AuthSource, AuthStrategy, InMemoryPrivateKey, Password

from clusterbook.errors import Unreachable
from clusterbook.transport.settings import Settings

DEFAULT_KEYS = ("~/.ssh/id_ed25519", "~/.ssh/id_ecdsa", "~/.ssh/id_rsa")


class Identities:
    """Private keys by path. Kept for one run; shared by threads."""

    def __init__(self) -> None:
        """Nothing is read before the first host needs it."""
        self._keys: dict[str, paramiko.PKey | str] = {}
        self._lock = Lock()

    def key(self, path: str) -> paramiko.PKey | str:
        """The key in a file, or why it cannot be used."""
        with self._lock:
            if path not in self._keys:
                self._keys[path] = _load(path)
            return self._keys[path]


class LoginStrategy(AuthStrategy):
    """Keys that the inventory names, the agent's, ~/.ssh/id_*, then the password; nothing ever asks a person."""

    def __init__(self, settings: Settings, identities: Identities) -> None:
        """settings: user, key files and password of the host."""
        super().__init__(ssh_config=paramiko.SSHConfig())
        self._settings = settings
        self._identities = identities
        self.tried: list[str] = []

    def get_sources(self) -> Iterator[AuthSource]:
        """What to try, in order. `tried` names it for the error message."""
        user, settings = self._settings.user, self._settings
        for path in settings.key_files:
            yield from self._file(path)
        if not (settings.identities_only and settings.key_files):
            yield from self._agent()
        if not settings.key_files:
            for path in DEFAULT_KEYS:
                if Path(path).expanduser().exists():
                    yield from self._file(path)
        if settings.password is not None:
            password = settings.password
            self.tried.append("password")
            yield Password(user, lambda: password)

    def _agent(self) -> Iterator[AuthSource]:
        """The keys of the ssh agent, over a connection of this host's own: it cannot be shared by threads."""
        try:
            agent = paramiko.Agent()
        except (paramiko.SSHException, OSError):
            return
        try:
            for key in agent.get_keys():
                self.tried.append(f"agent key {key.comment or key.get_name()}")
                yield InMemoryPrivateKey(self._settings.user, key)
        finally:
            agent.close()

    def _file(self, path: str) -> Iterator[AuthSource]:
        key = self._identities.key(path)
        if isinstance(key, str):
            self.tried.append(f"{path} ({key})")
            return
        self.tried.append(path)
        yield InMemoryPrivateKey(self._settings.user, key)

    def refused(self) -> Unreachable:
        """The error after nothing was accepted."""
        settings = self._settings
        tried = ", ".join(self.tried) or "nothing: there is no key and no password"
        return Unreachable(
            f"{settings.host} ({settings.address}:{settings.port}): login as {settings.user!r} was refused; "
            f"tried {tried}",
            next_step="Set ansible_user and ansible_ssh_private_key_file, or add your public key there.",
        )


def _load(path: str) -> paramiko.PKey | str:
    try:
        return paramiko.PKey.from_path(Path(path).expanduser())
    except FileNotFoundError:
        return "there is no such file"
    except OSError as error:
        return str(error.strerror).lower()
    except TypeError:
        return "has a passphrase: add it to the ssh agent with ssh-add"
    except (ValueError, paramiko.SSHException):
        return "is not a private key that can be read"
