"""The bucket that holds stores: private, versioned, encrypted."""

from __future__ import annotations

from typing import Any

import botocore.client
import pytest
from botocore.exceptions import ClientError

from clusterbook.cloud.aws import Cloud
from clusterbook.cloud.bucket import ensure_bucket, tls_only


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


def test_requests_without_tls_are_refused_where_the_endpoint_has_it() -> None:
    (statement,) = tls_only("b")["Statement"]
    assert statement["Effect"] == "Deny"
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
