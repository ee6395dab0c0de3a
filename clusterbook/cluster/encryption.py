"""The keys by which a cluster's stored objects are encrypted, and the stages in which a new one replaces an old one.

CLUSTER/secrets/encryption-key holds them, one a line, NAME BASE64: the first encrypts what is written, all of them
read.
A store of before has one key without a name: that is key1. A new key's number is greater than those before it, so the
list itself says how far a rotation came:

    key1         nothing is under way
    key1 key2    API servers learn to read by the new key; once all of them do,
    key2 key1    they write by it, and what is stored is written anew; once nothing is stored under the old one,
    key2         it is gone

A restored backup brings the keys back that it was written under, behind the others: then the third line holds.
"""

from __future__ import annotations

import base64
import secrets as random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from clusterbook.cluster.secrets import Keyring, ensure_secret
from clusterbook.cluster.store import Store
from clusterbook.errors import Failed, InvalidInput

# What roles/kube_apiserver has encrypted, as the API's core group names it.
RESOURCES = ("secrets", "configmaps")
_FIRST = "key1"
_BYTES = 32  # what secretbox takes


@dataclass(frozen=True)
class Key:
    """One key. name: stands in front of each value in etcd; text: base64, never shown."""

    name: str
    text: str = field(repr=False)

    @property
    def number(self) -> int:
        """The greater, the newer."""
        return int(self.name.removeprefix("key"))


Keys = tuple[Key, ...]


def parse(text: str) -> Keys:
    """The keys in a text of the store. Failed when it has another form; its content is not told."""
    words = [line.split() for line in text.splitlines()]
    try:
        keys = tuple(Key(*(line if len(line) == 2 else (_FIRST, *line))) for line in words)
        if keys and all(len(base64.b64decode(key.text, validate=True)) == _BYTES and key.number for key in keys):
            return keys
    except (ValueError, TypeError):
        pass
    raise Failed("the store's encryption-key is damaged", next_step="Restore that file of the store from a backup.")


def render(keys: Sequence[Key]) -> str:
    """The text that `parse` reads."""
    return "\n".join(f"{key.name} {key.text}" for key in keys)


def ensure_keys(store: Store, keyring: Keyring, cluster: str) -> Keys:
    """The cluster's keys; one is made when there is none."""
    return parse(ensure_secret(store, keyring, name_of(cluster), lambda: render([_new(1)]).encode()).decode())


def replace(store: Store, keyring: Keyring, cluster: str, old: Keys, new: Keys) -> None:
    """Write new keys in place of the old ones. Failed when somebody else changed them meanwhile."""
    name = name_of(cluster)
    written = store.read(name)
    same = written is not None and parse(keyring.open(name, written).decode()) == old
    if same and store.swap(name, written, keyring.seal(name, render(new).encode())):
        return
    raise Failed(f"somebody else changed {name} meanwhile", next_step="Run it again.")


def begun(keys: Keys, now: datetime) -> Keys:
    """With a new key behind the others, when no rotation is under way; else as they are."""
    return keys if len(keys) > 1 else (*keys, _new(max(int(now.timestamp()), keys[0].number + 1)))


def newest(keys: Keys) -> Key:
    """The key that a rotation leads to."""
    return max(keys, key=lambda key: key.number)


def turned(keys: Keys) -> Keys:
    """With the newest first."""
    first = newest(keys)
    return (first, *(key for key in keys if key != first))


def with_those_of(keys: Keys, backup: Keys) -> Keys:
    """With the keys of a backup behind the others, so that what it holds can be read. InvalidInput when names clash."""
    names = {key.name: key for key in keys}
    clash = next((key.name for key in backup if names.get(key.name, key) != key), None)
    if clash is not None:
        raise InvalidInput(f"the backup's encryption key {clash!r} is another one than the cluster's key of that name",
                           next_step="Restore it into another store (CLUSTERBOOK_STATE_STORE).")  # fmt: skip
    return (*keys, *(key for key in backup if key.name not in names))


def name_of(cluster: str) -> str:
    """Where the store has the keys."""
    return f"{cluster}/secrets/encryption-key"


def _new(number: int) -> Key:
    return Key(f"key{number}", base64.b64encode(random.token_bytes(_BYTES)).decode())
