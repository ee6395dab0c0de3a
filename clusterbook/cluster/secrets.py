"""Secrets at rest: AES-256-GCM with a key that is not in the store.

The key is a random file in the user's configuration directory, or is derived (scrypt) from the passphrase in
CLUSTERBOOK_STORE_PASSPHRASE. Each value is bound to its name, so that two files of the store cannot be swapped.
A store remembers which of the two it was made with (keyring.json) and a check value, so a wrong key is said at once.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets as random
from collections.abc import Callable, Mapping
from pathlib import Path

import platformdirs
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from clusterbook.cluster import files
from clusterbook.cluster.names import StoreError
from clusterbook.cluster.store import Store
from clusterbook.errors import Failed

PASSPHRASE_VARIABLE = "CLUSTERBOOK_STORE_PASSPHRASE"  # noqa: S105 - the variable's name, not its value
KEYRING = "keyring.json"
_SCRYPT = {"n": 2**15, "r": 8, "p": 1, "maxmem": 64 * 1024 * 1024, "dklen": 32}


class WrongKey(Failed):
    """The key at hand is not the one that the store was encrypted with."""


class Keyring:
    """Encrypts and decrypts the values of one store. Its key never shows."""

    def __init__(self, key: bytes) -> None:
        """key: 32 bytes."""
        self._cipher = AESGCM(key)
        self._seed = hmac.digest(key, b"clusterbook derived keys", "sha256")

    def __repr__(self) -> str:
        """Says nothing of the key."""
        return "Keyring(…)"

    def seal(self, name: str, value: bytes) -> bytes:
        """The encrypted form of a value, only good under this name."""
        nonce = random.token_bytes(12)
        data = self._cipher.encrypt(nonce, value, name.encode())
        form = {"cipher": "aes-256-gcm", "nonce": _text(nonce), "data": _text(data)}
        return json.dumps(form).encode() + b"\n"

    def derived(self, purpose: str) -> bytes:
        """32 bytes that only who has the key can make, the same each time, and of no use for another purpose."""
        return hmac.digest(self._seed, purpose.encode(), "sha256")

    def open(self, name: str, sealed: bytes) -> bytes:
        """The value again. Failed when the bytes were damaged, or belong to another name or key."""
        try:
            form = json.loads(sealed)
            nonce, data = (base64.b64decode(form[part]) for part in ("nonce", "data"))
            return self._cipher.decrypt(nonce, data, name.encode())
        except (ValueError, KeyError, TypeError, InvalidTag) as error:
            raise Failed(
                f"{name} in the store cannot be decrypted: it was damaged or exchanged",
                next_step="Restore that file of the store from a backup.",
            ) from error


def open_keyring(store: Store, environment: Mapping[str, str], configuration: Path | None = None) -> Keyring:
    """The keyring of a store; key and keyring.json are made the first time. configuration: where the key file lives."""
    directory = configuration or Path(platformdirs.user_config_dir("clusterbook"))
    passphrase = environment.get(PASSPHRASE_VARIABLE, "")
    return unlock(store.read(KEYRING) or _describe(store, passphrase, directory), environment, configuration)


def unlock(described: bytes, environment: Mapping[str, str], configuration: Path | None = None) -> Keyring:
    """The keyring that a keyring.json describes. WrongKey when the key at hand is another."""
    directory = configuration or Path(platformdirs.user_config_dir("clusterbook"))
    passphrase = environment.get(PASSPHRASE_VARIABLE, "")
    form = _parse(described)
    if form["kind"] == "passphrase":
        key = _derive(_demanded(passphrase), base64.b64decode(form["salt"]))
    else:
        key = _key_of_file(directory, make=False)
    if _check_value(key) != form["check"]:
        raise _wrong_key(form["kind"], directory)
    return Keyring(key)


def ensure_secret(store: Store, keyring: Keyring, name: str, make: Callable[[], bytes]) -> bytes:
    """The value of a secret; made once and for all by `make` when absent. Two processes get the same value."""
    found = store.read(name)
    if found is None:
        made = keyring.seal(name, make())
        store.swap(name, None, made)
        found = store.read(name) or made
    return keyring.open(name, found)


def _describe(store: Store, passphrase: str, directory: Path) -> bytes:
    salt = random.token_bytes(16)
    key = _derive(passphrase, salt) if passphrase else _key_of_file(directory, make=True)
    form = {"kind": "passphrase" if passphrase else "file", "salt": _text(salt), "check": _check_value(key)}
    store.swap(KEYRING, None, json.dumps(form).encode() + b"\n")
    return store.read(KEYRING) or b""


def _parse(described: bytes) -> dict[str, str]:
    try:
        form = json.loads(described)
        return {part: str(form[part]) for part in ("kind", "salt", "check")}
    except (ValueError, KeyError, TypeError) as error:
        message = f"{KEYRING} in the store is damaged"
        raise StoreError(message, next_step="Restore that file from a backup of the store.") from error


def _key_of_file(directory: Path, make: bool) -> bytes:
    path = directory / "store.key"
    try:
        if make:
            files.make_private_directory(directory, directory)
            if not path.exists():
                files.create_once(path, _text(random.token_bytes(32)).encode() + b"\n")
        return _checked_key(path)
    except FileNotFoundError as error:
        raise WrongKey(
            f"the key of this store, {path}, is not on this machine",
            next_step="Copy it, mode 0600, from the machine that made the store.",
        ) from error


def _checked_key(path: Path) -> bytes:
    if path.stat().st_mode & 0o077:
        raise WrongKey(f"{path} can be read by others", next_step=f"Run chmod 600 {path}")
    try:
        key = base64.b64decode(path.read_bytes(), validate=False)
    except ValueError:
        key = b""
    if len(key) != 32:
        raise WrongKey(f"{path} holds no key of 32 bytes", next_step="Restore that file from a backup.")
    return key


def _demanded(passphrase: str) -> str:
    if passphrase:
        return passphrase
    raise WrongKey("this store is encrypted with a passphrase", next_step=f"Set {PASSPHRASE_VARIABLE} to it.")


def _derive(passphrase: str, salt: bytes) -> bytes:
    return hashlib.scrypt(passphrase.encode(), salt=salt, **_SCRYPT)


def _check_value(key: bytes) -> str:
    return hashlib.sha256(b"clusterbook store key check\0" + key).hexdigest()[:32]


def _wrong_key(kind: str, directory: Path) -> WrongKey:
    if kind == "passphrase":
        return WrongKey(
            "this passphrase does not open the store",
            next_step=f"Set {PASSPHRASE_VARIABLE} to the one it was made with.",
        )
    path = directory / "store.key"
    return WrongKey(
        f"the key in {path} is not the one of this store",
        next_step="Put the key file of the machine that made the store there, mode 0600.",
    )


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
