"""Secrets at rest cannot be read, exchanged or lost without a word."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from clusterbook.cluster.secrets import Keyring, WrongKey, ensure_secret, open_keyring
from clusterbook.cluster.store import FileStore
from clusterbook.errors import EXIT_INVALID, Failed

WORD = {"CLUSTERBOOK_STORE_PASSPHRASE": "correct horse"}


def test_a_secret_is_made_once_and_read_again(store: FileStore, configuration: Path) -> None:
    values = iter([b"first", b"second"])
    made = ensure_secret(store, open_keyring(store, {}, configuration), "lab/secrets/token", lambda: next(values))
    again = ensure_secret(store, open_keyring(store, {}, configuration), "lab/secrets/token", lambda: next(values))
    assert (made, again) == (b"first", b"first")


def test_the_value_is_nowhere_in_the_store_and_the_key_is_outside(
    store: FileStore, configuration: Path, tmp_path: Path
) -> None:
    keyring = open_keyring(store, {}, configuration)
    ensure_secret(store, keyring, "lab/secrets/token", lambda: b"plain-text-value")
    stored = b"".join(store.read(name) or b"" for name in store.names("lab"))
    key_file = configuration / "store.key"
    assert b"plain-text-value" not in stored
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert not key_file.is_relative_to(tmp_path / "state")
    assert key_file.read_bytes().strip() not in stored + (store.read("keyring.json") or b"")


def test_a_keyring_and_its_store_show_no_secret(keyring: Keyring, store: FileStore, configuration: Path) -> None:
    key = (configuration / "store.key").read_text().strip()
    assert repr(keyring) == str(keyring) == "Keyring(…)"
    assert key not in repr(vars(keyring)) + repr(store)


def test_a_sealed_value_is_bound_to_its_name(keyring: Keyring) -> None:
    sealed = keyring.seal("lab/secrets/a", b"value")
    assert keyring.open("lab/secrets/a", sealed) == b"value"
    with pytest.raises(Failed, match=r"lab/secrets/b in the store cannot be decrypted: it was damaged or exchanged"):
        keyring.open("lab/secrets/b", sealed)


@pytest.mark.parametrize("damaged", [b"", b"{}", b"[1]", b'{"nonce": "AA==", "data": "AA=="}', b"\xff\xfe"])
def test_a_damaged_secret_says_so(keyring: Keyring, damaged: bytes) -> None:
    with pytest.raises(Failed, match="damaged or exchanged") as caught:
        keyring.open("lab/secrets/a", damaged)
    assert "backup" in caught.value.next_step


def test_a_passphrase_opens_the_store_on_any_machine(store: FileStore, tmp_path: Path) -> None:
    ensure_secret(store, open_keyring(store, WORD, tmp_path / "one"), "lab/secrets/a", lambda: b"value")
    elsewhere = open_keyring(store, WORD, tmp_path / "two")
    assert ensure_secret(store, elsewhere, "lab/secrets/a", lambda: b"other") == b"value"
    assert not (tmp_path / "one").exists()


def test_a_wrong_or_missing_passphrase_is_said_before_anything_is_read(store: FileStore, tmp_path: Path) -> None:
    open_keyring(store, WORD, tmp_path)
    with pytest.raises(WrongKey, match="this passphrase does not open the store") as wrong:
        open_keyring(store, {"CLUSTERBOOK_STORE_PASSPHRASE": "battery staple"}, tmp_path)
    with pytest.raises(WrongKey, match="encrypted with a passphrase") as missing:
        open_keyring(store, {}, tmp_path)
    assert (wrong.value.exit_code, missing.value.exit_code) == (EXIT_INVALID, EXIT_INVALID)


def test_a_missing_key_file_is_not_replaced_by_a_new_one(store: FileStore, configuration: Path) -> None:
    open_keyring(store, {}, configuration)
    (configuration / "store.key").unlink()
    with pytest.raises(WrongKey, match="is not on this machine") as caught:
        open_keyring(store, {}, configuration)
    assert "Copy it" in caught.value.next_step and caught.value.exit_code == EXIT_INVALID
    assert not (configuration / "store.key").exists()


def test_the_key_of_another_store_is_recognised(store: FileStore, configuration: Path, tmp_path: Path) -> None:
    open_keyring(store, {}, configuration)
    open_keyring(FileStore(tmp_path / "other"), {}, tmp_path / "other-config")
    (configuration / "store.key").write_bytes((tmp_path / "other-config/store.key").read_bytes())
    with pytest.raises(WrongKey, match="is not the one of this store"):
        open_keyring(store, {}, configuration)


def test_a_key_file_that_others_can_read_is_refused_with_the_command_that_helps(
    store: FileStore, configuration: Path
) -> None:
    open_keyring(store, {}, configuration)
    (configuration / "store.key").chmod(0o644)
    with pytest.raises(WrongKey, match="can be read by others") as caught:
        open_keyring(store, {}, configuration)
    assert caught.value.next_step == f"Run chmod 600 {configuration / 'store.key'}"
