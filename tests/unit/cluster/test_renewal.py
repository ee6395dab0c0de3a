"""Authorities that have ended get new certificates for the same keys."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from clusterbook.cluster import pki, renewal
from clusterbook.cluster.secrets import Keyring
from clusterbook.cluster.store import FileStore
from tests.unit.cluster.test_pki import NOW, SERVER, host_key, openssl_verify, parsed


def test_an_authority_that_ended_gets_a_new_certificate_that_vouches_for_what_it_signed(
    store: FileStore, keyring: Keyring, tmp_path: Path
) -> None:
    first = pki.ensure_authorities(store, keyring, "lab", lambda: NOW)
    signed = first.sign("cluster", host_key(), SERVER)
    end = parsed(first.certificate("cluster")).not_valid_after_utc
    later = pki.ensure_authorities(store, keyring, "lab", lambda: end + timedelta(seconds=1))
    renewed = renewal.renewed(later)
    assert pki.ensure_authorities(store, keyring, "lab").certificate("etcd") == first.certificate("etcd"), "not written"
    renewal.keep_renewed(later, renewed)
    kept = pki.ensure_authorities(store, keyring, "lab", later.clock)
    assert kept.trust_bundle() == renewed.trust_bundle() != first.trust_bundle()
    for name, issuer in kept.issuers.items():
        old = first.issuers[name]
        assert (issuer.name, issuer.certificate.public_key()) == (old.name, old.certificate.public_key())
        assert issuer.certificate.not_valid_after_utc > end + timedelta(days=3600)
    at = ("-attime", str(int((NOW + timedelta(days=30)).timestamp())))
    assert "OK" in openssl_verify(tmp_path, first.bundle("cluster"), signed, *at).stdout
    soon = ("-attime", str(int((end + timedelta(hours=1)).timestamp())))
    fresh = kept.sign("cluster", host_key(), SERVER)
    assert "OK" in openssl_verify(tmp_path, kept.bundle("cluster"), fresh, *soon).stdout
    assert "OK" in openssl_verify(tmp_path, kept.trust_bundle(), fresh, *soon).stdout
    assert "expired" in openssl_verify(tmp_path, first.bundle("cluster"), fresh, *soon).stderr


def test_authorities_that_have_not_ended_stay_as_they_are(store: FileStore, keyring: Keyring) -> None:
    authorities = pki.ensure_authorities(store, keyring, "lab")
    assert renewal.renewed(authorities) == authorities
    assert not renewal.made_since(authorities, datetime.now(UTC) + timedelta(seconds=2))
    assert renewal.made_since(authorities, datetime.now(UTC) - timedelta(minutes=1))


def test_a_renewal_that_was_cut_off_is_finished_by_the_next(store: FileStore, keyring: Keyring) -> None:
    first = pki.ensure_authorities(store, keyring, "lab", lambda: NOW)
    later = parsed(first.certificate("cluster")).not_valid_after_utc + timedelta(seconds=1)
    cut = pki.ensure_authorities(store, keyring, "lab", lambda: later)
    path = f"{pki.path_of('lab', 'cluster', 1)}.crt"
    root = renewal.renewed(cut).certificate("cluster").encode()
    store.swap(path, store.read(path), root)
    again = pki.ensure_authorities(store, keyring, "lab", lambda: later)
    renewal.keep_renewed(again, renewal.renewed(again))
    kept = pki.ensure_authorities(store, keyring, "lab", lambda: later)
    assert kept.certificate("cluster").encode() == root
    kept.issuers["signing"].certificate.verify_directly_issued_by(kept.issuers["cluster"].certificate)
    assert renewal.renewed(kept) == kept
