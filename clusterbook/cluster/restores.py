"""A restore: what names it, so that one that was cut off goes on, and where etcd's revisions go on."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime

from clusterbook.cluster.backups import Backup, new_id
from clusterbook.cluster.store import Store

UNDER_WAY = "restore.json"
# More than a cluster writes.
REVISIONS_A_SECOND = 10_000
# Where this machine's clock is behind. What etcd's documentation advises ("Restoring with revision bump").
BEHIND = 1_000_000_000


@dataclass(frozen=True)
class Restore:
    """backup: its id; token: of this restore alone; bump: how far revisions go on above the backup's last one."""

    backup: str
    token: str
    bump: int


def new(backup: Backup, now: datetime) -> Restore:
    """A restore that begins now.

    Revisions go on at ten thousand for each second since 1970, above all that a client of the API has seen, whatever
    was restored before. A fixed bump would do once: an older backup restored after that would take revisions back.
    """
    bump = int(now.timestamp()) * REVISIONS_A_SECOND - backup.revision
    return Restore(backup.id, f"{backup.cluster}-{backup.id}-{new_id(now)}", bump if bump > 0 else BEHIND)


def begun(store: Store, cluster: str, backup: Backup, now: datetime) -> Restore:
    """The restore of this backup that was cut off, else a new one, written down."""
    name = f"{cluster}/{UNDER_WAY}"
    written = store.read(name)
    if written is not None and (found := Restore(**json.loads(written))).backup == backup.id:
        return found
    restore = new(backup, now)
    store.write(name, json.dumps(asdict(restore)).encode() + b"\n")
    return restore


def is_done(store: Store, cluster: str) -> None:
    """None is under way any more."""
    name = f"{cluster}/{UNDER_WAY}"
    written = store.read(name)
    if written is not None:
        store.swap(name, written, None)
