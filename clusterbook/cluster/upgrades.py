"""An upgrade that is under way, kept in the store until every host has the new version; then cluster.yaml says so.

CLUSTER/upgrade.json holds the version that it goes to. A run that goes on after a cut-off or a failure needs no second
backup, and another version than that one is refused until it has ended.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

from clusterbook.cluster import spec
from clusterbook.cluster.store import Store
from clusterbook.errors import Failed, InvalidInput

KEY = "kubernetes_version"


def under_way(store: Store, cluster: str) -> str:
    """The version that an upgrade which has not ended goes to; empty when there is none."""
    written = store.read(_name(cluster))
    if written is None:
        return ""
    try:
        return str(json.loads(written)["to"])
    except (ValueError, KeyError, TypeError) as error:
        step = "Remove it: the upgrade then begins with its checks and a backup again."
        raise Failed(f"{_name(cluster)} in {store.address} is damaged", next_step=step) from error


def begin(store: Store, cluster: str, version: str, now: datetime) -> None:
    """Write down that it is under way; one that is goes on."""
    form = {"to": version, "began": now.astimezone(UTC).isoformat(timespec="seconds")}
    store.swap(_name(cluster), None, json.dumps(form).encode() + b"\n")


def end(store: Store, cluster: str, version: str) -> None:
    """Every host has it: from now on cluster.yaml says so, so that provision keeps it."""
    file = f"{cluster}/{spec.FILE}"
    old = store.read(file) or b""
    new = with_version(old.decode(), version)
    spec.parse(new, file)
    if not store.swap(file, old, new.encode()):
        raise Failed(f"{file} was changed by somebody else meanwhile", next_step="Run the same command again.")
    store.swap(_name(cluster), store.read(_name(cluster)), None)


def with_version(text: str, version: str) -> str:
    """The text of a cluster.yaml with that version of Kubernetes; all else stays, a person's remarks too."""
    line = f"{KEY}: {version}"
    new, count = re.subn(rf"^{KEY}:[^#\n]*?(\s*#.*)?$", rf"{line}\1", text, flags=re.MULTILINE)
    return new if count else f"{text.rstrip()}\n{line}\n"


def refuse_another(store: Store, cluster: str, version: str) -> bool:
    """Whether one to this version is under way. InvalidInput when it is one to another version."""
    going = under_way(store, cluster)
    if going not in ("", version):
        raise InvalidInput(f"an upgrade to {going} is under way",
                           next_step=f"Let it come to its end first: invoke upgrade --to {going}")  # fmt: skip
    return bool(going)


def _name(cluster: str) -> str:
    return f"{cluster}/upgrade.json"
