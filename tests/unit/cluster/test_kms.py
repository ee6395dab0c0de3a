"""A store whose key a key of AWS KMS encrypts: opened by who may, and refused in words that say why."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from moto.core.exceptions import JsonRESTError
from moto.kms.models import KmsBackend

from clusterbook.cluster import backups, kms, secrets
from clusterbook.cluster.cluster import ensure_cluster
from clusterbook.cluster.names import StoreError
from clusterbook.cluster.secrets import KEYRING, WrongKey, ensure_secret, open_keyring
from clusterbook.cluster.store import FileStore
from clusterbook.errors import InvalidInput
from tests.unit.cluster import kms_of_moto
from tests.unit.cluster.test_backups import FOUND, NOW, snapshot

VARIABLE = "CLUSTERBOOK_STORE_KMS_KEY"
OTHER_ACCOUNT = "111122223333"


@pytest.fixture
def key(aws: Any) -> str:
    """The ARN of a KMS key, which has the alias alias/stores."""
    found = str(aws("kms").create_key()["KeyMetadata"]["Arn"])
    aws("kms").create_alias(AliasName="alias/stores", TargetKeyId=found.split("/")[1])
    return found


@pytest.fixture(autouse=True)
def like_aws(aws: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The empty AWS of each test."""
    kms_of_moto.correct(monkeypatch)


def become_another_account(aws: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The credentials of a role of another account."""
    role = f"arn:aws:iam::{OTHER_ACCOUNT}:role/visitor"
    found = aws("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    names = {"AWS_ACCESS_KEY_ID": "AccessKeyId", "AWS_SECRET_ACCESS_KEY": "SecretAccessKey",
             "AWS_SESSION_TOKEN": "SessionToken"}  # fmt: skip
    for name, part in names.items():
        monkeypatch.setenv(name, found[part])
    monkeypatch.setattr("boto3.DEFAULT_SESSION", None)


def made(store: FileStore, named: str) -> FileStore:
    """A store that is encrypted by this KMS key, with one secret."""
    ensure_secret(store, open_keyring(store, {VARIABLE: named}), "lab/secrets/a", lambda: b"value")
    return store


@pytest.mark.parametrize("form", ["arn", "id", "alias", "arn of alias"])
def test_a_store_is_made_by_any_name_of_a_kms_key_and_opened_without_one(
    store: FileStore, key: str, form: str
) -> None:
    name = {"arn": key, "id": key.split("/")[1], "alias": "alias/stores",
            "arn of alias": f"{key.partition('key/')[0]}alias/stores"}[form]  # fmt: skip
    made(store, name)
    assert json.loads(store.read(KEYRING) or b"")["key"] == key
    for environment in ({}, {VARIABLE: name}):
        assert ensure_secret(store, open_keyring(store, environment), "lab/secrets/a", lambda: b"b") == b"value"


def test_the_key_is_nowhere_on_this_machine_but_encrypted_in_the_store(
    store: FileStore, key: str, aws: Any, tmp_path: Path
) -> None:
    made(store, key)
    form = json.loads(store.read(KEYRING) or b"")
    context = {"clusterbook:store": store.address}
    blob = base64.b64decode(form["sealed"])
    plain = aws("kms").decrypt(KeyId=key, CiphertextBlob=blob, EncryptionContext=context)["Plaintext"]
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert len(plain) == 32 and form["kind"] == "kms" and form["store"] == store.address
    assert plain not in kept and base64.b64encode(plain) not in kept and plain.hex().encode() not in kept


def test_a_key_that_was_encrypted_for_another_store_does_not_open_this_one(
    store: FileStore, key: str
) -> None:
    form = json.loads(made(store, key).read(KEYRING) or b"")
    with pytest.raises(WrongKey, match=r"^KMS cannot open the key of this store: keyring.json was damaged or exch"):
        secrets.unlock(json.dumps({**form, "store": "file:///elsewhere"}).encode(), {})
    with pytest.raises(WrongKey, match=r"^what KMS opened is not the key of this store: keyring.json was damaged$"):
        secrets.unlock(json.dumps({**form, "check": "0" * 32}).encode(), {})
    with pytest.raises(StoreError, match=r"^keyring.json in the store is damaged$"):
        secrets.unlock(json.dumps({**form, "sealed": "?"}).encode(), {})


def test_a_store_that_is_encrypted_by_another_kms_key_than_the_one_named_is_refused(
    store: FileStore, key: str, aws: Any
) -> None:
    made(store, key)
    other = aws("kms").create_key()["KeyMetadata"]["Arn"]
    with pytest.raises(WrongKey) as told:
        open_keyring(store, {VARIABLE: other})
    assert told.value.message == f"the KMS key {other} is not the one that encrypted the key of this store"
    assert told.value.next_step == f"Set {VARIABLE} to that one, or unset it."


def test_a_kms_key_that_is_not_there_is_told_with_the_region(store: FileStore) -> None:
    for name in ("alias/none", "01234567-89ab-cdef-0123-456789abcdef"):
        with pytest.raises(WrongKey, match=f"^there is no KMS key {name} in us-east-2: ") as told:
            open_keyring(store, {VARIABLE: name, "AWS_DEFAULT_REGION": "us-east-2"})
        assert told.value.next_step == "Correct its name, or set AWS_DEFAULT_REGION to where it is."
    assert store.read(KEYRING) is None


def test_what_cannot_be_a_kms_key_is_refused_before_aws_is_asked(store: FileStore) -> None:
    for name in ("stores", "arn:aws:kms:us-east-2:1:key/x", "arn:aws:iam::123456789012:role/r", "alias/ä"):
        with pytest.raises(InvalidInput) as told:
            open_keyring(store, {VARIABLE: name})
        assert told.value.message == f"{name!r} cannot be the name of a KMS key"
        assert told.value.next_step == "Name its ARN, its id, or an alias of it: alias/NAME."


def test_a_disabled_kms_key_says_how_it_is_enabled(store: FileStore, key: str, aws: Any) -> None:
    made(store, key)
    aws("kms").disable_key(KeyId=key.split("/")[1])
    with pytest.raises(WrongKey) as told:
        open_keyring(store, {})
    assert told.value.message == f"the KMS key {key} is disabled"
    assert told.value.next_step == f"Enable it: aws kms enable-key --key-id {key}"


def test_a_kms_key_that_is_about_to_be_deleted_says_how_it_is_kept(store: FileStore, key: str, aws: Any) -> None:
    made(store, key)
    aws("kms").schedule_key_deletion(KeyId=key.split("/")[1], PendingWindowInDays=7)
    with pytest.raises(WrongKey) as told:
        open_keyring(store, {})
    assert told.value.message == (
        f"the KMS key {key} is pending deletion: once AWS has deleted it, nobody can open what it encrypted"
    )
    assert told.value.next_step == (f"Keep it: aws kms cancel-key-deletion --key-id {key}, then aws kms enable-key "
                                    f"--key-id {key}")  # fmt: skip


def test_without_a_region_only_an_arn_is_enough(
    store: FileStore, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(InvalidInput) as told:
        open_keyring(store, {VARIABLE: "alias/stores"})
    assert told.value.message == "the region of the KMS key alias/stores is not known"
    assert told.value.next_step == "Name the key by its whole ARN, or set AWS_DEFAULT_REGION."
    open_keyring(store, {VARIABLE: key})
    open_keyring(store, {VARIABLE: "alias/stores"})  # the keyring knows where


def test_a_kms_key_of_another_account_is_not_asked_unless_it_is_named(
    store: FileStore, key: str, aws: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(store, key)
    become_another_account(aws, monkeypatch)
    with pytest.raises(WrongKey) as told:
        open_keyring(store, {})
    assert told.value.message == (f"the key of this store is encrypted by the KMS key {key} of another account than "
                                  f"yours, {OTHER_ACCOUNT}")  # fmt: skip
    assert told.value.next_step.startswith(f"If you know that KMS key, set {VARIABLE} to it;")
    with pytest.raises(WrongKey) as told:
        open_keyring(store, {VARIABLE: key})
    assert told.value.message == (
        f"kms:Decrypt with the KMS key {key} is denied: User: me is not authorized to use resource: {key}\n"
        f"The KMS key is of account 123456789012, your credentials are of account {OTHER_ACCOUNT}."
    )
    assert told.value.next_step == (
        f"Use credentials of account 123456789012, or have its key's policy allow kms:Decrypt to {OTHER_ACCOUNT}."
    )


def test_missing_credentials_are_said(store: FileStore, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made(store, key)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setattr("boto3.DEFAULT_SESSION", None)
    with pytest.raises(WrongKey, match=r"^there are no AWS credentials for kms:Decrypt, and the key of this store is "):
        open_keyring(store, {VARIABLE: key})


@pytest.mark.parametrize(("code", "status", "requests"), [
    ("KMSInternalException", 500, 3), ("ThrottlingException", 400, 3), ("DisabledException", 400, 1),
    ("SomethingNew", 400, 1),
])  # fmt: skip
def test_only_what_aws_says_would_work_a_moment_later_is_asked_again(
    store: FileStore, key: str, monkeypatch: pytest.MonkeyPatch, code: str, status: int, requests: int
) -> None:
    made(store, key)
    works, asked = KmsBackend.decrypt, []

    def refused(self: Any, **given: Any) -> Any:
        asked.append(code)
        if len(asked) < 3:
            error = JsonRESTError(code, "Not now.")
            error.code = status
            raise error
        return works(self, **given)

    monkeypatch.setattr(KmsBackend, "decrypt", refused)
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda seconds: None)
    if requests == 1:
        with pytest.raises(WrongKey):
            open_keyring(store, {})
    else:
        open_keyring(store, {})
    assert len(asked) == requests


def test_who_may_not_look_at_an_alias_is_told_to_name_the_arn(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert kms.arn_of(key, {}) == kms.arn_of("alias/stores", {}) == key

    def refused(self: Any, key_id: str) -> Any:
        raise JsonRESTError("AccessDeniedException", "No.")

    monkeypatch.setattr(KmsBackend, "describe_key", refused)
    assert kms.arn_of(key, {}) == key
    with pytest.raises(WrongKey, match=r"^kms:DescribeKey with the KMS key alias/stores is denied: No\.$") as told:
        kms.arn_of("alias/stores", {})
    assert told.value.next_step.startswith("Name the KMS key by its whole ARN, or allow kms:DescribeKey")


def test_a_refusal_without_words_of_its_own_shows_those_of_aws(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(self: Any, **given: Any) -> Any:
        raise JsonRESTError("SomethingNew", "The moon is wrong.")

    monkeypatch.setattr(KmsBackend, "encrypt", refused)
    with pytest.raises(WrongKey, match=rf"^kms:Encrypt with the KMS key {key}: The moon is wrong. \(SomethingNew\)$"):
        kms.seal(key, b"k" * 32, "file:///x", {})


def test_a_new_store_is_encrypted_by_one_thing_alone(store: FileStore, key: str) -> None:
    with pytest.raises(InvalidInput) as told:
        open_keyring(store, {VARIABLE: key, "CLUSTERBOOK_STORE_PASSPHRASE": "open sesame"})
    assert told.value.message == (f"CLUSTERBOOK_STORE_PASSPHRASE and {VARIABLE} are both set, and a new store is "
                                  "encrypted by one of them")  # fmt: skip


def test_a_backup_in_another_store_is_enough_for_a_new_machine_that_may_use_the_kms_key(
    store: FileStore, key: str, tmp_path: Path
) -> None:
    cluster = ensure_cluster(store, "demo", {"api_address": "192.0.2.10"}, {VARIABLE: key})
    elsewhere, new = FileStore(tmp_path / "elsewhere"), FileStore(tmp_path / "new")
    path = snapshot(tmp_path)
    taken = backups.save(cluster, elsewhere, "one", path, FOUND, NOW)
    backups.bring_back(new, elsewhere, taken, {})
    again = ensure_cluster(new, "demo", {}, {})
    assert b"".join(backups.opened(again, elsewhere, taken)) == path.read_bytes()
    assert again.authorities.trust_bundle() == cluster.authorities.trust_bundle()


def test_a_store_goes_from_a_passphrase_to_kms_and_back_and_keeps_what_it_has(
    store: FileStore, key: str, configuration: Path, tmp_path: Path
) -> None:
    word, new = {"CLUSTERBOOK_STORE_PASSPHRASE": "open sesame"}, {"CLUSTERBOOK_STORE_PASSPHRASE": "sesame street"}
    cluster = ensure_cluster(store, "demo", {"api_address": "192.0.2.10"}, word)
    value = ensure_secret(store, open_keyring(store, word), "demo/secrets/a", lambda: b"value")
    elsewhere, path = FileStore(tmp_path / "elsewhere"), snapshot(tmp_path)
    taken = backups.save(cluster, elsewhere, "one", path, FOUND, NOW)
    derived = open_keyring(store, word).derived("joining demo")

    def same(environment: dict[str, str]) -> None:
        keyring = open_keyring(store, environment, configuration)
        assert ensure_secret(store, keyring, "demo/secrets/a", lambda: b"other") == value
        assert keyring.derived("joining demo") == derived
        backups.bring_back(store, elsewhere, taken, environment)  # how it was had before is not needed

    secrets.change(store, "kms", "alias/stores", word)
    same({})
    secrets.change(store, "passphrase", "sesame street", {VARIABLE: key})
    same(new)
    with pytest.raises(WrongKey, match="this passphrase does not open the store"):
        open_keyring(store, word)
    secrets.change(store, "kms", key, new)
    same({VARIABLE: key})
    secrets.change(store, "file", "", {}, configuration)
    with pytest.raises(WrongKey, match="is not on this machine"):
        open_keyring(store, {}, tmp_path / "nowhere")
    assert secrets.description(store) == {"kind": "file"}


def test_a_change_to_a_kms_key_that_does_not_work_leaves_the_store_as_it_was(
    store: FileStore, key: str, aws: Any
) -> None:
    word = {"CLUSTERBOOK_STORE_PASSPHRASE": "open sesame"}
    open_keyring(store, word)
    before = store.read(KEYRING)
    aws("kms").disable_key(KeyId=key.split("/")[1])
    with pytest.raises(WrongKey, match="is disabled"):
        secrets.change(store, "kms", key, word)
    assert store.read(KEYRING) == before
