"""Backups of a cluster: a snapshot of etcd, and what the store keeps of the cluster, without which nobody can read it.

    CLUSTER/backups/ID/manifest.json    what it is; written last, so what has none is no backup
    CLUSTER/backups/ID/etcd.0000 …      the snapshot in parts, each encrypted with the store's key under its own name
    CLUSTER/backups/ID/keyring.json     how that key is had
    CLUSTER/backups/ID/cluster/…        cluster.yaml, and pki/ and secrets/, in which private values are encrypted

It may lie in another store than the cluster (`--at`): then it is enough to begin anew on another machine, with the same
passphrase or key file, or by who may use the same KMS key.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from clusterbook.cluster import encryption
from clusterbook.cluster.cluster import Cluster
from clusterbook.cluster.secrets import KEYRING, open_keyring, same_key, unlock
from clusterbook.cluster.store import Store
from clusterbook.errors import Failed, InvalidInput

# What is held in memory at a time.
PART_BYTES = 16 * 1024 * 1024
# etcd appends the SHA-256 of the database to a snapshot, and only a database of whole pages has one.
_DIGEST = 32
_PAGE = 512
_KEPT = ("cluster.yaml", "pki", "secrets")


@dataclass(frozen=True)
class Backup:
    """One backup. taken: UTC, ISO 8601; revision, keys: etcd's; sha256: of the whole snapshot."""

    id: str
    cluster: str
    taken: str
    kubernetes_version: str
    etcd_version: str
    revision: int
    keys: int
    bytes: int
    sha256: str
    parts: int

    @property
    def folder(self) -> str:
        """Its folder in the store."""
        return f"{self.cluster}/backups/{self.id}"


def new_id(now: datetime) -> str:
    """Sorts by time."""
    return now.astimezone(UTC).strftime("%Y%m%d-%H%M%S")


def save(cluster: Cluster, at: Store, identity: str, snapshot: Path, found: Mapping[str, Any], now: datetime) -> Backup:
    """Write a backup and read it again. found: what `etcdutl snapshot status` said of the snapshot.

    Failed when the snapshot is not whole, or the store does not give back what was written.
    """
    digest = _checked(snapshot)
    folder = f"{cluster.name}/backups/{identity}"
    parts = 0
    for parts, part in enumerate(_parts(snapshot), start=1):
        name = f"{folder}/etcd.{parts - 1:04}"
        at.write(name, cluster.keyring.seal(name, part))
    for name in _names(cluster.store, cluster.name):
        at.write(f"{folder}/cluster/{name.removeprefix(f'{cluster.name}/')}", cluster.store.read(name) or b"")
    at.write(f"{folder}/{KEYRING}", cluster.store.read(KEYRING) or b"")
    backup = Backup(
        identity, cluster.name, now.astimezone(UTC).isoformat(timespec="seconds"),
        str(cluster.spec.complete["kubernetes_version"]), str(found.get("version") or ""),
        int(found["revision"]), int(found["totalKey"]), snapshot.stat().st_size, digest, parts,
    )  # fmt: skip
    for _ in opened(cluster, at, backup):
        pass
    at.write(f"{folder}/manifest.json", json.dumps(asdict(backup), indent=2).encode() + b"\n")
    return backup


def every(at: Store, cluster: str) -> list[Backup]:
    """The backups of a cluster, oldest first; what has no manifest was cut off, and is none."""
    names = [name for name in at.names(f"{cluster}/backups") if name.endswith("/manifest.json")]
    return [_read(at, name) for name in sorted(names)]


def find(at: Store, cluster: str, identity: str) -> Backup:
    """The backup of that id, or the last one for `latest`. InvalidInput when there is none."""
    known = every(at, cluster)
    for backup in reversed(known):
        if identity in (backup.id, "latest"):
            return backup
    raise InvalidInput(
        f"there is no backup {identity!r} of the cluster {cluster!r} in {at.address}",
        next_step=f"There are: {', '.join(backup.id for backup in known)}." if known
        else "Take one with invoke backup, or say where they are: --at file:///DIRECTORY.",
    )  # fmt: skip


def opened(cluster: Cluster, at: Store, backup: Backup) -> Iterator[bytes]:
    """The snapshot in parts, decrypted. Failed at the end when it is not what was saved."""
    digest = hashlib.sha256()
    for number in range(backup.parts):
        name = f"{backup.folder}/etcd.{number:04}"
        sealed = at.read(name)
        if sealed is None:
            raise _damaged(backup, f"its part {name} is missing")
        part = cluster.keyring.open(name, sealed)
        digest.update(part)
        yield part
    if digest.hexdigest() != backup.sha256:
        raise _damaged(backup, "its content is not what was saved")


def bring_back(store: Store, at: Store, backup: Backup, environment: Mapping[str, str]) -> None:
    """Give a store that has lost the cluster what the backup kept of it; what is there stays.

    WrongKey when the key at hand is not the one that it was encrypted with. How the store's key is had may have changed
    since (invoke store-key): then the store's own way opens the backup, too. InvalidInput when the store has
    a cluster of that name with other authorities: nobody would trust the restored objects' tokens.
    """
    kept = f"{backup.folder}/cluster"
    described = at.read(f"{backup.folder}/{KEYRING}") or b""
    current = store.read(KEYRING)
    if current is None or not same_key(current, described):
        unlock(described, environment)
    store.swap(KEYRING, None, described)
    open_keyring(store, environment)
    names = sorted(at.names(kept), key=lambda name: name.endswith("/cluster.yaml"))  # last: then it is a cluster
    for name in names:
        content, own = at.read(name), f"{backup.cluster}/{name.removeprefix(f'{kept}/')}"
        if not store.swap(own, None, content) and own.endswith(".crt") and store.read(own) != content:
            raise InvalidInput(
                f"the cluster {backup.cluster!r} in {store.address} has other authorities than the backup {backup.id}",
                next_step="It was made anew since: delete-cluster it, or restore into another store "
                          "(CLUSTERBOOK_STATE_STORE).",
            )  # fmt: skip


def bring_keys(cluster: Cluster, at: Store, backup: Backup) -> bool:
    """Give the cluster the keys back that the backup's objects are encrypted by, behind its own; whether it lacked one.

    Until the next rotation of the encryption key both stay. Failed when the backup's keys are damaged.
    """
    name = encryption.name_of(cluster.name)
    sealed = at.read(f"{backup.folder}/cluster/{name.removeprefix(f'{cluster.name}/')}")
    if sealed is None:
        raise _damaged(backup, "the key of its encryption is missing")
    kept = encryption.parse(cluster.keyring.open(name, sealed).decode())
    own = encryption.ensure_keys(cluster.store, cluster.keyring, cluster.name)
    whole = encryption.with_those_of(own, kept)
    if whole == own:
        return False
    encryption.replace(cluster.store, cluster.keyring, cluster.name, own, whole)
    return True


def prune(at: Store, cluster: str, keep: int) -> list[str]:
    """Remove all but the newest `keep` backups, and what was cut off; the ids of those that are gone."""
    kept = {backup.id for backup in every(at, cluster)[-keep:]} if keep else set()
    names = at.names(f"{cluster}/backups")
    gone = sorted({name.split("/")[2] for name in names} - kept)
    for name in sorted(names, key=lambda name: not name.endswith("/manifest.json")):  # it is no backup from then on
        content = at.read(name) if name.split("/")[2] in gone else None
        if content is not None:
            at.swap(name, content, None)
    return gone


def _checked(snapshot: Path) -> str:
    """The SHA-256 of a snapshot whose own digest is right."""
    size = snapshot.stat().st_size
    if size % _PAGE != _DIGEST:
        raise Failed(f"the snapshot of {size} bytes is not whole", next_step="Take it again.")
    whole, database, left = hashlib.sha256(), hashlib.sha256(), size - _DIGEST
    last = b""
    for part in _parts(snapshot):
        whole.update(part)
        database.update(part[:left])
        last = (last + part[max(left, 0) :])[-_DIGEST:] if left < len(part) else b""
        left = max(left - len(part), 0)
    if database.digest() != last:
        raise Failed("the snapshot's checksum is wrong: it was damaged on its way", next_step="Take it again.")
    return whole.hexdigest()


def _parts(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while part := file.read(PART_BYTES):
            yield part


def _names(store: Store, cluster: str) -> list[str]:
    return [name for name in store.names(cluster) if name.split("/")[1] in _KEPT]


def _read(at: Store, name: str) -> Backup:
    try:
        form = json.loads(at.read(name) or b"")
        return Backup(**{field.name: form[field.name] for field in fields(Backup)})
    except (ValueError, KeyError, TypeError) as error:
        raise Failed(f"{name} in {at.address} is damaged", next_step="Remove that backup's folder.") from error


def _damaged(backup: Backup, why: str) -> Failed:
    return Failed(f"the backup {backup.id} cannot be used: {why}", next_step="Take another: invoke backups lists them.")
