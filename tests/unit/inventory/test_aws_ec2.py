"""Hosts of EC2 as an inventory: names, addresses, groups, keys, several regions, hostile tags."""

from __future__ import annotations

import functools
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from clusterbook import inventory
from clusterbook.errors import Failed, InvalidInput, InvalidProject
from clusterbook.inventory.aws_ec2 import fetch
from clusterbook.inventory.aws_ec2.settings import Place

CLUSTER = {"cluster_name": "demo", "aws": {"region": "us-east-2"}}
FILE = "plugin: aws_ec2\n"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def start(aws: Any, region: str = "us-east-2", count: int = 1, **tags: str) -> list[str]:
    client = aws("ec2", region_name=region)
    image = client.describe_images()["Images"][0]["ImageId"]
    spec = [{"ResourceType": "instance", "Tags": [
        {"Key": name.replace("__", "/").replace("_dot_", "."), "Value": value}
        for name, value in {"KubernetesCluster": "demo", **tags}.items()
    ]}]  # fmt: skip
    answer = client.run_instances(ImageId=image, MinCount=count, MaxCount=count, TagSpecifications=spec)
    return [item["InstanceId"] for item in answer["Instances"]]


def load(tmp_path: Path, text: str = FILE, cluster: dict[str, Any] | None = None) -> inventory.SourcedInventory:
    (tmp_path / "aws.yml").write_text(text)
    return inventory.load(tmp_path / "aws.yml", None, CLUSTER if cluster is None else cluster)


def test_hosts_of_the_cluster_are_found_by_their_tags_with_the_groups_that_playbooks_name(
    aws: Any, tmp_path: Path
) -> None:
    (master,) = start(aws, clusterbook_dot_io__role="control_plane", clusterbook_dot_io__host="master-a")
    start(aws, clusterbook_dot_io__role="worker", clusterbook_dot_io__group="nodes")
    start(aws, KubernetesCluster="other", clusterbook_dot_io__host="stranger")
    found = load(tmp_path)
    assert len(found.hosts) == 2
    assert found.groups["control_plane"] == found.groups["etcd"] == ("master-a",)
    (worker,) = found.groups["worker"]
    assert worker.startswith("ip-") and found.groups["group_nodes"] == (worker,)
    assert set(found.groups["region_us_east_2"]) == {"master-a", worker}
    variables = found.hosts["master-a"].variables
    assert variables["aws_instance"]["instance_id"] == master
    assert variables["aws_instance"]["private_dns"].startswith(f"{variables['node_name']}.")
    assert f"HostKeyAlias={master} " in variables["ansible_ssh_common_args"]


def test_two_instances_of_one_name_are_told_apart_by_their_ids(aws: Any, tmp_path: Path) -> None:
    names = start(aws, count=2, clusterbook_dot_io__host="same")
    assert set(load(tmp_path).hosts) == {f"same-{name}" for name in names}


def test_tags_are_data_and_never_evaluated(aws: Any, tmp_path: Path) -> None:
    start(aws, clusterbook_dot_io__host="{{ 7 * 7 }}; rm -rf /", team="{{ lookup('pipe', 'id') }}")
    found = load(tmp_path, FILE + "tag_groups: [team]\ngroups: {ours: \"aws_instance.tags.team is match('x')\"}\n")
    (name,) = found.hosts
    assert name == "___7___7_____rm_-rf__"
    assert found.hosts[name].variables["aws_instance"]["tags"]["team"] == "{{ lookup('pipe', 'id') }}"
    assert any(group.startswith("tag_team_") for group in found.groups)
    assert "ours" not in found.groups


def test_a_group_may_be_an_expression(aws: Any, tmp_path: Path) -> None:
    start(aws, clusterbook_dot_io__host="a", team="blue")
    start(aws, clusterbook_dot_io__host="b", team="red")
    found = load(tmp_path, FILE + "groups: {blue: \"aws_instance.tags.team == 'blue'\"}\n")
    assert found.groups["blue"] == ("a",)
    with pytest.raises(InvalidInput, match=r"groups\.wrong: .*nothing") as caught:
        load(tmp_path, FILE + "groups:\n  wrong: nothing == 1\n")
    assert str(caught.value.where).endswith("aws.yml:3:3")


def test_the_first_address_that_an_instance_has_is_used(aws: Any, tmp_path: Path) -> None:
    start(aws, clusterbook_dot_io__host="a")
    private = load(tmp_path, FILE + "address: [private_address]\n").hosts["a"].variables
    assert private["ansible_host"] == private["node_address"] == private["aws_instance"]["private_address"]


def test_several_regions_are_asked_and_one_that_fails_is_named(
    aws: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(aws, clusterbook_dot_io__host="east")
    start(aws, region="eu-west-1", clusterbook_dot_io__host="west")
    text = FILE + "sources: [{regions: [us-east-2, eu-west-1]}]\n"
    assert set(load(tmp_path, text).hosts) == {"east", "west"}
    real = fetch._ask

    def failing(place: Any, *more: Any) -> Any:
        return ([], f"{place}: no") if place.region == "eu-west-1" else real(place, *more)

    monkeypatch.setattr(fetch, "_ask", failing)
    with pytest.raises(Failed, match="AWS could not be asked for instances: eu-west-1: no"):
        load(tmp_path, text)
    with pytest.warns(UserWarning, match="these instances are missing: eu-west-1: no"):
        assert set(load(tmp_path, text + "on_error: warn\n").hosts) == {"east"}


def test_a_host_key_is_learnt_once_by_the_instance_s_id_and_a_change_is_refused(aws: Any, tmp_path: Path) -> None:
    (name,) = start(aws, clusterbook_dot_io__host="a", clusterbook_dot_io__host_key="")
    client = aws("ec2")
    client.create_tags(Resources=[name], Tags=[{"Key": "clusterbook.io/host-key", "Value": KEY}])
    load(tmp_path)
    file = tmp_path / "state" / "clusterbook" / "aws" / "known_hosts"
    assert file.read_text() == f"{name} {KEY}\n" and file.stat().st_mode & 0o777 == 0o600
    load(tmp_path)
    assert file.read_text() == f"{name} {KEY}\n"
    client.create_tags(Resources=[name], Tags=[{"Key": "clusterbook.io/host-key", "Value": KEY[:-4] + "AAAA"}])
    with pytest.raises(InvalidInput, match=rf"a \({name}\) has another host key") as caught:
        load(tmp_path)
    assert str(file) in caught.value.next_step


def test_a_host_key_of_the_console_output_is_learnt(
    aws: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (name,) = start(aws, clusterbook_dot_io__host="a")
    begin, end = (f"-----{word} SSH HOST KEY KEYS-----\n" for word in ("BEGIN", "END"))
    shown = f"boot\n{begin}{KEY} root@a\n{end}{KEY[:-4]}BBBB x\n"
    monkeypatch.setattr(fetch, "console", lambda *_: shown)
    load(tmp_path)
    assert (tmp_path / "state/clusterbook/aws/known_hosts").read_text() == f"{name} {KEY}\n"


def test_answers_are_kept_privately_when_asked_for(aws: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start(aws, clusterbook_dot_io__host="a")
    text = FILE + "cache_seconds: 600\n"
    load(tmp_path, text)
    monkeypatch.setattr(fetch, "instances", lambda *_: pytest.fail("asked again"))
    assert set(load(tmp_path, text).hosts) == {"a"}
    files = list((tmp_path / "cache" / "clusterbook" / "aws").iterdir())
    assert len(files) == 2 and {file.stat().st_mode & 0o777 for file in files} == {0o600}
    assert "testing" not in "".join(file.read_text() for file in files)
    monkeypatch.setattr(fetch, "instances", lambda *_: fetch.Answer([]))
    profiles = tmp_path / "profiles"
    profiles.write_text("[somebody-else]\naws_access_key_id = testing\naws_secret_access_key = testing\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(profiles))
    monkeypatch.setenv("AWS_PROFILE", "somebody-else")
    assert not load(tmp_path, text).hosts


def test_consoles_of_many_new_instances_are_asked_for_together(
    aws: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = start(aws, count=32)
    together = Barrier(16, timeout=30)  # passed by sixteen at once alone

    def console(place: Any, instance: str, sessions: Any) -> str:
        together.wait()
        return f"-----BEGIN SSH HOST KEY KEYS-----\n{KEY} root@{instance}\n-----END SSH HOST KEY KEYS-----\n"

    monkeypatch.setattr(fetch, "console", console)
    load(tmp_path)
    learnt = (tmp_path / "state/clusterbook/aws/known_hosts").read_text().splitlines()
    assert sorted(learnt) == sorted(f"{name} {KEY}" for name in names)


def test_the_console_of_an_older_kind_of_instance_is_asked_for_as_it_was_after_its_boot(
    aws: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    real = BaseClient._make_api_call

    def call(self: Any, operation: str, given: Any) -> Any:
        if operation == "GetConsoleOutput":
            asked.append(given)
            if given.get("Latest"):
                raise ClientError({"Error": {"Code": "UnsupportedOperation", "Message": "Nitro"}}, operation)
            return {"Output": "of its boot"}
        return real(self, operation, given)

    monkeypatch.setattr(BaseClient, "_make_api_call", call)
    place = Place(region="us-east-2")
    assert fetch.console(place, "i-0123456789abcdef0", fetch.Sessions()) == "of its boot"
    assert [one.get("Latest", False) for one in asked] == [True, False]


def test_a_thousand_instances_come_over_pages(aws: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(5):
        start(aws, count=200)
    monkeypatch.setattr(fetch, "PAGE", 3)  # moto counts the calls that started them
    (page, *_) = aws("ec2").get_paginator("describe_instances").paginate(PaginationConfig={"PageSize": 3})
    assert "NextToken" in page
    assert len(load(tmp_path, FILE + "host_keys: known_hosts\n").hosts) == 1000


def test_instances_of_other_accounts_are_found_by_assumed_roles_and_by_profiles(
    aws: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    roles = {name: f"arn:aws:iam::{account}:role/readers"
             for name, account in {"far": "2" * 12, "profiled": "3" * 12}.items()}  # fmt: skip
    start(aws, clusterbook_dot_io__host="near")
    for name, role in roles.items():
        keys = aws("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
        own = functools.partial(aws, aws_access_key_id=keys["AccessKeyId"], aws_session_token=keys["SessionToken"],
                                aws_secret_access_key=keys["SecretAccessKey"])  # fmt: skip
        start(own, clusterbook_dot_io__host=name)
    profiles = tmp_path / "profiles"
    profiles.write_text(
        "[base]\naws_access_key_id = testing\naws_secret_access_key = testing\n"
        f"[other]\nrole_arn = {roles['profiled']}\nsource_profile = base\n"
    )
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(profiles))
    text = FILE + "host_keys: known_hosts\nsources:\n"
    assert set(load(tmp_path, text + "- {regions: [us-east-2]}\n").hosts) == {"near"}
    text += f"- {{regions: [us-east-2]}}\n- {{regions: [us-east-2], assume_role: '{roles['far']}'}}\n"
    text += "- {regions: [us-east-2], profile: other}\n"
    assert set(load(tmp_path, text).hosts) == {"near", "far", "profiled"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("plugin: aws_ec2\nregion: x\n", "unknown key 'region' of the EC2 inventory"),
        ("plugin: aws_ec2\nhost_name: [name]\n", "'host_name' item is 'name', expected tag:NAME, private_dns,"),
        ("plugin: aws_ec2\nsources: [{regions: [mars]}]\n", "'regions' item is 'mars', expected the name of a region"),
    ],
)
def test_a_wrong_file_is_refused_before_anybody_is_asked(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InvalidProject) as caught:
        load(tmp_path, text)
    assert message in caught.value.problems[0].message


def test_without_a_cluster_it_says_how_to_name_one(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="does not say whose instances") as caught:
        load(tmp_path, FILE, {})
    assert "--cluster" in caught.value.next_step
