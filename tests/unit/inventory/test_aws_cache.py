"""Answers of AWS that are kept: for one account, role, region and filter, whatever the credentials are called."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from clusterbook.inventory.aws_ec2 import cache, fetch
from clusterbook.inventory.aws_ec2.accounts import accounts
from clusterbook.inventory.aws_ec2.fetch import Answer, Sessions
from clusterbook.inventory.aws_ec2.settings import Place, Settings, settings_of

CLUSTER = {"cluster_name": "demo", "aws": {"region": "us-east-2"}}
OURS, OTHER = "123456789012", "210987654321"


def settings(**written: Any) -> Settings:
    return settings_of(Path("aws.yml"), {"plugin": "aws_ec2", "cache_seconds": 600, **written}, CLUSTER)


def asked(chosen: Settings, folder: Path, word: str, whole: bool = True) -> str:
    """What the cache answers when AWS would say `word`: that, or an older one. whole: every place would answer."""
    now = Answer([(chosen.places[0], {"InstanceId": word})], whole)
    answer = cache.cached(chosen, Sessions(), lambda: now, folder)
    return str(answer[0][1]["InstanceId"])


def key_of(aws: Any, account: str) -> Mapping[str, str]:
    """An access key of a user in that account. moto's accounts are entered by taking a role of theirs."""
    role = f"arn:aws:iam::{account}:role/any"
    temporary = aws("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    iam = aws("iam", aws_access_key_id=temporary["AccessKeyId"], aws_secret_access_key=temporary["SecretAccessKey"],
              aws_session_token=temporary["SessionToken"])  # fmt: skip
    iam.create_user(UserName="me")
    found: Mapping[str, str] = iam.create_access_key(UserName="me")["AccessKey"]
    return found


def write_profile(file: Path, key: Mapping[str, str], name: str = "work") -> None:
    file.write_text(f"[{name}]\naws_access_key_id = {key['AccessKeyId']}\n"
                    f"aws_secret_access_key = {key['SecretAccessKey']}\n")  # fmt: skip


@pytest.fixture
def profile(aws: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A credentials file whose profile `work` is in our account."""
    file = tmp_path / "credentials"
    write_profile(file, key_of(aws, OURS))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    return file


def forbid_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the test fail when STS is asked who we are."""
    import botocore.client

    real = botocore.client.BaseClient._make_api_call

    def call(self: Any, operation: str, given: Any) -> Any:
        assert operation != "GetCallerIdentity"
        return real(self, operation, given)

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", call)


WORK = {"sources": [{"profile": "work"}]}


def test_a_profile_that_leads_to_another_account_is_not_answered_from_the_first_one(
    aws: Any, profile: Path, tmp_path: Path
) -> None:
    assert asked(settings(**WORK), tmp_path, "ours") == "ours"
    write_profile(profile, key_of(aws, OTHER))
    assert asked(settings(**WORK), tmp_path, "theirs") == "theirs"
    assert asked(settings(**WORK), tmp_path, "asked again") == "theirs"


def test_a_key_that_was_exchanged_within_an_account_goes_on_with_what_is_kept(
    aws: Any, profile: Path, tmp_path: Path
) -> None:
    assert asked(settings(**WORK), tmp_path, "first") == "first"
    write_profile(profile, aws("iam").create_access_key(UserName="me")["AccessKey"])
    assert asked(settings(**WORK), tmp_path, "second") == "first"


def test_the_account_of_a_key_is_asked_for_once_and_the_key_is_not_written(
    profile: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place("us-east-2", "work")
    assert accounts([place], Sessions(), tmp_path / "kept") == [OURS]
    text = (tmp_path / "kept" / "accounts.json").read_text()
    assert list(json.loads(text).values()) == [OURS]
    assert not any(word in text for word in profile.read_text().split() if len(word) > 8)
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9")
    assert accounts([place], Sessions(), tmp_path / "other") == [""]
    monkeypatch.delenv("AWS_ENDPOINT_URL_STS")
    forbid_identity(monkeypatch)
    assert accounts([place], Sessions(), tmp_path / "kept") == [OURS]


def test_keys_that_end_by_themselves_are_asked_about_each_time(
    aws: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = aws("sts").assume_role(RoleArn=f"arn:aws:iam::{OTHER}:role/any", RoleSessionName="test")["Credentials"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", temporary["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", temporary["SecretAccessKey"])
    monkeypatch.setenv("AWS_SESSION_TOKEN", temporary["SessionToken"])
    assert accounts([Place("us-east-2")], Sessions(), tmp_path) == [OTHER]
    assert list(tmp_path.iterdir()) == []


def test_a_role_names_its_account_so_that_nobody_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forbid_identity(monkeypatch)
    roles = [Place("us-east-2", role=f"arn:aws:iam::{account}:role/look") for account in (OURS, OTHER)]
    assert accounts(roles, Sessions(), tmp_path) == [OURS, OTHER]


def test_where_the_account_is_not_known_nothing_is_kept_and_nothing_kept_is_used(
    profile: Path, tmp_path: Path
) -> None:
    assert asked(settings(**WORK), tmp_path, "ours") == "ours"
    profile.write_text("")
    assert asked(settings(**WORK), tmp_path, "one") == "one"
    assert asked(settings(**WORK), tmp_path, "two") == "two"


def test_the_region_counts_as_it_is_and_not_as_the_file_leaves_it_out(
    aws: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = settings_of(Path("aws.yml"), {"plugin": "aws_ec2", "cache_seconds": 600}, {"cluster_name": "demo"})
    assert asked(chosen, tmp_path, "ohio") == "ohio"
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    assert asked(chosen, tmp_path, "ireland") == "ireland"


def test_other_filters_and_other_roles_are_other_questions(aws: Any, tmp_path: Path) -> None:
    role = {"assume_role": f"arn:aws:iam::{OURS}:role/look"}
    for number, written in enumerate(({}, {"filters": {"tag:team": "a"}}, {"sources": [role]})):
        assert asked(settings(**written), tmp_path, f"i-{number}") == f"i-{number}"


def test_an_answer_in_which_a_place_is_missing_is_not_kept(aws: Any, tmp_path: Path) -> None:
    assert asked(settings(), tmp_path, "i-1", whole=False) == "i-1"
    assert asked(settings(), tmp_path, "i-2") == "i-2"
    assert asked(settings(), tmp_path, "i-3", whole=False) == "i-2"


def test_one_login_serves_the_account_the_instances_and_their_consoles(
    aws: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Place] = []
    real = fetch._session
    monkeypatch.setattr(fetch, "_session", lambda place: [made.append(place), real(place)][1])
    chosen, sessions = settings(), Sessions()
    cache.cached(chosen, sessions, lambda: fetch.instances(chosen, sessions), tmp_path)
    fetch.console(chosen.places[0], "i-0123456789abcdef0", sessions)
    assert made == list(chosen.places)
