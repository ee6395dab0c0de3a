"""New certificates for authorities that have ended, so that a cluster comes back whose ten years are over."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from clusterbook.cluster import generations
from clusterbook.cluster.pki import SIGNING, Authorities, as_pem, make_certificate, path_of
from clusterbook.cluster.signing import BACKDATED


def renewed(authorities: Authorities) -> Authorities:
    """The same where certificates of CAs that have ended are new ones, of the same names and keys.

    What they signed keeps its chain: it names its issuer by the key alone (RFC 5280, 4.2.1.1).
    """
    now, issuers = authorities.clock(), dict(authorities.issuers)
    for name, held in authorities.issuers.items():
        if held.certificate.not_valid_after_utc <= now:
            parent = issuers["cluster"] if name == SIGNING else None
            made = make_certificate(held.certificate.subject, held.key, now, parent)
            issuers[name] = replace(held, certificate=made)
    trusted = {name: tuple(issuers[name].certificate if each == authorities.issuers[name].certificate else each
                           for each in held) for name, held in authorities.trusted.items()}  # fmt: skip
    return replace(authorities, issuers=issuers, trusted=trusted)


def keep_renewed(old: Authorities, new: Authorities) -> None:
    """Write those certificates to the store; a run that died in between is simply run again."""
    number = generations.read(old.store, old.cluster, generations.AUTHORITIES)[0]
    for name, issuer in new.issuers.items():
        before, after = as_pem(old.issuers[name].certificate), as_pem(issuer.certificate)
        if before != after:
            old.store.swap(f"{path_of(old.cluster, name, number)}.crt", before.encode(), after.encode())


def made_since(authorities: Authorities, moment: datetime) -> bool:
    """Whether a certificate of a CA that signs was made since a moment."""
    begun = (issuer.certificate.not_valid_before_utc + BACKDATED for issuer in authorities.issuers.values())
    return max(begun) >= moment
