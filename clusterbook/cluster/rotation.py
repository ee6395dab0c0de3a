"""A rotation of all certificates that is under way: since when new ones count, kept in the store until all is done.

CLUSTER/rotation.json holds the time at which it began. A run that goes on after a cut-off takes that time again, so
that what the first one made new is not made once more. A rotation of the authorities has a time of its own, in
CLUSTER/rotation-ca.json, and in CLUSTER/rotation-ca-trusted.json the time since when pods find the new ones.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime

from clusterbook.cluster.store import Store
from clusterbook.errors import Failed

CERTIFICATES, AUTHORITIES, TRUSTED = "rotation", "rotation-ca", "rotation-ca-trusted"


def under_way(store: Store, cluster: str, what: str = CERTIFICATES) -> int | None:
    """Since when certificates count in a rotation that has not ended, seconds since 1970; None when there is none."""
    name = _name(cluster, what)
    written = store.read(name)
    if written is None:
        return None
    try:
        return int(json.loads(written)["since"])
    except (ValueError, KeyError, TypeError) as error:
        step = "Remove it: the rotation then begins anew."
        raise Failed(f"{name} in {store.address} is damaged", next_step=step) from error


def begin(store: Store, cluster: str, now: datetime, what: str = CERTIFICATES) -> int:
    """Since when certificates count: of the rotation that is under way, else from now on, which is written down."""
    form = {"since": int(now.timestamp()), "began": now.astimezone(UTC).isoformat(timespec="seconds")}
    store.swap(_name(cluster, what), None, json.dumps(form).encode() + b"\n")
    since = under_way(store, cluster, what)
    assert since is not None, "it was written, or there was one"
    return since


def end(store: Store, cluster: str, what: str = CERTIFICATES) -> None:
    """Every certificate is new."""
    written = store.read(_name(cluster, what))
    if written is not None:
        store.swap(_name(cluster, what), written, None)


def _name(cluster: str, what: str) -> str:
    return f"{cluster}/{what}.json"
