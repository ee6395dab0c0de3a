"""Backups are written encrypted and in parts, read again, and enough to begin anew elsewhere."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from clusterbook.cluster import backups, encryption
from clusterbook.cluster.cluster import Cluster, ensure_cluster, ensure_secrets, open_cluster
from clusterbook.cluster.secrets import PASSPHRASE_VARIABLE, WrongKey
from clusterbook.cluster.store import FileStore, Store
from clusterbook.cluster.store_s3 import S3Store
from clusterbook.errors import Failed, InvalidInput

NOW = datetime(2026, 11, 26, 10, 45, tzinfo=UTC)
FOUND = {"hash": 1, "revision": 4711, "totalKey": 321, "totalSize": 0, "version": "3.7.0"}
OPEN = {PASSPHRASE_VARIABLE: "open sesame"}


@pytest.fixture
def cluster(store: FileStore) -> Cluster:
    return ensure_cluster(store, "demo", {"api_address": "192.0.2.10"}, OPEN)


@pytest.fixture(params=["a directory", "a bucket"])
def elsewhere(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """Where backups go: each kind of store."""
    if request.param == "a directory":
        return FileStore(tmp_path / "elsewhere")
    client = request.getfixturevalue("aws")("s3")
    client.create_bucket(Bucket="backups", CreateBucketConfiguration={"LocationConstraint": "us-east-2"})
    return S3Store("backups", "team", client, tmp_path / "cache")


def snapshot(folder: Path, pages: int = 3, byte: bytes = b"x") -> Path:
    """A file as etcd makes it: whole pages, then their SHA-256."""
    database = byte * 4096 * pages
    path = folder / "snapshot.db"
    path.write_bytes(database + hashlib.sha256(database).digest())
    return path


@pytest.mark.parametrize("part", [1000, 4096, 4096 * 3, 4096 * 3 + 7, 4096 * 3 + 32, 1 << 20])
def test_a_snapshot_comes_back_byte_for_byte_whatever_its_parts(
    cluster: Cluster, elsewhere: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: int
) -> None:
    monkeypatch.setattr(backups, "PART_BYTES", part)
    path = snapshot(tmp_path)
    taken = backups.save(cluster, elsewhere, "one", path, FOUND, NOW)
    assert (taken.revision, taken.keys, taken.bytes) == (4711, 321, path.stat().st_size)
    assert b"".join(backups.opened(cluster, elsewhere, taken)) == path.read_bytes()
    assert backups.find(elsewhere, "demo", "latest") == backups.find(elsewhere, "demo", "one") == taken


def test_nothing_of_the_snapshot_can_be_read_without_the_key(
    cluster: Cluster, elsewhere: Store, tmp_path: Path
) -> None:
    backups.save(cluster, elsewhere, "one", snapshot(tmp_path, byte=b"secret"), FOUND, NOW)
    written = b"".join(elsewhere.read(name) or b"" for name in elsewhere.names("demo"))
    assert b"secret" * 4 not in written
    assert b"PRIVATE KEY" not in written


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: b"y" + data[1:], lambda data: data[:-32]])
def test_a_snapshot_that_is_not_whole_is_refused(
    cluster: Cluster, elsewhere: Store, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    path = snapshot(tmp_path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(Failed, match="snapshot"):
        backups.save(cluster, elsewhere, "one", path, FOUND, NOW)
    assert backups.every(elsewhere, "demo") == []


def test_a_backup_that_was_exchanged_or_has_lost_a_part_is_not_restored(
    cluster: Cluster, elsewhere: Store, tmp_path: Path
) -> None:
    taken = backups.save(cluster, elsewhere, "one", snapshot(tmp_path), FOUND, NOW)
    other = backups.save(cluster, elsewhere, "two", snapshot(tmp_path, byte=b"z"), FOUND, NOW)
    elsewhere.write(f"{taken.folder}/etcd.0000", elsewhere.read(f"{other.folder}/etcd.0000") or b"")
    with pytest.raises(Failed, match="damaged or exchanged"):
        list(backups.opened(cluster, elsewhere, taken))
    name = f"{other.folder}/etcd.0000"
    elsewhere.swap(name, elsewhere.read(name), None)
    with pytest.raises(Failed, match="missing"):
        list(backups.opened(cluster, elsewhere, other))


def test_a_store_that_lost_the_cluster_gets_it_back_with_the_same_keys(
    cluster: Cluster, elsewhere: Store, tmp_path: Path
) -> None:
    path = snapshot(tmp_path)
    taken = backups.save(cluster, elsewhere, "one", path, FOUND, NOW)
    new = FileStore(tmp_path / "new machine")
    backups.bring_back(new, elsewhere, taken, OPEN)
    again = open_cluster(new, "demo", OPEN)
    assert again.authorities.certificate("etcd") == cluster.authorities.certificate("etcd")
    mine, theirs = ensure_secrets(cluster), ensure_secrets(again)
    assert {name: mine.value(name) for name in mine.names()} == {name: theirs.value(name) for name in theirs.names()}
    assert b"".join(backups.opened(again, elsewhere, taken)) == path.read_bytes()


def test_the_wrong_passphrase_brings_nothing_back(cluster: Cluster, elsewhere: Store, tmp_path: Path) -> None:
    taken = backups.save(cluster, elsewhere, "one", snapshot(tmp_path), FOUND, NOW)
    new = FileStore(tmp_path / "new machine")
    with pytest.raises(WrongKey):
        backups.bring_back(new, elsewhere, taken, {PASSPHRASE_VARIABLE: "open says me"})
    assert new.folders() == []


def test_a_cluster_that_was_made_anew_is_not_mixed_with_the_backup(
    cluster: Cluster, elsewhere: Store, tmp_path: Path
) -> None:
    taken = backups.save(cluster, elsewhere, "one", snapshot(tmp_path), FOUND, NOW)
    other = FileStore(tmp_path / "other")
    other.write("keyring.json", cluster.store.read("keyring.json") or b"")
    ensure_cluster(other, "demo", {"api_address": "192.0.2.10"}, OPEN)
    with pytest.raises(InvalidInput, match="other authorities"):
        backups.bring_back(other, elsewhere, taken, OPEN)


def test_the_newest_backups_stay_and_what_was_cut_off_goes(
    cluster: Cluster, elsewhere: Store, tmp_path: Path
) -> None:
    for identity in ("1", "2", "3"):
        backups.save(cluster, elsewhere, identity, snapshot(tmp_path), FOUND, NOW)
    elsewhere.write("demo/backups/0/etcd.0000", b"half")
    assert backups.prune(elsewhere, "demo", 2) == ["0", "1"]
    assert [one.id for one in backups.every(elsewhere, "demo")] == ["2", "3"]
    assert {name.split("/")[2] for name in elsewhere.names("demo/backups")} == {"2", "3"}


def test_an_id_that_there_is_not_is_told_with_those_that_there_are(
    cluster: Cluster, elsewhere: Store, tmp_path: Path
) -> None:
    backups.save(cluster, elsewhere, "one", snapshot(tmp_path), FOUND, NOW)
    with pytest.raises(InvalidInput, match="no backup 'two'") as told:
        backups.find(elsewhere, "demo", "two")
    assert "There are: one." in str(told.value.next_step)


def test_a_backup_from_before_a_rotation_brings_its_key_back_behind_the_new_one(
    cluster: Cluster, elsewhere: Store, tmp_path: Path
) -> None:
    taken = backups.save(cluster, elsewhere, "one", snapshot(tmp_path), FOUND, NOW)
    assert not backups.bring_keys(cluster, elsewhere, taken)
    old = encryption.ensure_keys(cluster.store, cluster.keyring, "demo")
    new = encryption.begun(old, NOW)[1:]
    encryption.replace(cluster.store, cluster.keyring, "demo", old, new)
    assert backups.bring_keys(cluster, elsewhere, taken)
    assert encryption.ensure_keys(cluster.store, cluster.keyring, "demo") == (*new, *old)
    assert not backups.bring_keys(cluster, elsewhere, taken)
