"""IAM decides in the lab: its own key may do everything, people and hosts what policies say. Plain moto cannot."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from clusterbook.lab.ec2.lifecycle import KEYS

STORY = """
import json, sys
from moto import mock_aws
from moto.core.authorization import enable_iam_authentication
if sys.argv[1] == "corrected":
    from clusterbook.lab.ec2 import iam_corrections
    iam_corrections.apply()
import boto3
from botocore.exceptions import ClientError
root = {name: boto3.client(name) for name in ("ec2", "iam", "s3", "sts")}
ALLOWED = [
    {"Effect": "Allow", "Action": "ec2:CreateVpc", "Resource": "arn:*:ec2:*:*:vpc/*",
     "Condition": {"StringEquals": {"aws:RequestTag/a": "b"}}},
    {"Effect": "Allow", "Action": ["iam:AddRoleToInstanceProfile"], "Resource": "arn:*:iam::*:instance-profile/*"},
    {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": "arn:*:s3:::store/mine/*"},
    {"Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": "arn:*:s3:::store"},
    {"Effect": "Allow", "Action": ["route53:*"], "Resource": "*"},
]
def code(client, operation, **given):
    try:
        getattr(client, operation)(**given)
    except ClientError as error:
        return error.response["Error"]["Code"]
    return "done"
with mock_aws():
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    document = json.dumps({"Version": "2012-10-17", "Statement": ALLOWED})
    role = root["iam"].create_role(RoleName="nodes", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    root["iam"].put_role_policy(RoleName="nodes", PolicyName="own", PolicyDocument=document)
    root["iam"].create_instance_profile(InstanceProfileName="nodes")
    root["s3"].create_bucket(Bucket="store", CreateBucketConfiguration={"LocationConstraint": "us-east-2"})
    for name in ("mine", "others"):
        root["s3"].put_object(Bucket="store", Key=f"{name}/key", Body=b"x")
    keys = root["sts"].assume_role(RoleArn=role, RoleSessionName="i-0a")["Credentials"]
    session = boto3.Session(aws_access_key_id=keys["AccessKeyId"], aws_secret_access_key=keys["SecretAccessKey"],
                            aws_session_token=keys["SessionToken"])
    host = {name: session.client(name) for name in ("ec2", "iam", "s3", "route53")}
    forged = boto3.Session(aws_access_key_id=keys["AccessKeyId"], aws_secret_access_key="x" * 40,
                           aws_session_token=keys["SessionToken"])
    with enable_iam_authentication():
        print(json.dumps({
            "root": code(root["ec2"], "describe_vpcs"),
            "condition": code(host["ec2"], "create_vpc", CidrBlock="10.0.0.0/16"),
            "action": code(host["ec2"], "create_internet_gateway"),
            "forged": code(forged.client("ec2"), "create_vpc", CidrBlock="10.0.0.0/16"),
            "profile": code(host["iam"], "add_role_to_instance_profile", InstanceProfileName="nodes", RoleName="nodes"),
            "bucket": code(host["s3"], "head_bucket", Bucket="store"),
            "mine": code(host["s3"], "get_object", Bucket="store", Key="mine/key"),
            "others": code(host["s3"], "get_object", Bucket="store", Key="others/key"),
            "zones": code(host["route53"], "list_hosted_zones_by_name", DNSName="demo.internal"),
        }))
"""


@functools.cache
def story(form: str) -> Any:
    """What requests get from moto, in a process of its own: code or 'done'."""
    images = Path(tempfile.mkdtemp()) / "none.json"  # moto's own list of them takes ten seconds
    images.write_text("[]")
    environment = {
        **os.environ, **KEYS, "MOTO_AMIS_PATH": str(images), "AWS_DEFAULT_REGION": "us-east-2",
        "PYTHONPATH": str(Path(__file__).parents[4]), "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }  # fmt: skip
    environment.pop("AWS_ENDPOINT_URL", None)
    done = subprocess.run([sys.executable, "-c", STORY, form], env=environment, capture_output=True, text=True,
                          check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


@pytest.mark.parametrize("asked", ["root", "condition", "profile", "bucket", "zones"])
def test_a_request_that_aws_allows_is_refused_by_plain_moto_and_done_in_the_lab(asked: str) -> None:
    assert story("plain")[asked] != "done"
    assert story("corrected")[asked] == "done"


@pytest.mark.parametrize("asked", ["action", "forged", "others"])
def test_what_no_policy_allows_and_what_is_badly_signed_is_refused(asked: str) -> None:
    assert story("corrected")[asked] in ("UnauthorizedOperation", "AccessDenied", "AuthFailure")


def test_objects_are_held_by_their_folder() -> None:
    assert story("corrected")["mine"] == "done"
