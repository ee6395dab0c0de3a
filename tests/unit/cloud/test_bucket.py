"""The bucket that holds stores: private, versioned, encrypted."""

from __future__ import annotations

from clusterbook.cloud.aws import Cloud
from clusterbook.cloud.bucket import ensure_bucket, tls_only


def test_a_bucket_is_made_private_versioned_and_encrypted_and_once(cloud: Cloud) -> None:
    assert ensure_bucket(cloud, "state-of-demo")
    assert not ensure_bucket(cloud, "state-of-demo")
    client = cloud.client("s3")
    assert client.get_bucket_versioning(Bucket="state-of-demo")["Status"] == "Enabled"
    block = client.get_public_access_block(Bucket="state-of-demo")["PublicAccessBlockConfiguration"]
    assert set(block.values()) == {True}
    rules = client.get_bucket_encryption(Bucket="state-of-demo")["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules[0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    lifecycle = client.get_bucket_lifecycle_configuration(Bucket="state-of-demo")["Rules"]
    assert lifecycle[0]["NoncurrentVersionExpiration"]["NoncurrentDays"] == 90


def test_requests_without_tls_are_refused_where_the_endpoint_has_it() -> None:
    (statement,) = tls_only("b")["Statement"]
    assert statement["Effect"] == "Deny"
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
