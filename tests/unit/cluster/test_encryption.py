"""The list of encryption keys says how far a rotation came, and never shows a key."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest

from clusterbook.cluster import encryption
from clusterbook.cluster.encryption import Key
from clusterbook.cluster.secrets import Keyring
from clusterbook.cluster.store import FileStore
from clusterbook.errors import Failed, InvalidInput

NOW = datetime(2026, 11, 26, 10, 45, tzinfo=UTC)
TEXT = base64.b64encode(b"k" * 32).decode()
OLD = Key("key1", TEXT)


def test_a_store_of_before_has_one_key_without_a_name(store: FileStore, keyring: Keyring) -> None:
    store.write("demo/secrets/encryption-key", keyring.seal("demo/secrets/encryption-key", TEXT.encode()))
    assert encryption.ensure_keys(store, keyring, "demo") == (OLD,)


def test_keys_come_back_in_their_order(store: FileStore, keyring: Keyring) -> None:
    old = encryption.ensure_keys(store, keyring, "demo")
    assert encryption.ensure_keys(store, keyring, "demo") == old
    two = encryption.begun(old, NOW)
    encryption.replace(store, keyring, "demo", old, two)
    assert encryption.ensure_keys(store, keyring, "demo") == two
    assert TEXT not in repr(OLD)
    assert two[1].text.encode() not in (store.read("demo/secrets/encryption-key") or b"")


def test_a_rotation_goes_from_the_old_key_over_both_to_the_new_one() -> None:
    begun = encryption.begun((OLD,), NOW)
    assert [key.name for key in begun] == ["key1", f"key{int(NOW.timestamp())}"]
    assert begun[1].text != OLD.text
    assert encryption.begun(begun, NOW) == begun
    turned = encryption.turned(begun)
    assert turned == (begun[1], OLD)
    assert encryption.turned(turned) == turned
    assert encryption.turned(turned[:1]) == turned[:1]


def test_a_new_key_is_the_newest_also_when_the_clock_went_back() -> None:
    late = Key(f"key{int(NOW.timestamp()) + 3600}", TEXT)
    begun = encryption.begun((late,), NOW)
    assert encryption.newest(begun) == begun[1]


def test_keys_that_somebody_else_changed_are_not_written_over(store: FileStore, keyring: Keyring) -> None:
    mine = encryption.ensure_keys(store, keyring, "demo")
    theirs = encryption.begun(mine, NOW)
    encryption.replace(store, keyring, "demo", mine, theirs)
    with pytest.raises(Failed, match="somebody else changed demo/secrets/encryption-key meanwhile"):
        encryption.replace(store, keyring, "demo", mine, encryption.begun(mine, NOW))
    assert encryption.ensure_keys(store, keyring, "demo") == theirs


def test_the_keys_of_a_backup_come_behind_those_of_the_cluster() -> None:
    new = Key("key2", base64.b64encode(b"n" * 32).decode())
    assert encryption.with_those_of((new,), (OLD,)) == (new, OLD)
    assert encryption.with_those_of((new, OLD), (OLD,)) == (new, OLD)
    with pytest.raises(InvalidInput, match="'key1' is another one"):
        encryption.with_those_of((Key("key1", new.text),), (OLD,))


@pytest.mark.parametrize("text", ["", "key1", f"key1 {TEXT} more", "key1 bm9uZQ==", f"name {TEXT}", f"key0 {TEXT}"])
def test_a_damaged_list_is_told_without_its_content(text: str) -> None:
    with pytest.raises(Failed, match="encryption-key is damaged") as told:
        encryption.parse(text)
    assert TEXT not in str(told.value)
