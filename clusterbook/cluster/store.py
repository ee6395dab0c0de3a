"""The store: everything that is known about a cluster and must outlive a run, as named byte strings.

    CLUSTER/cluster.yaml        what the person wants       CLUSTER/pki/          certificates, encrypted keys
    CLUSTER/secrets/            encrypted values            CLUSTER/kubeconfig    for people
    CLUSTER/lock                who works on it now         CLUSTER/runs/ID/      journals, one folder a run
    keyring.json                how the store is encrypted

`Store` is what other code uses. FileStore keeps it in a directory, where `swap` is a compare and rename under flock;
S3Store (store_s3.py) in a bucket, where it is a conditional put.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import platformdirs

from clusterbook.cluster import files
from clusterbook.cluster.names import StoreError, content_name
from clusterbook.errors import InvalidInput

STORE_VARIABLE = "CLUSTERBOOK_STATE_STORE"
# The rules of S3's names for general purpose buckets.
_BUCKET = re.compile(r"(?!xn--|sthree-)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?")


class Store(Protocol):
    """Named byte strings. A name is a relative path with `/`; a read sees a whole write or none of it."""

    @property
    def address(self) -> str:
        """The address that opens the same store again (file:///…)."""

    def read(self, name: str) -> bytes | None:
        """The content, None when there is no such name."""

    def write(self, name: str, data: bytes, *, durable: bool = True) -> None:
        """Create or replace. durable=False may be lost (never torn) when the machine loses power."""

    def swap(self, name: str, old: bytes | None, new: bytes | None) -> bool:
        """Replace only if the content is still `old`; None is absence on both sides. False: it was not."""

    def names(self, prefix: str) -> list[str]:
        """Every name below the folder `prefix`, sorted."""

    def folders(self) -> list[str]:
        """The first parts of all names that have more than one part (the clusters), sorted."""

    def local_file(self, name: str) -> Path:
        """A file of this machine with that content, for programs that want a path."""

    def local_directory(self, name: str) -> Path:
        """A private directory of this machine that belongs to the store, made when absent."""


class FileStore:
    """A store in a directory: folders 0700, files 0600, each write atomic and on disk before it returns."""

    def __init__(self, root: Path) -> None:
        """root: made on the first write."""
        self._root = root

    def __repr__(self) -> str:
        """Its address: contents never show."""
        return f"FileStore({self.address})"

    @property
    def address(self) -> str:
        """file:///DIRECTORY."""
        return f"file://{self._root}"

    def read(self, name: str) -> bytes | None:
        """See Store."""
        try:
            return self._path(name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unusable(self.address, error) from error

    def write(self, name: str, data: bytes, *, durable: bool = True) -> None:
        """See Store."""
        try:
            files.make_private_directory(self._path(name).parent, self._root)
            files.write_atomically(self._path(name), data, durable=durable)
        except OSError as error:
            raise _unusable(self.address, error) from error

    def swap(self, name: str, old: bytes | None, new: bytes | None) -> bool:
        """See Store. A lock of the operating system makes compare and replace one step for all processes."""
        try:
            files.make_private_directory(self._root, self._root)
            with files.exclusive(self._root / ".guard"):
                if self.read(name) != old:
                    return False
                if new is not None:
                    self.write(name, new)
                elif old is not None:
                    self._path(name).unlink()
                return True
        except OSError as error:
            raise _unusable(self.address, error) from error

    def names(self, prefix: str) -> list[str]:
        """See Store. Files whose name starts with a dot are unfinished writes, not content."""
        start = self._path(prefix)
        found = (path for path in start.rglob("*") if path.is_file() and not path.name.startswith("."))
        return sorted(str(path.relative_to(self._root)) for path in found)

    def folders(self) -> list[str]:
        """See Store."""
        if not self._root.is_dir():
            return []
        return sorted(path.name for path in self._root.iterdir() if path.is_dir())

    def local_file(self, name: str) -> Path:
        """See Store: here the content itself."""
        return self._path(name)

    def local_directory(self, name: str) -> Path:
        """See Store."""
        try:
            files.make_private_directory(self._path(name), self._root)
        except OSError as error:
            raise _unusable(self.address, error) from error
        return self._path(name)

    def _path(self, name: str) -> Path:
        return self._root.joinpath(*content_name(name).split("/"))


class UnwrittenStore:
    """A store over another, which stays as it is: what is written is known to this one alone, and gone with it.

    For a look at what would be made. Directories of this machine are the other's own.
    """

    def __init__(self, below: Store) -> None:
        """below: what is read where nothing was written."""
        self._below = below
        self._written: dict[str, bytes | None] = {}

    @property
    def address(self) -> str:
        """That of the store below."""
        return self._below.address

    def read(self, name: str) -> bytes | None:
        """See Store."""
        return self._written[name] if name in self._written else self._below.read(name)

    def write(self, name: str, data: bytes, *, durable: bool = True) -> None:
        """See Store."""
        self._written[content_name(name)] = data

    def swap(self, name: str, old: bytes | None, new: bytes | None) -> bool:
        """See Store. Nobody else sees what is written."""
        if self.read(name) != old:
            return False
        self._written[content_name(name)] = new
        return True

    def names(self, prefix: str) -> list[str]:
        """See Store."""
        own = [name for name in self._written if name.startswith(f"{prefix}/")]
        return sorted(name for name in {*self._below.names(prefix), *own} if self.read(name) is not None)

    def folders(self) -> list[str]:
        """See Store."""
        return sorted({*self._below.folders(), *(name.split("/")[0] for name in self._written if "/" in name)})

    def local_file(self, name: str) -> Path:
        """See Store: where it would be."""
        return self._below.local_file(name)

    def local_directory(self, name: str) -> Path:
        """See Store."""
        return self._below.local_directory(name)


def open_store(environment: Mapping[str, str], address: str | None = None) -> Store:
    """The store at an address, at $CLUSTERBOOK_STATE_STORE, or the default in the user's state directory."""
    address = address or environment.get(STORE_VARIABLE) or ""
    if not address:
        return FileStore(Path(platformdirs.user_state_dir("clusterbook")))
    scheme, separator, rest = address.partition("://")
    if separator and scheme == "file" and rest.startswith("/"):
        return FileStore(Path(rest))
    if separator and scheme == "s3" and _BUCKET.fullmatch(rest.partition("/")[0]):
        from clusterbook.cluster.store_s3 import open_s3_store  # boto3 takes half a second to load

        bucket, _, prefix = rest.partition("/")
        return open_s3_store(bucket, prefix.strip("/"))
    raise InvalidInput(
        f"{address!r} is not the address of a store",
        next_step=f"Set {STORE_VARIABLE} to file:///DIRECTORY or s3://BUCKET/PREFIX, or unset it for the default.",
    )


def check_cluster_name(name: str) -> str:
    """The name itself when it can name a folder, a DNS label sequence and a tag; InvalidInput otherwise."""
    if _NAME.fullmatch(name) and ".." not in name:
        return name
    raise InvalidInput(
        f"{name!r} cannot be the name of a cluster",
        next_step="Use lower case letters, digits, '-' and '.', at most 63, with a letter or digit at both ends.",
    )


def cluster_names(store: Store) -> list[str]:
    """Clusters that have a cluster.yaml, sorted."""
    return [name for name in store.folders() if store.read(f"{name}/cluster.yaml") is not None]


def new_run(store: Store, cluster: str, now: datetime) -> Path:
    """A fresh private directory for one run's journal. Its name sorts by time (UTC)."""
    stamp = now.astimezone(UTC).strftime("%Y%m%d-%H%M%S")
    return store.local_directory(f"{cluster}/runs/{stamp}-{secrets.token_hex(2)}")


def _unusable(address: str, error: OSError) -> StoreError:
    return StoreError(
        f"the store {address} cannot be used: {error.strerror or error} ({error.filename})",
        next_step=f"Make that path usable for this user, or name another store in {STORE_VARIABLE}.",
    )
