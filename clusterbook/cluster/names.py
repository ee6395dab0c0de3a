"""What may be the name of a content in a store."""

from __future__ import annotations

from clusterbook.errors import ClusterbookError


class StoreError(ClusterbookError):
    """The store cannot be used: not there, not readable, not private, or not consistent."""


def content_name(name: str) -> str:
    """The name itself when it stays inside the store: a relative path without empty parts or dots."""
    if any(part in ("", ".", "..") or "\0" in part for part in name.split("/")):
        raise StoreError(f"{name!r} is not a name in a store", next_step="Report this as a bug.")
    return name
