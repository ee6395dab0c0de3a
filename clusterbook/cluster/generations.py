"""Which generation of a cluster's authorities signs, which are trusted, and the stages in which a new one comes.

CLUSTER/pki/generations holds numbers: the first signs, all are trusted. A store of before has no such file: that is 1.
A new one's number is greater than those before it, so the list itself says how far a rotation came:

    1      nothing is under way
    1 2    everybody learns to trust the new one, too; once all do,
    2 1    it signs, and every certificate is made anew; once there is none of the old one,
    2      the old one is trusted nowhere

The key pairs of service account tokens go the same way, in service-account-generations.
"""

from __future__ import annotations

from clusterbook.cluster.store import Store
from clusterbook.errors import Failed

Generations = tuple[int, ...]
AUTHORITIES, ACCOUNTS = "generations", "service-account-generations"
FIRST: Generations = (1,)


def read(store: Store, cluster: str, what: str) -> Generations:
    """The generations. what: AUTHORITIES or ACCOUNTS. Failed when the file is damaged."""
    written = store.read(_name(cluster, what))
    if written is None:
        return FIRST
    try:
        found = tuple(int(word) for word in written.split())
        if found and min(found) > 0 and len(set(found)) == len(found):
            return found
    except ValueError:
        pass
    raise Failed(f"{_name(cluster, what)} in {store.address} is damaged",
                 next_step="Restore that file of the store from a backup.")  # fmt: skip


def write(store: Store, cluster: str, what: str, old: Generations, new: Generations) -> None:
    """Write new generations in place of the old ones. Failed when somebody else changed them meanwhile."""
    name = _name(cluster, what)
    written = store.read(name)
    text = " ".join(str(number) for number in new).encode() + b"\n"
    if read(store, cluster, what) != old or not store.swap(name, written, text):
        raise Failed(f"somebody else changed {name} meanwhile", next_step="Run it again.")


def following(found: Generations) -> int:
    """The number of the next one."""
    return max(found) + 1


def begun(found: Generations) -> Generations:
    """With a new one behind the other, when no rotation is under way; else as they are."""
    return found if len(found) > 1 else (*found, following(found))


def turned(found: Generations) -> Generations:
    """With the newest first."""
    newest = max(found)
    return (newest, *(number for number in found if number != newest))


def waits_for_trust(found: Generations) -> bool:
    """Whether there is a new one that does not sign yet."""
    return turned(found) != found


def waits_for_end(found: Generations) -> bool:
    """Whether the new one signs and an old one is trusted still."""
    return len(found) > 1 and not waits_for_trust(found)


def _name(cluster: str, what: str) -> str:
    return f"{cluster}/pki/{what}"
