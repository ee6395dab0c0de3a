"""What may be the name of a content in a store, the variables that say how it is encrypted, and its errors."""

from __future__ import annotations

from clusterbook.errors import EXIT_INVALID, ClusterbookError, Failed

PASSPHRASE_VARIABLE = "CLUSTERBOOK_STORE_PASSPHRASE"  # noqa: S105 - the variable's name, not its value
KMS_VARIABLE = "CLUSTERBOOK_STORE_KMS_KEY"


class StoreError(ClusterbookError):
    """The store cannot be used: not there, not readable, not private, or not consistent."""


class WrongKey(Failed):
    """The key at hand is not the one that the store was encrypted with, or cannot be had."""


class WrongWord(WrongKey):
    """The passphrase or the key file that a person gave does not open the store: invalid input, as a wrong name is."""

    exit_code = EXIT_INVALID


def content_name(name: str) -> str:
    """The name itself when it stays inside the store: a relative path without empty parts or dots."""
    if any(part in ("", ".", "..") or "\0" in part for part in name.split("/")):
        raise StoreError(f"{name!r} is not a name in a store", next_step="Report this as a bug.")
    return name
