"""How the key of the store is had, shown and changed by one task; and who may use the KMS key that encrypts it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from clusterbook.cluster.cluster import Cluster
from clusterbook.cluster.secrets import KEYRING, WrongKey, open_keyring
from clusterbook.cluster.store import open_store
from tests.unit.cli.conftest import NAME, Call, Run
from tests.unit.cli.test_iam import Enforce, become, enforce, without_resources
from tests.unit.cloud.evaluator import allowed, asked

VARIABLE = "CLUSTERBOOK_STORE_KMS_KEY"
STORE = "s3://demo-state/team"
__all__ = ["enforce"]


@pytest.fixture
def key(aws: Any) -> str:
    """The ARN of a KMS key with the alias alias/stores."""
    found = str(aws("kms").create_key()["KeyMetadata"]["Arn"])
    aws("kms").create_alias(AliasName="alias/stores", TargetKeyId=found.split("/")[1])
    return found


def test_a_store_without_a_cluster_says_when_it_gets_a_key(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLUSTERBOOK_STATE_STORE", f"file://{tmp_path}/store")
    code, text, _ = call("store-key")
    assert (code, text) == (0, f"The key of the store file://{tmp_path}/store is had by nothing.\n"
                               "It gets one with its first cluster.\n")  # fmt: skip
    code, _, errors = call("store-key", "--kms-key", "alias/stores", "--yes")
    assert code == 3 and f"Set {VARIABLE} and make a cluster in it: clusterbook create-cluster." in errors


def test_the_key_is_had_as_the_variable_says_when_the_first_cluster_is_configured(
    key: str, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLUSTERBOOK_STATE_STORE", f"file://{tmp_path}/store")
    monkeypatch.delenv("CLUSTERBOOK_STORE_PASSPHRASE", raising=False)
    monkeypatch.setenv(VARIABLE, "alias/stores")
    assert call("create-cluster", "office", "--api-address", "192.0.2.10")[0] == 0
    monkeypatch.delenv(VARIABLE)
    assert f"is had by the KMS key {key}.\nIt opens.\n" in call("store-key")[1]


def test_the_key_goes_from_a_passphrase_to_kms_and_back_and_nothing_secret_is_shown(
    kept: Cluster, key: str, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = kept.store.read(KEYRING)
    code, text, _ = call("store-key", "--kms-key", "alias/stores")
    assert code == 2 and "had by a passphrase.\n" in text and "by the KMS key alias/stores: the same with --yes" in text
    assert kept.store.read(KEYRING) == before
    code, text, _ = call("store-key", "--kms-key", "alias/stores", "--yes")
    assert (code, text) == (0, f"The key of the store {kept.store.address} is had by the KMS key {key}.\nDone.\n")
    monkeypatch.delenv("CLUSTERBOOK_STORE_PASSPHRASE")
    code, text, _ = call("store-key", "--json")
    assert code == 0 and json.loads(text) == {
        "store": kept.store.address, "kind": "kms", "key": key, "context": {"clusterbook:store": kept.store.address}
    }  # fmt: skip
    code, text, errors = call("store-key", "--passphrase", "--yes")
    assert code == 3 and "there is no new passphrase" in errors
    monkeypatch.setenv("CLUSTERBOOK_STORE_NEW_PASSPHRASE", "sesame street")
    code, text, errors = call("store-key", "--passphrase", "--yes")
    assert code == 0 and "set CLUSTERBOOK_STORE_PASSPHRASE to the new passphrase" in text
    assert "sesame" not in text + errors
    again = open_keyring(kept.store, {"CLUSTERBOOK_STORE_PASSPHRASE": "sesame street"})
    assert again.derived("x") == kept.keyring.derived("x")
    code, _, errors = call("store-key", "--passphrase", "--file")
    assert code == 3 and "the key of a store is had by one thing alone" in errors


def test_the_wrong_passphrase_changes_nothing(kept: Cluster, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    before = kept.store.read(KEYRING)
    monkeypatch.setenv("CLUSTERBOOK_STORE_PASSPHRASE", "open says me")
    code, _, errors = call("store-key", "--file", "--yes")
    assert code == 3 and "this passphrase does not open the store" in errors
    assert kept.store.read(KEYRING) == before


def test_people_may_use_exactly_the_kms_key_of_the_store_and_make_it_only_while_there_is_none(
    run: Run, key: str, aws: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def may(action: str, resource: str = key, store: str = STORE) -> bool:
        code, text = run("iam", NAME, "--print")
        assert code == 0, text
        people = list(json.JSONDecoder().raw_decode(text[text.index("{"):])[0]["operator"].values())
        return allowed(people, asked(action, resource, **{"kms_EncryptionContext:clusterbook:store": store}))

    assert not may("kms:Decrypt")
    monkeypatch.setenv(VARIABLE, "alias/stores")
    assert may("kms:Decrypt") and may("kms:Encrypt")
    image = aws("ec2").describe_images()["Images"][0]["ImageId"]
    code, text = run("create-cluster", NAME, "--zones", "us-east-2a", "--image", image)
    assert code == 0, text
    monkeypatch.delenv(VARIABLE)
    assert may("kms:Decrypt") and not may("kms:Encrypt")
    other = aws("kms").create_key()["KeyMetadata"]["Arn"]
    assert not may("kms:Decrypt", other) and not may("kms:Decrypt", store="s3://demo-state/another")
    for action in ("GenerateDataKey", "DescribeKey", "ScheduleKeyDeletion", "CreateGrant", "PutKeyPolicy"):
        assert not may(f"kms:{action}")


def test_a_person_with_the_generated_policies_makes_and_opens_the_store_and_without_them_is_told_what_to_allow(
    run: Run, aws: Any, key: str, enforce: Enforce, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = aws("ec2").describe_images()["Images"][0]["ImageId"]
    file = tmp_path / "key"
    monkeypatch.setenv(VARIABLE, key)
    assert run("iam", NAME, "--yes", "--credentials", str(file))[0] == 0
    without_resources(aws)
    iam = aws("iam")
    become(monkeypatch, file)
    enforce(True)
    create = ("create-cluster", NAME, "--zones", "us-east-2a", "--image", image)
    for words, expected in ((create, 0), (("update-cluster", NAME), 2), (("store-key",), 0)):
        code, text = run(*words)
        assert code == expected, text
    enforce(False)
    policy = next(one for one in iam.list_policies(Scope="Local")["Policies"] if one["PolicyName"].startswith("store."))
    version = iam.get_policy_version(PolicyArn=policy["Arn"], VersionId=policy["DefaultVersionId"])["PolicyVersion"]
    rest = [one for one in version["Document"]["Statement"] if "kms:Decrypt" not in one["Action"]]
    document = json.dumps({"Version": "2012-10-17", "Statement": rest})
    iam.create_policy_version(PolicyArn=policy["Arn"], PolicyDocument=document, SetAsDefault=True)
    enforce(True)
    code, text = run("update-cluster", NAME)
    assert code == 1 and f"kms:Decrypt with the KMS key {key} is denied: " in text
    assert "next: Allow kms:Decrypt on it for these credentials, as the policies of clusterbook iam do." in text
    with pytest.raises(WrongKey, match="is denied"):
        open_keyring(open_store(os.environ), os.environ)
