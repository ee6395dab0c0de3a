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
from collections.abc import Iterable
from dataclasses import dataclass

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from clusterbook.errors import InvalidInput, Position

MARK = b"$ANSIBLE_VAULT;"
DEFAULT_ID = "default"
_ROUNDS = 10_000
_LINE = 80


class WrongPassword(Exception):
    """The password is not the one that this was encrypted with, or the bytes were changed."""


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


@dataclass(frozen=True)
class Vault:
    """The passwords of one run."""

    keys: tuple[VaultKey, ...] = ()

    def open(self, data: bytes, where: Position) -> bytes:
        """What was encrypted. where: its place, for the error. Raises InvalidInput."""
        try:
            wanted = header(data)[1]
        except Malformed as error:
            raise _malformed(error, where) from None
        if not self.keys:
            raise InvalidInput(
                "this is encrypted with ansible-vault, and no vault password was given",
                where=where,
                next_step="Give --vault-password-file FILE, --vault-id ID@FILE or --ask-vault-pass.",
            )
        ordered = sorted(self.keys, key=lambda key: key.id != wanted)
        for key in ordered:
            try:
                return open_sealed(data, key.password)
            except WrongPassword:
                continue
            except Malformed as error:
                raise _malformed(error, where) from None
        named = f" (vault id {wanted!r})" if wanted else ""
        raise InvalidInput(
            f"none of the {len(ordered)} vault passwords opens this{named}" if len(ordered) > 1
            else f"the vault password does not open this{named}",
            where=where,
            next_step=f"Tried the vault ids {', '.join(key.id for key in ordered)}; give the password that it has.",
        )  # fmt: skip

    def secrets(self) -> Iterable[str]:
        """The passwords, for masking."""
        return [key.password.decode(errors="replace") for key in self.keys]


def is_encrypted(data: bytes) -> bool:
    """Whether bytes begin as ansible-vault's do."""
    return data.startswith(MARK)


def header(data: bytes) -> tuple[str, str]:
    """(version, vault id or '') of the first line."""
    parts = data.splitlines()[0].decode("ascii", "replace").strip().split(";")
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
    except (binascii.Error, ValueError) as error:
        raise Malformed(f"the encrypted text is damaged: {error}") from None
    cipher_key, mac_key, counter = _keys(password, salt)
    if not hmac.compare_digest(hmac.new(mac_key, ciphertext, hashlib.sha256).digest(), digest):
        raise WrongPassword
    decryptor = Cipher(algorithms.AES(cipher_key), modes.CTR(counter)).decryptor()
    unpadder = padding.PKCS7(128).unpadder()
    padded = decryptor.update(ciphertext) + decryptor.finalize()
    return unpadder.update(padded) + unpadder.finalize()


def seal(data: bytes, password: bytes, vault_id: str = "", salt: bytes | None = None) -> str:
    """Encrypt, as text with lines. vault_id: kept in the header unless it is empty or the default one."""
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
    return InvalidInput(str(error), where=where, next_step="Encrypt it again with 'clusterbook vault encrypt'.")
