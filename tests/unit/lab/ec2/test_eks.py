"""The lab's EKS: whom its tokens let in. Plain moto has no access entries and cannot tell who signed an address."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[4]
STORY = """
import base64, importlib.util, json, os, sys, time
from pathlib import Path
folder, corrected = Path(sys.argv[1]), sys.argv[2] == "corrected"
from clusterbook.lab.ec2 import account
(folder / "images.json").write_text(json.dumps(account.images()))
os.environ["MOTO_AMIS_PATH"] = str(folder / "images.json")
from clusterbook.lab.ec2 import eks as lab_eks, eks_corrections
if corrected:
    eks_corrections.apply(folder)
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
os.environ["AWS_ENDPOINT_URL"] = address = "http://%s:%s" % server.get_host_and_port()
import boto3
from clusterbook.cloud import eks, eks_tokens
from clusterbook.cloud.aws import Cloud, CloudError
sts, cloud = address + "/", Cloud("shop", "us-east-2")
lab_eks.publish(folder, "shop", "https://192.0.2.7:6443", "PEM")
trust = json.dumps({"Version": "2012-10-17", "Statement": []})
role = cloud.call("iam", "create_role", RoleName="nodes", AssumeRolePolicyDocument=trust, Path="/own/")["Role"]["Arn"]
cloud.call("iam", "create_instance_profile", InstanceProfileName="nodes")
cloud.call("iam", "add_role_to_instance_profile", InstanceProfileName="nodes", RoleName="nodes")
image = cloud.call("ec2", "describe_images")["Images"][0]["ImageId"]
item = cloud.call("ec2", "run_instances", ImageId=image, MinCount=1, MaxCount=1,
                  IamInstanceProfile={"Name": "nodes"})["Instances"][0]
bare = cloud.call("ec2", "run_instances", ImageId=image, MinCount=1, MaxCount=1)["Instances"][0]
cloud.call("eks", "create_cluster", name="shop", roleArn=role, resourcesVpcConfig={"subnetIds": []}, version="1.37")
found = {"node": item["PrivateDnsName"]}
def token(name, secret="", cluster="shop", session=item["InstanceId"], ago=0):
    keys = cloud.call("sts", "assume_role", RoleArn=role, RoleSessionName=session)["Credentials"]
    keys = {"AccessKeyId": keys["AccessKeyId"], "SecretAccessKey": secret or keys["SecretAccessKey"],
            "Token": keys["SessionToken"]}
    asked = {"sts": sts, "region": "us-east-2", "cluster": cluster}
    return program.token(asked, keys, time.time() - ago)
def ask(shown):
    question = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": shown}}
    return lab_eks.review(cloud, sts, "shop", question)["status"]
sys.path.insert(0, "roles/join_keeper/files")
spec = importlib.util.spec_from_file_location("eks_node", "roles/eks_node/files/__main__.py")
program = importlib.util.module_from_spec(spec)
spec.loader.exec_module(program)
if corrected:
    plane = eks.described(cloud, "shop")
    found["plane"] = [plane.endpoint, plane.authority, plane.version, plane.entries]
    found["roles"] = eks.roles_of(cloud, [item["InstanceId"]])
    try:
        eks.roles_of(cloud, [item["InstanceId"], bare["InstanceId"]])
    except Exception as error:
        found["bare"] = error.message.replace(bare["InstanceId"], "BARE")
    found["before"] = eks.not_let_in(cloud, plane, [role])
    found["stranger"] = ask(token("nodes"))
    eks.let_in(cloud, plane, role)
    found["after"] = eks.not_let_in(cloud, plane, [role])
    found["good"] = ask(token("nodes"))
    found["forged"] = ask(token("nodes", secret="x" * 40))
    found["other cluster"] = ask(token("nodes", cluster="other"))
    found["old"] = ask(token("nodes", ago=1000))
    found["no instance"] = ask(token("nodes", session="i-0123456789abcdef0"))
    found["elsewhere"] = ask("k8s-aws-v1." + base64.urlsafe_b64encode(b"http://192.0.2.1/?Action=GetCallerIdentity").decode())
    found["no token"] = ask("abc")
    cloud.call("eks", "delete_access_entry", clusterName="shop", principalArn=role)
    cloud.call("eks", "create_access_entry", clusterName="shop", principalArn=role, type="STANDARD")
    keys = cloud.call("sts", "assume_role", RoleArn=role, RoleSessionName="me")["Credentials"]
    session = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
    found["person"] = ask(eks_tokens.token(Cloud("shop", "us-east-2", session), "shop"))
    found["person elsewhere"] = ask(eks_tokens.token(Cloud("shop", "us-east-2", session), "other"))
    try:
        eks.not_let_in(cloud, plane, [role])
    except Exception as error:
        found["people"] = error.message
else:
    try:
        cloud.call("eks", "list_access_entries", clusterName="shop")
        found["entries"] = True
    except CloudError as error:
        found["entries"] = False
    import urllib.request
    text = token("nodes").removeprefix("k8s-aws-v1.")
    url = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    found["caller"] = urllib.request.urlopen(url).read().decode()
server.stop()
print(json.dumps(found))
"""


@functools.cache
def told(folder: Path, kind: str) -> dict[str, Any]:
    """What came of the story, in a process of its own: corrections change moto's classes."""
    keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_DEFAULT_REGION": "us-east-2",
            "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null"}  # fmt: skip
    done = subprocess.run([sys.executable, "-c", STORY, str(folder), kind], env={**os.environ, **keys}, cwd=ROOT,
                          capture_output=True, text=True, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """With the lab's corrections."""
    return told(tmp_path_factory.mktemp("eks"), "corrected")


def test_plain_moto_has_no_access_entries_and_does_not_know_who_signed_an_address(tmp_path: Path) -> None:
    plain = told(tmp_path, "plain")
    assert plain["entries"] is False and ":assumed-role/nodes/" not in plain["caller"]


def test_a_published_control_plane_is_described_as_one_of_eks(found: dict[str, Any]) -> None:
    assert found["plane"] == ["https://192.0.2.7:6443", "PEM", "1.37", True]


def test_a_host_is_let_in_by_its_role_and_one_without_is_named(found: dict[str, Any]) -> None:
    assert len(found["roles"]) == 1 and found["roles"] == found["before"] and found["after"] == []
    assert found["bare"] == "these instances have no profile with a role: BARE"


def test_a_role_that_is_let_in_as_people_is_refused(found: dict[str, Any]) -> None:
    assert "has the type STANDARD, and nodes need EC2_LINUX" in found["people"]


def test_a_person_is_known_by_the_access_entry_of_their_role(found: dict[str, Any]) -> None:
    (role,) = found["roles"]
    assert found["person"] == {"authenticated": True, "user": {"username": role, "groups": []}}
    assert found["person elsewhere"] == {"authenticated": False, "error": "STS answered 403"}


def test_a_token_makes_its_host_the_node_of_its_instance(found: dict[str, Any]) -> None:
    user = {"username": f"system:node:{found['node']}", "groups": ["system:bootstrappers", "system:nodes"]}
    assert found["good"] == {"authenticated": True, "user": user}


@pytest.mark.parametrize(("shown", "reason"), [
    ("stranger", "the role nodes has no access entry"),
    ("forged", "STS answered 403"),
    ("other cluster", "STS answered 403"),
    ("old", "STS answered 403"),
    ("no instance", "i-0123456789abcdef0"),
    ("elsewhere", "its request is not for this account's STS"),
    ("no token", "it is none of EKS"),
])  # fmt: skip
def test_a_token_that_proves_nothing_lets_nobody_in(found: dict[str, Any], shown: str, reason: str) -> None:
    assert found[shown]["authenticated"] is False and reason in found[shown]["error"]
