"""Files and texts that ansible-vault encrypted: formats 1.1 and 1.2, cipher AES256.

The form is that of ansible-vault's documentation: a header line, then hexadecimal in lines of 80 characters, which
holds salt, HMAC and ciphertext as hexadecimal lines. Keys come from PBKDF2-HMAC-SHA256 with 10,000 rounds; AES-256 in
counter mode; the HMAC-SHA256 is over the ciphertext.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterable
from threading import Lock

from clusterbook.errors import InvalidInput, Position
from clusterbook.records import dataclass

BEGINNING = "$ANSIBLE_VAULT;"
MARK = BEGINNING.encode()
DEFAULT_ID = "default"
_ROUNDS = 10_000
_LINE = 80


class WrongPassword(Exception):
    """The password is not the one that this was encrypted with, or the bytes were changed."""


class Closed(InvalidInput):
    """Something encrypted that none of the passwords of the run opens."""


class Malformed(Exception):
    """This begins as something encrypted, but is not."""


@dataclass(frozen=True)
class VaultKey:
    """A password with the id that people gave it."""

    id: str
    password: bytes

    def __repr__(self) -> str:
        """Never the password."""
        return f"VaultKey({self.id!r})"


class Vault:
    """The passwords of one run, and what they opened: it is secret wherever it is shown. Thread-safe."""

    def __init__(self, keys: Iterable[VaultKey] = (), tolerant: bool = False) -> None:
        """keys: tried in this order, those with the id of what is opened first.

        tolerant: a single value that cannot be opened is an error only where it is used, as in Ansible.
        """
        self.keys = tuple(keys)
        self.tolerant = tolerant
        self._opened: dict[str, None] = {key.password.decode(errors="replace"): None for key in self.keys}
        self._listener: Callable[[str], None] = lambda text: None
        self._lock = Lock()

    def open(self, data: bytes, where: Position) -> bytes:
        """What was encrypted. where: its place, for the error. Raises InvalidInput, which never holds the content."""
        return self.opened_by(data, where)[0]

    def opened_by(self, data: bytes, where: Position) -> tuple[bytes, VaultKey]:
        """What was encrypted, and the password that fitted."""
        try:
            wanted = header(data)[1]
        except Malformed as error:
            raise _malformed(error, where) from None
        if not self.keys:
            raise Closed(
                "this is encrypted with ansible-vault, and no vault password was given" + _named(wanted),
                where=where,
                next_step="Give --vault-password-file FILE, --vault-id ID@FILE or --ask-vault-password.",
            )
        ordered = sorted(self.keys, key=lambda key: key.id != wanted)
        for key in ordered:
            try:
                return open_sealed(data, key.password), key
            except WrongPassword:
                continue
            except Malformed as error:
                raise _malformed(error, where) from None
        raise Closed(
            f"none of the {len(ordered)} vault passwords opens this{_named(wanted)}" if len(ordered) > 1
            else f"the vault password does not open this{_named(wanted)}",
            where=where,
            next_step=f"Tried the vault ids {', '.join(key.id for key in ordered)}. Give the password that it has; "
            "if that is the one, the file was changed.",
        )  # fmt: skip

    def remember(self, text: str) -> None:
        """Something that was opened; who listens masks it."""
        with self._lock:
            self._opened[text] = None
            self._listener(text)

    def listen(self, take: Callable[[str], None]) -> None:
        """Be told of everything that was opened so far (the passwords too), and of all that will be."""
        with self._lock:
            self._listener = take
            for text in self._opened:
                take(text)

    def opened(self, text: str) -> bool:
        """Whether this is a value that was encrypted."""
        return text in self._opened


def _named(vault_id: str) -> str:
    return f" (vault id {vault_id!r})" if vault_id else ""


def is_encrypted(data: bytes) -> bool:
    """Whether bytes begin as ansible-vault's do."""
    return data.startswith(MARK)


def header(data: bytes) -> tuple[str, str]:
    """(version, vault id or '') of the first line."""
    parts = (data.splitlines() or [b""])[0].decode("ascii", "replace").strip().split(";")
    if len(parts) < 3 or parts[1] not in ("1.1", "1.2"):
        raise Malformed(f"the vault format is {';'.join(parts[1:2]) or 'unknown'}, expected 1.1 or 1.2")
    if parts[2] != "AES256":
        raise Malformed(f"the cipher is {parts[2]!r}, expected AES256")
    return parts[1], parts[3] if parts[1] == "1.2" and len(parts) > 3 else ""


def open_sealed(data: bytes, password: bytes) -> bytes:
    """Decrypt. Raises WrongPassword, Malformed."""
    header(data)
    try:
        body = binascii.unhexlify(b"".join(line.strip() for line in data.splitlines()[1:]))
        salt, digest, ciphertext = (binascii.unhexlify(part) for part in body.split(b"\n", 2))
    except (binascii.Error, ValueError):
        raise Malformed("the encrypted text is damaged") from None
    cipher_key, mac_key, counter = _keys(password, salt)
    if not hmac.compare_digest(hmac.new(mac_key, ciphertext, hashlib.sha256).digest(), digest):
        raise WrongPassword
    from cryptography.hazmat.primitives import padding  # most runs open nothing
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    decryptor = Cipher(algorithms.AES(cipher_key), modes.CTR(counter)).decryptor()
    unpadder = padding.PKCS7(128).unpadder()
    padded = decryptor.update(ciphertext) + decryptor.finalize()
    return unpadder.update(padded) + unpadder.finalize()


def seal(data: bytes, password: bytes, vault_id: str = "", salt: bytes | None = None) -> str:
    """Encrypt, as text with lines. vault_id: kept in the header unless it is empty or the default one."""
    from cryptography.hazmat.primitives import padding
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    salt = salt if salt is not None else secrets.token_bytes(32)
    cipher_key, mac_key, counter = _keys(password, salt)
    padder = padding.PKCS7(128).padder()
    encryptor = Cipher(algorithms.AES(cipher_key), modes.CTR(counter)).encryptor()
    ciphertext = encryptor.update(padder.update(data) + padder.finalize()) + encryptor.finalize()
    digest = hmac.new(mac_key, ciphertext, hashlib.sha256).digest()
    body = binascii.hexlify(b"\n".join(binascii.hexlify(part) for part in (salt, digest, ciphertext))).decode()
    named = vault_id not in ("", DEFAULT_ID)
    first = f"$ANSIBLE_VAULT;1.2;AES256;{vault_id}" if named else "$ANSIBLE_VAULT;1.1;AES256"
    return "\n".join([first, *(body[start : start + _LINE] for start in range(0, len(body), _LINE))]) + "\n"


def _keys(password: bytes, salt: bytes) -> tuple[bytes, bytes, bytes]:
    derived = hashlib.pbkdf2_hmac("sha256", password, salt, _ROUNDS, 80)
    return derived[:32], derived[32:64], derived[64:]


def _malformed(error: Malformed, where: Position) -> InvalidInput:
    return InvalidInput(
        str(error), where=where, next_step="Take the file from a copy, or encrypt it anew: clusterbook vault encrypt."
    )
