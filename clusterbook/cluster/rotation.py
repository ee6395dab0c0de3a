"""A rotation of all certificates that is under way: since when new ones count, kept in the store until all is done.

CLUSTER/rotation.json holds the time at which it began. A run that goes on after a cut-off takes that time again, so
that what the first one made new is not made once more.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime

from clusterbook.cluster.store import Store
from clusterbook.errors import Failed


def under_way(store: Store, cluster: str) -> int | None:
    """Since when certificates count in a rotation that has not ended, seconds since 1970; None when there is none."""
    name = _name(cluster)
    written = store.read(name)
    if written is None:
        return None
    try:
        return int(json.loads(written)["since"])
    except (ValueError, KeyError, TypeError) as error:
        step = "Remove it: the rotation then begins anew."
        raise Failed(f"{name} in {store.address} is damaged", next_step=step) from error


def begin(store: Store, cluster: str, now: datetime) -> int:
    """Since when certificates count: of the rotation that is under way, else from now on, which is written down."""
    form = {"since": int(now.timestamp()), "began": now.astimezone(UTC).isoformat(timespec="seconds")}
    store.swap(_name(cluster), None, json.dumps(form).encode() + b"\n")
    since = under_way(store, cluster)
    assert since is not None, "it was written, or there was one"
    return since


def end(store: Store, cluster: str) -> None:
    """Every certificate is new."""
    written = store.read(_name(cluster))
    if written is not None:
        store.swap(_name(cluster), written, None)


def _name(cluster: str) -> str:
    return f"{cluster}/rotation.json"
