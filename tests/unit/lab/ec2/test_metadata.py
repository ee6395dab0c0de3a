"""The metadata service: whom it answers, and what."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from clusterbook.cloud.aws import Cloud
from clusterbook.lab.ec2 import metadata
from clusterbook.lab.ec2.metadata import Instances, Service

ADDRESS = "127.0.0.9"
TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})


@pytest.fixture
def instance(aws: Any) -> str:
    """An instance with a role, whose address this machine has."""
    iam, ec2 = aws("iam"), aws("ec2")
    iam.create_role(RoleName="nodes", AssumeRolePolicyDocument=TRUST)
    iam.create_instance_profile(InstanceProfileName="profile")
    iam.add_role_to_instance_profile(InstanceProfileName="profile", RoleName="nodes")
    vpc = ec2.create_vpc(CidrBlock="127.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="127.0.0.0/24", AvailabilityZone="us-east-2b")["Subnet"]["SubnetId"]
    answer = ec2.run_instances(
        ImageId=ec2.describe_images()["Images"][0]["ImageId"], MinCount=1, MaxCount=1, InstanceType="t3.small",
        SubnetId=subnet, PrivateIpAddress=ADDRESS, UserData="#!/bin/sh\necho hello\n",
        IamInstanceProfile={"Name": "profile"}, MetadataOptions={"HttpTokens": "required"},
    )  # fmt: skip
    return str(answer["Instances"][0]["InstanceId"])


@pytest.fixture
def port(instance: str) -> Iterator[int]:
    """Where the service listens."""
    service = Service(("127.0.0.1", 0), Instances(Cloud("", "us-east-2")))
    thread = threading.Thread(target=service.serve_forever, daemon=True)
    thread.start()
    yield int(service.server_address[1])
    service.shutdown()
    service.server_close()
    thread.join()


def ask(
    port: int, method: str, path: str, headers: Mapping[str, str] | None = None, source: str = ADDRESS
) -> tuple[int, str]:
    """Status and text that a host at that address gets."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60, source_address=(source, 0))
    connection.request(method, path, headers=dict(headers or {}))
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def token(port: int) -> dict[str, str]:
    """The header with a fresh token."""
    status, text = ask(port, "PUT", "/latest/api/token", {"X-aws-ec2-metadata-token-ttl-seconds": "60"})
    assert status == 200
    return {"X-aws-ec2-metadata-token": text}


def test_an_instance_learns_who_it_is(port: int, instance: str) -> None:
    header = token(port)
    assert ask(port, "GET", "/latest/meta-data/instance-id", header) == (200, instance)
    assert ask(port, "GET", "/latest/meta-data/placement/", header) == (200, "availability-zone\nregion")
    assert ask(port, "GET", "/latest/meta-data/placement/availability-zone", header) == (200, "us-east-2b")
    identity = json.loads(ask(port, "GET", "/latest/dynamic/instance-identity/document", header)[1])
    assert (identity["instanceId"], identity["region"], identity["privateIp"]) == (instance, "us-east-2", ADDRESS)
    assert ask(port, "GET", "/latest/user-data", header) == (200, "#!/bin/sh\necho hello\n")
    assert ask(port, "GET", "/latest/meta-data/public-ipv4", header)[0] == 404


def test_an_instance_gets_credentials_of_its_role(port: int, aws: Any) -> None:
    header = token(port)
    folder = "/latest/meta-data/iam/security-credentials"
    assert ask(port, "GET", f"{folder}/", header) == (200, "nodes")
    keys = json.loads(ask(port, "GET", f"{folder}/nodes", header)[1])
    assert keys["Code"] == "Success"
    caller = aws("sts", aws_access_key_id=keys["AccessKeyId"], aws_secret_access_key=keys["SecretAccessKey"],
                 aws_session_token=keys["Token"]).get_caller_identity()  # fmt: skip
    assert ":assumed-role/nodes/i-" in caller["Arn"]
    assert ask(port, "GET", f"{folder}/others", header)[0] == 404


def test_without_a_token_or_with_a_wrong_one_nothing_is_said(port: int) -> None:
    assert ask(port, "GET", "/latest/meta-data/instance-id")[0] == 401
    assert ask(port, "GET", "/latest/meta-data/instance-id", {"X-aws-ec2-metadata-token": "guess"})[0] == 401
    assert ask(port, "PUT", "/latest/api/token")[0] == 400


def test_a_token_comes_with_its_time_for_clients_that_throw_it_away_otherwise(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60, source_address=(ADDRESS, 0))
    connection.request("PUT", "/latest/api/token", headers={metadata.LIFE: "60"})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    assert answer.headers[metadata.LIFE] == "60"


def test_an_address_without_an_instance_gets_nothing_and_a_token_is_good_at_one_address_alone(port: int) -> None:
    header = token(port)
    assert ask(port, "GET", "/latest/meta-data/instance-id", header, "127.0.0.10")[0] == 404


def test_answers_reach_as_many_hops_as_the_instance_allows(port: int, instance: str, aws: Any) -> None:
    # What the socket is set to: packets on loopback pass no router.
    seen: list[int] = []
    original = metadata.Asked._answer

    def answer(self: Any, *arguments: Any) -> None:
        seen.append(self.connection.getsockopt(socket.IPPROTO_IP, socket.IP_TTL))
        original(self, *arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metadata.Asked, "_answer", answer)
        token(port)
        aws("ec2").modify_instance_metadata_options(
            InstanceId=instance, HttpPutResponseHopLimit=2, HttpTokens="required"
        )
        patch.setattr(metadata, "KEPT_SECONDS", 0.0)
        token(port)
    assert seen == [1, 2]
