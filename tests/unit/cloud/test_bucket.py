"""The bucket that holds stores: private, versioned, encrypted."""

from __future__ import annotations

import json
from typing import Any

import botocore.client
import pytest
from botocore.exceptions import ClientError

from clusterbook.cloud import aws as aws_module
from clusterbook.cloud.aws import Cloud, CloudError
from clusterbook.cloud.bucket import ensure_bucket, lacking


def test_a_bucket_is_made_private_versioned_and_encrypted_and_once(cloud: Cloud) -> None:
    assert ensure_bucket(cloud, "state-of-demo")
    assert not ensure_bucket(cloud, "state-of-demo")
    assert_protected(cloud, "state-of-demo")


def assert_protected(cloud: Cloud, bucket: str) -> None:
    client = cloud.client("s3")
    assert client.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    block = client.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert set(block.values()) == {True}
    rules = client.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules[0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    lifecycle = client.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert lifecycle[0]["NoncurrentVersionExpiration"]["NoncurrentDays"] == 90


def test_a_run_that_died_at_any_step_of_its_making_is_simply_run_again(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, left = botocore.client.BaseClient._make_api_call, [0]

    def call(self: Any, operation: str, given: Any) -> Any:
        """The process ends right after so many changes."""
        answer = real(self, operation, given)
        if operation.startswith(("Create", "Put")):
            left[0] -= 1
            if not left[0]:
                raise KeyboardInterrupt
        return answer

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", call)
    for step in range(1, 5):
        bucket, left[0] = f"state-{step}", step
        with pytest.raises(KeyboardInterrupt):
            ensure_bucket(cloud, bucket)
        assert ensure_bucket(cloud, bucket) and not ensure_bucket(cloud, bucket)
        assert_protected(cloud, bucket)


def test_a_bucket_of_somebody_with_something_in_it_or_that_cannot_be_looked_into_stays_as_it_is(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = cloud.client("s3")
    for bucket in ("theirs", "closed"):
        client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "us-east-2"})
    client.put_object(Bucket="theirs", Key="a", Body=b"b")
    assert not ensure_bucket(cloud, "theirs")
    with monkeypatch.context() as patch:
        denied = ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "ListObjectsV2")
        patch.setattr(client, "list_objects_v2", lambda **_: (_ for _ in ()).throw(denied))
        assert not ensure_bucket(cloud, "closed")
    assert all("Status" not in client.get_bucket_versioning(Bucket=bucket) for bucket in ("theirs", "closed"))


@pytest.mark.parametrize("region", ["us-east-1", "us-east-2", "us-gov-west-1"])
def test_requests_without_tls_are_refused_where_the_endpoint_has_it(aws: Any, region: str) -> None:
    cloud = Cloud("demo", region)
    client = cloud.client("s3")
    assert ensure_bucket(cloud, "plain")
    with pytest.raises(ClientError, match="NoSuchBucketPolicy"):
        client.get_bucket_policy(Bucket="plain")
    client.meta._endpoint_url = "https://s3.example"
    assert ensure_bucket(cloud, "state")
    (statement,) = json.loads(client.get_bucket_policy(Bucket="state")["Policy"])["Statement"]
    partition = "aws-us-gov" if "gov" in region else "aws"
    assert statement["Effect"] == "Deny" and statement["Principal"] == "*"
    assert statement["Resource"] == [f"arn:{partition}:s3:::state", f"arn:{partition}:s3:::state/*"]
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert lacking(cloud, "state") == [] and lacking(cloud, "plain") == ["takes requests without TLS"]
    assert client.get_bucket_ownership_controls(Bucket="state")["OwnershipControls"]["Rules"] == [
        {"ObjectOwnership": "BucketOwnerEnforced"}
    ]


def test_what_a_bucket_of_somebody_lacks_is_known_as_far_as_it_may_be_looked_at(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = cloud.client("s3")
    client.meta._endpoint_url = "https://s3.example"
    client.create_bucket(Bucket="theirs", CreateBucketConfiguration={"LocationConstraint": "us-east-2"})
    lacks = ["does not block public access", "keeps no versions", "takes requests without TLS"]
    assert lacking(cloud, "theirs") == lacks
    client.put_public_access_block(Bucket="theirs", PublicAccessBlockConfiguration={"BlockPublicAcls": True})
    assert lacking(cloud, "theirs") == lacks
    denied = ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetBucketPolicy")
    monkeypatch.setattr(client, "get_bucket_policy", lambda **_: (_ for _ in ()).throw(denied))
    assert lacking(cloud, "theirs") == lacks[:2]


def test_a_bucket_of_another_account_is_named_with_what_to_do(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = ClientError({"Error": {"Code": "403", "Message": "Forbidden"}}, "HeadBucket")
    monkeypatch.setattr(cloud.client("s3"), "head_bucket", lambda **_: (_ for _ in ()).throw(refused))
    with pytest.raises(CloudError, match="the bucket theirs is another account's") as caught:
        ensure_bucket(cloud, "theirs")
    assert "CLUSTERBOOK_STATE_STORE" in caught.value.next_step


@pytest.mark.parametrize("code", ["NoSuchBucket", "OperationAborted"])
def test_a_bucket_that_s3_has_not_heard_of_everywhere_is_asked_for_again(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    client, left = cloud.client("s3"), [2]
    real = client.put_public_access_block

    def put(**arguments: Any) -> Any:
        left[0] -= 1
        if left[0] >= 0:
            raise ClientError({"Error": {"Code": code, "Message": "soon"}}, "PutPublicAccessBlock")
        return real(**arguments)

    monkeypatch.setattr(client, "put_public_access_block", put)
    monkeypatch.setattr(aws_module, "pause", lambda seconds: None)
    assert ensure_bucket(cloud, "state")
    assert_protected(cloud, "state")
