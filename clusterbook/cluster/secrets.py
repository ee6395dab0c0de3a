"""Secrets at rest: AES-256-GCM with a key that is not in the store.

Each value is bound to its name, so that two files of the store cannot be swapped. keyring.json says how the
key is had; a check value tells a wrong one at once. It is

    file          a random file in the user's configuration directory
    passphrase    derived (scrypt) from the passphrase in CLUSTERBOOK_STORE_PASSPHRASE
    kms           in keyring.json, encrypted by the key of AWS KMS that CLUSTERBOOK_STORE_KMS_KEY named (kms.py)

A store that was changed from one to another keeps its key: file or passphrase then open the key in keyring.json.
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
from clusterbook.cluster.names import KMS_VARIABLE, PASSPHRASE_VARIABLE, StoreError, WrongKey, WrongWord
from clusterbook.cluster.store import Store
from clusterbook.errors import Failed, InvalidInput

KEYRING = "keyring.json"
VARIABLES = {"passphrase": PASSPHRASE_VARIABLE, "kms": KMS_VARIABLE}
# What a keyring.json of each kind has. Of a changed store also `sealed`, and `opener`, a check of what opens it.
_PARTS = {"file": ("check",), "passphrase": ("salt", "check"), "kms": ("key", "store", "sealed", "check")}
_BYTES = 32
_SCRYPT = {"n": 2**15, "r": 8, "p": 1, "maxmem": 64 * 1024 * 1024, "dklen": _BYTES}
Form = dict[str, str]
Environment = Mapping[str, str]


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


def open_keyring(store: Store, environment: Environment, configuration: Path | None = None) -> Keyring:
    """The keyring of a store; key and keyring.json are made the first time. configuration: where the key file lives."""
    described = store.read(KEYRING) or _describe(store, environment, _directory(configuration))
    return unlock(described, environment, configuration)


def unlock(described: bytes, environment: Environment, configuration: Path | None = None) -> Keyring:
    """The keyring that a keyring.json describes. WrongKey when the key at hand is another."""
    return Keyring(_key(_parse(described), environment, _directory(configuration)))


def same_key(one: bytes, other: bytes) -> bool:
    """Whether two keyring.json open the same key, by whatever they do."""
    return hmac.compare_digest(_parse(one)["check"], _parse(other)["check"])


def description(store: Store) -> Form:
    """How the key of a store is had, for people: its kind, and of KMS the key and the address in its context.

    {} when there is no keyring.json yet.
    """
    described = store.read(KEYRING)
    form = _parse(described) if described else {}
    return {part: form[part] for part in ("kind", "key", "store") if part in form}


def change(store: Store, kind: str, word: str, environment: Environment, configuration: Path | None = None) -> None:
    """Have the key of a store by another passphrase, KMS key or file from now on; the key itself stays.

    word: the passphrase, or the KMS key. What is written was opened before. Failed when somebody else was first.
    """
    old, directory = store.read(KEYRING), _directory(configuration)
    if old is None:
        raise InvalidInput(f"the store {store.address} has no key yet", next_step="Make a cluster in it first.")
    key = _key(_parse(old), environment, directory)
    form = _form(kind, word, key, store.address, environment, directory)
    by_word = {**environment, VARIABLES[kind]: word} if kind in VARIABLES else environment
    if _key(form, by_word, directory) != key:
        raise Failed("the key of the store came back as another one", next_step="Report this as a bug.")
    if not store.swap(KEYRING, old, _render(form)):
        raise Failed(f"somebody else changed {KEYRING} meanwhile", next_step="Run it again.")


def ensure_secret(store: Store, keyring: Keyring, name: str, make: Callable[[], bytes]) -> bytes:
    """The value of a secret; made once and for all by `make` when absent. Two processes get the same value."""
    found = store.read(name)
    if found is None:
        made = keyring.seal(name, make())
        store.swap(name, None, made)
        found = store.read(name) or made
    return keyring.open(name, found)


def _describe(store: Store, environment: Environment, directory: Path) -> bytes:
    """A new store's keyring.json. It was opened before it is written, so nothing is ever encrypted in vain."""
    words = {kind: environment[name] for kind, name in VARIABLES.items() if environment.get(name)}
    if len(words) > 1:
        raise InvalidInput(
            f"{PASSPHRASE_VARIABLE} and {KMS_VARIABLE} are both set, and a new store is encrypted by one of them",
            next_step="Unset one.",
        )
    kind, word = next(iter(words.items()), ("file", ""))
    form = _form(kind, word, None, store.address, environment, directory)
    _key(form, environment, directory)
    store.swap(KEYRING, None, _render(form))
    return store.read(KEYRING) or b""


def _form(
    kind: str, word: str, key: bytes | None, address: str, environment: Environment, directory: Path
) -> Form:  # fmt: skip
    """What keyring.json says from now on. key: the store's; None for a new one."""
    if kind == "kms":
        from clusterbook.cluster import kms  # boto3 takes half a second to load

        key = key or random.token_bytes(_BYTES)
        arn, sealed = kms.seal(word, key, address, environment)
        return {"kind": kind, "key": arn, "store": address, "sealed": _text(sealed), "check": _check_value(key)}
    salt = random.token_bytes(16)
    opener = _derive(word, salt) if kind == "passphrase" else _key_of_file(directory, make=True)
    form = {"kind": kind, "salt": _text(salt), "check": _check_value(key or opener)}
    if key not in (None, opener):
        sealed = Keyring(opener).seal(KEYRING, key or b"")
        form |= {"sealed": _text(sealed), "opener": _check_value(opener)}
    return form


def _key(form: Form, environment: Environment, directory: Path) -> bytes:
    """The key of the store. WrongKey when it cannot be had, or is another."""
    sealed = base64.b64decode(form.get("sealed", ""))
    if form["kind"] == "kms":
        from clusterbook.cluster import kms  # boto3 takes half a second to load

        key = kms.unseal(form["key"], sealed, form["store"], environment)
    elif form["kind"] == "passphrase":
        key = _derive(_demanded(environment.get(PASSPHRASE_VARIABLE, "")), base64.b64decode(form["salt"]))
    else:
        key = _key_of_file(directory, make=False)
    if "opener" in form:
        if _check_value(key) != form["opener"]:
            raise _wrong_key(form["kind"], directory)
        key = Keyring(key).open(KEYRING, sealed)
    if _check_value(key) != form["check"]:
        raise _wrong_key(form["kind"], directory)
    return key


def _directory(configuration: Path | None) -> Path:
    return configuration or Path(platformdirs.user_config_dir("clusterbook"))


def _render(form: Form) -> bytes:
    return json.dumps(form).encode() + b"\n"


def _parse(described: bytes) -> Form:
    try:
        form = json.loads(described)
        if all(isinstance(form[part], str) for part in ("kind", *_PARTS[form["kind"]])):
            for part in ("salt", "sealed"):
                base64.b64decode(form.get(part, ""), validate=True)
            return {part: value for part, value in form.items() if isinstance(value, str)}
    except (ValueError, KeyError, TypeError):
        pass
    raise StoreError(f"{KEYRING} in the store is damaged", next_step="Restore that file from a backup of the store.")


def _key_of_file(directory: Path, make: bool) -> bytes:
    path = directory / "store.key"
    try:
        if make:
            files.make_private_directory(directory, directory)
            if not path.exists():
                files.create_once(path, _text(random.token_bytes(32)).encode() + b"\n")
        return _checked_key(path)
    except FileNotFoundError as error:
        raise WrongWord(
            f"the key of this store, {path}, is not on this machine",
            next_step="Copy it, mode 0600, from the machine that made the store.",
        ) from error


def _checked_key(path: Path) -> bytes:
    if path.stat().st_mode & 0o077:
        raise WrongWord(f"{path} can be read by others", next_step=f"Run chmod 600 {path}")
    try:
        key = base64.b64decode(path.read_bytes(), validate=False)
    except ValueError:
        key = b""
    if len(key) != _BYTES:
        raise WrongWord(f"{path} holds no key of 32 bytes", next_step="Restore that file from a backup.")
    return key


def _demanded(passphrase: str) -> str:
    if passphrase:
        return passphrase
    raise WrongWord("this store is encrypted with a passphrase", next_step=f"Set {PASSPHRASE_VARIABLE} to it.")


def _derive(passphrase: str, salt: bytes) -> bytes:
    return hashlib.scrypt(passphrase.encode(), salt=salt, **_SCRYPT)


def _check_value(key: bytes) -> str:
    return hashlib.sha256(b"clusterbook store key check\0" + key).hexdigest()[:32]


def _wrong_key(kind: str, directory: Path) -> WrongKey:
    if kind == "passphrase":
        return WrongWord(
            "this passphrase does not open the store",
            next_step=f"Set {PASSPHRASE_VARIABLE} to the one it was made with.",
        )
    if kind == "kms":
        return WrongKey(
            "what KMS opened is not the key of this store: keyring.json was damaged",
            next_step="Restore that file from a backup of the store.",
        )
    path = directory / "store.key"
    return WrongWord(
        f"the key in {path} is not the one of this store",
        next_step="Put the key file of the machine that made the store there, mode 0600.",
    )


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
