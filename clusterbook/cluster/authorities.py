"""How far a rotation of a cluster's authorities, and of the key of its service accounts, came, by the store."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from clusterbook.cluster import encryption, generations, pki, renewal, rotation, upgrades, variables
from clusterbook.cluster.cluster import Cluster
from clusterbook.cluster.generations import ACCOUNTS, AUTHORITIES, Generations
from clusterbook.cluster.secrets import Keyring
from clusterbook.cluster.store import Store
from clusterbook.errors import Failed, InvalidInput


@dataclass(frozen=True)
class State:
    """The generations of both (see generations.py)."""

    authorities: Generations
    accounts: Generations

    @property
    def under_way(self) -> bool:
        """Whether a rotation has not ended."""
        return len(self.authorities) > 1 or len(self.accounts) > 1

    @property
    def waits_for_trust(self) -> bool:
        """Whether somebody may not trust a new one yet."""
        return generations.waits_for_trust(self.authorities) or generations.waits_for_trust(self.accounts)

    @property
    def certificates_change(self) -> bool:
        """Whether authorities are replaced, not only the key of service accounts."""
        return len(self.authorities) > 1

    @property
    def waits_for_tokens(self) -> bool:
        """Whether nothing is left but the end of the tokens that the old key signed."""
        return not self.certificates_change and generations.waits_for_end(self.accounts)

    def turned(self) -> State:
        """With the new ones signing."""
        return State(generations.turned(self.authorities), generations.turned(self.accounts))

    def ended(self, *, tokens: bool) -> State:
        """Without the old ones. tokens: whether those that the old key signed have ended."""
        return State(self.authorities[:1], self.accounts[:1] if tokens else self.accounts)


def read(cluster: Cluster) -> State:
    """As the store has it."""
    return State(generations.read(cluster.store, cluster.name, AUTHORITIES),
                 generations.read(cluster.store, cluster.name, ACCOUNTS))  # fmt: skip


def refuse_others(cluster: Cluster) -> None:
    """InvalidInput when another rotation or an upgrade has not ended."""
    store, name = cluster.store, cluster.name
    keys = encryption.ensure_keys(store, cluster.keyring, name)
    version = upgrades.under_way(store, name)
    going = {"invoke rotate-certs --yes": rotation.under_way(store, name) is not None,
             "invoke rotate-encryption-key --yes": len(keys) > 1,
             f"invoke upgrade --to {version}": bool(version)}  # fmt: skip
    for what, true in going.items():
        if true:
            raise InvalidInput("something else that changes the whole cluster is half way",
                               next_step=f"Let it come to its end first: {what}")  # fmt: skip


def refuse_while_under_way(cluster: Cluster) -> None:
    """InvalidInput when a rotation of authorities has not ended; one that only waits for tokens is in nobody's way."""
    state = read(cluster)
    if state.under_way and not state.waits_for_tokens:
        raise InvalidInput("a rotation of the authorities is half way",
                           next_step="Let it come to its end first: invoke rotate-ca --yes")  # fmt: skip


def begin(cluster: Cluster, *, accounts: bool) -> None:
    """Make new authorities; accounts: and a new key of service accounts. Nobody trusts them yet."""
    state = read(cluster)
    forget_times(cluster)
    pki.ensure_next(cluster.store, cluster.keyring, cluster.name, cluster.authorities.clock)
    new = State(generations.begun(state.authorities), generations.begun(state.accounts) if accounts else state.accounts)
    write(cluster, state, new)


def forget_times(cluster: Cluster) -> None:
    """Nothing is under way: since when the new ones are trusted and sign matters no more."""
    for what in (rotation.AUTHORITIES, rotation.TRUSTED):
        rotation.end(cluster.store, cluster.name, what)


def write(cluster: Cluster, old: State, new: State) -> None:
    """Write what follows, and forget the private keys of what is trusted no more."""
    store, name = cluster.store, cluster.name
    both = ((ACCOUNTS, old.accounts, new.accounts), (AUTHORITIES, old.authorities, new.authorities))
    for what, before, after in both:
        if before != after:
            generations.write(store, name, what, before, after)
    if new.accounts != old.accounts and store.read(_since(cluster)) is not None:
        store.swap(_since(cluster), store.read(_since(cluster)), None)
    pki.forget(store, name, AUTHORITIES, _below(new.authorities))
    pki.forget(store, name, ACCOUNTS, _below(new.accounts))


def signs_tokens_since(cluster: Cluster, state: State, now: datetime) -> float:
    """Since when a new key signs tokens everywhere, seconds since 1970; written down the first time it is asked."""
    if not generations.waits_for_end(state.accounts):
        return 0.0
    name = _since(cluster)
    cluster.store.swap(name, None, f"{int(now.timestamp())}\n".encode())
    try:
        return float(cluster.store.read(name) or b"")
    except ValueError as error:
        step = "Remove it: the time in which tokens end then begins anew."
        raise Failed(f"{name} in {cluster.store.address} is damaged", next_step=step) from error


def future(cluster: Cluster, ended: State) -> dict[str, str]:
    """The variables of hosts that trust only what is left then, which the store does not say yet."""
    key = pki.newest_service_account_key if len(ended.accounts) == 1 else _all_keys
    return variables.trust(cluster.authorities.newest(), key(cluster.store, cluster.keyring, cluster.name))


def after_renewal(cluster: Cluster) -> dict[str, str]:
    """The variables of hosts that trust new certificates of authorities that have ended; the store has them not yet."""
    keys = _all_keys(cluster.store, cluster.keyring, cluster.name)
    return variables.trust(renewal.renewed(cluster.authorities), keys)


def foretold(cluster: Cluster, *, accounts: bool) -> dict[str, str]:
    """The variables of hosts that trust authorities besides that nobody keeps: for a plan."""
    keys = _all_keys(cluster.store, cluster.keyring, cluster.name) + (pki.new_public_key() if accounts else "")
    return variables.trust(pki.with_strangers(cluster.authorities), keys)


def _all_keys(store: Store, keyring: Keyring, cluster: str) -> str:
    return pki.ensure_service_account_key(store, keyring, cluster)[1]


def _below(found: Generations) -> Generations:
    """Those of before that are trusted no more."""
    return tuple(range(1, min(found)))


def _since(cluster: Cluster) -> str:
    return f"{cluster.name}/service-accounts.signed-since"
