"""The people of a cluster in IAM: what they may do is what the commands ask for, and nothing of other clusters."""

from __future__ import annotations

import configparser
import contextlib
import json
import stat
import threading
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import botocore.client
import pytest

from tests.unit.cli.conftest import NAME, Run
from tests.unit.cloud.authorization import READS, S3_ACTIONS, UNHELD, Questions, is_read
from tests.unit.cloud.evaluator import allowed

FLOW = (("update-cluster", NAME), ("update-cluster", NAME, "--yes"), ("delete-cluster", NAME),
        ("delete-cluster", NAME, "--yes"))  # fmt: skip
# Everything that a cluster can use, and the least of it in an existing VPC.
WHOLE = """
cluster_name: {name}
aws:
  zones: [us-east-2a]
  image: {image}
  ssh_public_key: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl
  ssh_access_cidrs: [203.0.113.0/24]
  nat: one
  bastion: {{}}
  private_zone: demo.internal
  worker_groups:
  - {{name: nodes}}
  - {{name: cheap, spot: true, instance_types: [m5.large, m6i.large]}}
"""
LEAST = """
cluster_name: {name}
aws:
  zones: [us-east-2a]
  image: {image}
  vpc_id: {vpc}
"""
MADE = {
    WHOLE: {"ec2:CreateVpc", "ec2:CreateNatGateway", "ec2:ReleaseAddress", "ec2:ImportKeyPair",
            "route53:CreateHostedZone"},
    LEAST: {"ec2:CreateSubnet", "ec2:CreateRoute"},
}  # fmt: skip
Enforce = Callable[[bool], None]


@pytest.fixture
def enforce(moto_address: str) -> Iterator[Enforce]:
    """Lets IAM decide: moto checks keys, signatures and actions of every request."""

    def switch(on: bool) -> None:
        count = b"0" if on else b"1e12"
        request = urllib.request.Request(f"{moto_address}/moto-api/reset-auth", count, {"Content-Type": "text/plain"})
        urllib.request.urlopen(request, timeout=60).close()

    yield switch
    switch(False)


def operator(run: Run, name: str) -> list[Any]:
    """The policies of a cluster's people."""
    code, text = run("iam", name, "--print")
    assert code == 0, text
    return list(json.JSONDecoder().raw_decode(text)[0]["operator"].values())


def requests(actions: list[str]) -> list[str]:
    """moto asks for S3's requests by their own names."""
    return [f"s3:{request}" for request, action in S3_ACTIONS.items() if f"s3:{action}" in actions]


def without_resources(aws: Any) -> None:
    """moto knows actions, but neither resources nor conditions: those are proved by the evaluator."""
    iam = aws("iam")
    for policy in iam.list_policies(Scope="Local", PathPrefix=f"/clusterbook/{NAME}/")["Policies"]:
        arn = policy["Arn"]
        version = iam.get_policy_version(PolicyArn=arn, VersionId=policy["DefaultVersionId"])["PolicyVersion"]
        flat = [{"Effect": one["Effect"], "Action": [*one["Action"], *requests(one["Action"])], "Resource": "*"}
                for one in version["Document"]["Statement"]]  # fmt: skip
        document = json.dumps({"Version": "2012-10-17", "Statement": flat})
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=document, SetAsDefault=True)


def become(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    """Use the access key of that file."""
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)


def test_the_whole_flow_is_possible_with_the_generated_policies(
    run: Run, aws: Any, enforce: Enforce, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = aws("ec2").describe_images()["Images"][0]["ImageId"]
    file = tmp_path / "key"
    assert run("iam", NAME, "--yes", "--credentials", str(file))[0] == 0
    without_resources(aws)
    become(monkeypatch, file)
    enforce(True)
    create = ("create-cluster", NAME, "--zones", "us-east-2a", "--image", image)
    assert run(*create)[0] == 0
    enforce(False)
    assert run("iam", NAME, "--yes", "--credentials", str(file))[0] == 0  # of what the configuration uses
    without_resources(aws)
    enforce(True)
    for words, expected in zip(FLOW, (2, 0, 2, 0), strict=True):
        code, text = run(*words)
        assert code == expected, text
    with pytest.raises(Exception, match="AccessDenied"):
        aws("iam").create_user(UserName="another")


def classic_balancer(aws: Any) -> None:
    """As the cloud controller makes one; a second call changes nothing."""
    with contextlib.suppress(aws("elb").exceptions.DuplicateAccessPointNameException):
        aws("elb").create_load_balancer(
            LoadBalancerName="a4567", AvailabilityZones=["us-east-2a"],
            Listeners=[{"Protocol": "tcp", "LoadBalancerPort": 80, "InstancePort": 30080}],
            Tags=[{"Key": f"kubernetes.io/cluster/{NAME}", "Value": "owned"}],
        )  # fmt: skip


def existing_vpc(aws: Any) -> str:
    """Somebody else's, with what a cluster needs of one; its id."""
    ec2 = aws("ec2")
    vpc: str = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    return vpc


@pytest.mark.parametrize("form", [WHOLE, LEAST], ids=["whole", "least"])
def test_every_request_is_allowed_on_the_clusters_resources_and_no_change_on_anothers(
    run: Run, aws: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    image = aws("ec2").describe_images()["Images"][0]["ImageId"]
    edited = tmp_path / "edited.yaml"
    edited.write_text(form.format(name=NAME, image=image, vpc=existing_vpc(aws)))
    mine, others = operator(run, NAME), operator(run, "another")
    questions = Questions({name: aws(name) for name in ("ec2", "elb", "elbv2", "iam", "autoscaling")})
    wrong: list[Any] = []
    judging = threading.local()
    seen: set[str] = set()
    real = botocore.client.BaseClient._make_api_call

    def judged(self: Any, operation: str, given: Any) -> Any:
        service = self.meta.service_model.service_name
        if not getattr(judging, "now", False):
            judging.now = True
            try:
                asked = questions.of(service, operation, given)
            finally:
                judging.now = False
            wrong.extend(one for one in asked if not allowed(mine, one))
            seen.add(f"{service}:{operation}")
            tagged = service not in ("s3", "route53") and operation not in UNHELD  # which know no tags in conditions
            if tagged and asked and not is_read(operation) and all(allowed(others, one) for one in asked):
                wrong.append(("another cluster's people may", operation, asked))
        return real(self, operation, given)

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", judged)
    assert run("create-cluster", NAME, "--zones", "us-east-2a", "--image", image)[0] == 0
    assert run("edit-cluster", NAME, "--file", str(edited))[0] == 0
    mine[:] = operator(run, NAME)
    for words in FLOW:
        if words[0] == "delete-cluster":
            judging.now = True
            classic_balancer(aws)
            judging.now = False
        code, text = run(*words)
        assert code in (0, 2), text
    assert not wrong, wrong
    assert {"ec2:RunInstances", "autoscaling:CreateAutoScalingGroup", "elb:DeleteLoadBalancer",
            "elbv2:DeleteLoadBalancer", "iam:DeleteRole", "s3:DeleteObject", *MADE[form]} <= seen  # fmt: skip


def test_a_key_is_written_once_for_its_owner_alone_and_never_shown(run: Run, aws: Any, tmp_path: Path) -> None:
    code, text = run("iam", NAME)
    assert code == 2 and "Nothing has been done." in text and f"create user operator.{NAME}" in text
    assert aws("iam").list_users()["Users"] == []
    code, text = run("iam", NAME, "--yes")
    file = tmp_path / ".config" / "clusterbook" / "credentials" / NAME
    parsed = configparser.ConfigParser()
    parsed.read(file)
    secret = parsed["default"]["aws_secret_access_key"]
    assert code == 0 and secret not in text and f"AWS_SHARED_CREDENTIALS_FILE={file}" in text
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    before = file.read_bytes()
    code, text = run("iam", NAME, "--yes")
    assert code == 0 and "Nothing to do." in text and file.read_bytes() == before
    assert len(aws("iam").list_access_keys(UserName=f"operator.{NAME}")["AccessKeyMetadata"]) == 1


def test_a_credentials_file_of_somebody_else_is_left_alone(run: Run, aws: Any, tmp_path: Path) -> None:
    file = tmp_path / "mine"
    file.write_text("[default]\naws_access_key_id = AKIA0\naws_secret_access_key = x\n")
    code, text = run("iam", NAME, "--yes", "--credentials", str(file))
    assert code == 3 and "holds an access key that is not one of" in text and "AKIA0" in file.read_text()
    assert aws("iam").list_access_keys(UserName=f"operator.{NAME}")["AccessKeyMetadata"] == []


def test_policies_follow_the_configuration(created: Run, aws: Any) -> None:
    assert created("iam", NAME, "--yes")[0] == 0
    assert created("iam", NAME)[0] == 0
    iam = aws("iam")
    arn = next(one["Arn"] for one in iam.list_policies(Scope="Local")["Policies"] if "network" in one["PolicyName"])
    for _ in range(4):
        iam.create_policy_version(PolicyArn=arn, SetAsDefault=True, PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}]}))
    code, text = created("iam", NAME)
    assert code == 2 and f"change policy network.operators.{NAME}" in text
    assert created("iam", NAME, "--yes")[0] == 0
    assert created("iam", NAME)[0] == 0


def test_the_walk_throughs_five_policies_on_request(
    run: Run, aws: Any, moto_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
    urllib.request.urlopen(urllib.request.Request(f"{moto_address}/moto-api/reset", method="POST"), timeout=60).close()
    assert run("iam", NAME, "--walkthrough", "--yes")[0] == 0
    attached = aws("iam").list_attached_group_policies(GroupName=f"operators.{NAME}")["AttachedPolicies"]
    assert sorted(one["PolicyName"] for one in attached) == [
        "AmazonEC2FullAccess", "AmazonRoute53FullAccess", "AmazonS3FullAccess", "AmazonVPCFullAccess", "IAMFullAccess"
    ]  # fmt: skip
    assert run("iam", NAME, "--yes")[0] == 0
    attached = aws("iam").list_attached_group_policies(GroupName=f"operators.{NAME}")["AttachedPolicies"]
    assert all(NAME in one["PolicyName"] for one in attached)


def test_people_and_their_policies_go_away_whole(run: Run, aws: Any) -> None:
    assert run("iam", NAME, "--yes")[0] == 0
    assert run("iam", NAME, "--delete")[0] == 2
    assert run("iam", NAME, "--delete", "--yes")[0] == 0
    iam = aws("iam")
    assert iam.list_users()["Users"] == [] and iam.list_groups()["Groups"] == []
    assert iam.list_policies(Scope="Local")["Policies"] == []
    assert run("iam", NAME, "--delete", "--yes")[0] == 0


def test_no_preview_changes_anything(
    created: Run, aws: Any, enforce: Enforce, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert created("update-cluster", NAME, "--yes")[0] == 0
    image = aws("ec2").describe_images()["Images"][0]["ImageId"]
    file = tmp_path / "key"
    assert created("iam", NAME, "--yes", "--credentials", str(file))[0] == 0
    iam = aws("iam")
    for policy in iam.list_attached_group_policies(GroupName=f"operators.{NAME}")["AttachedPolicies"]:
        iam.detach_group_policy(GroupName=f"operators.{NAME}", PolicyArn=policy["PolicyArn"])
    reads = [f"{service}:{verb}*" for service in ("ec2", "elasticloadbalancing", "autoscaling", "iam", "s3")
             for verb in READS]  # fmt: skip
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": reads, "Resource": "*"}]}
    iam.put_group_policy(GroupName=f"operators.{NAME}", PolicyName="look", PolicyDocument=json.dumps(document))
    become(monkeypatch, file)
    enforce(True)
    words = [("update-cluster", NAME), ("delete-cluster", NAME), ("state-rebuild", NAME), ("cost", NAME), ("up", NAME),
             ("force-unlock", NAME), ("iam", NAME), ("iam", NAME, "--delete"), ("iam", NAME, "--print"),
             ("store-key",), ("store-key", "--kms-key", "alias/stores"),
             ("up", "another", "--zones", "us-east-2a", "--image", image)]  # fmt: skip
    for line in words:
        code, text = created(*line)
        assert code in (0, 2), (line, text)
    code, text = created("update-cluster", NAME, "--yes")
    assert code == 1, text


def test_previews_of_all_that_a_cluster_can_use_only_ask(
    run: Run, aws: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = aws("ec2").describe_images()["Images"][0]["ImageId"]
    whole = tmp_path / "whole.yaml"
    whole.write_text(WHOLE.format(name=NAME, image=image))
    assert run("create-cluster", NAME, "--zones", "us-east-2a", "--image", image)[0] == 0
    assert run("edit-cluster", NAME, "--file", str(whole))[0] == 0
    assert run("update-cluster", NAME, "--yes")[0] == 0
    asked: list[str] = []
    real = botocore.client.BaseClient._make_api_call

    def call(self: Any, operation: str, given: Any) -> Any:
        asked.append(operation)
        return real(self, operation, given)

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", call)
    new = ("--zones", "us-east-2a", "--nat", "one", "--private-zone", "another.internal", "--image", image)
    for words in (("update-cluster", NAME), ("delete-cluster", NAME), ("up", NAME), ("up", "another", *new)):
        code, text = run(*words)
        assert code in (0, 2), (words, text)
    assert "ListHostedZonesByName" in asked and [one for one in asked if not is_read(one)] == []
