"""The bucket of a store: private, versioned, encrypted, and reachable by TLS alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from clusterbook.cloud.aws import DENIED, UNSEEN_SECONDS, Cloud, CloudError

OLD_VERSIONS_DAYS = 90
THERE = ("BucketAlreadyOwnedByYou",)
# Codes of a request for a bucket that was made, or whose name was given up, just before.
SOON = ("NoSuchBucket", "OperationAborted")
UNSET = ("NoSuchPublicAccessBlockConfiguration", "NoSuchBucketPolicy")


def ensure_bucket(cloud: Cloud, bucket: str) -> bool:
    """Make the bucket when it does not exist; True when it was made. An existing one that is in use is left as it is.

    One that is empty and keeps no versions, which is the last step, was left by a run that died: it gets all steps.
    """
    if _exists(cloud, bucket):
        if not _begun(cloud, bucket):
            return False
        _protect(cloud, bucket)
        return True
    arguments: dict[str, Any] = {"Bucket": bucket, "ObjectOwnership": "BucketOwnerEnforced"}
    if cloud.region != "us-east-1":  # the one region that must not be named: CreateBucket, LocationConstraint
        arguments["CreateBucketConfiguration"] = {"LocationConstraint": cloud.region}
    try:
        cloud.patiently("s3", "create_bucket", UNSEEN_SECONDS, SOON, **arguments)
    except CloudError as error:
        if error.code not in THERE:
            raise
    _protect(cloud, bucket)
    return True


def lacking(cloud: Cloud, bucket: str) -> list[str]:
    """What a bucket has not of what `ensure_bucket` gives one, in words; what may not be looked at counts as there."""
    return list(_lacking(cloud, bucket))


def _lacking(cloud: Cloud, bucket: str) -> Iterator[str]:
    block = _asked(cloud, "get_public_access_block", bucket)
    if block is not None and not all(block.get("PublicAccessBlockConfiguration", {"": False}).values()):
        yield "does not block public access"
    versions = _asked(cloud, "get_bucket_versioning", bucket)
    if versions is not None and versions.get("Status") != "Enabled":
        yield "keeps no versions"
    policy = _asked(cloud, "get_bucket_policy", bucket)
    if policy is not None and _has_tls(cloud) and "aws:SecureTransport" not in policy.get("Policy", ""):
        yield "takes requests without TLS"


def _asked(cloud: Cloud, action: str, bucket: str) -> Any:
    """The answer; {} where nothing is set, None where it may not be asked."""
    try:
        return cloud.call("s3", action, Bucket=bucket)
    except CloudError as error:
        if error.code in DENIED:
            return None
        if error.code in UNSET:
            return {}
        raise


def _exists(cloud: Cloud, bucket: str) -> bool:
    try:
        cloud.call("s3", "head_bucket", Bucket=bucket)
    except CloudError as error:
        if error.code in ("404", "NoSuchBucket"):
            return False
        if error.code == "403":
            step = "Name another one in CLUSTERBOOK_STATE_STORE, or allow s3:ListBucket on it."
            raise CloudError(f"the bucket {bucket} is another account's, or closed to you", "403", step) from error
        raise
    return True


def _begun(cloud: Cloud, bucket: str) -> bool:
    try:
        if cloud.call("s3", "list_objects_v2", Bucket=bucket, MaxKeys=1)["KeyCount"]:
            return False
        return "Status" not in cloud.call("s3", "get_bucket_versioning", Bucket=bucket)
    except CloudError as error:
        if error.code in DENIED:  # who made it may look
            return False
        raise


def _protect(cloud: Cloud, bucket: str) -> None:
    def put(action: str, **arguments: Any) -> None:
        cloud.patiently("s3", action, UNSEEN_SECONDS, SOON, Bucket=bucket, **arguments)

    every = dict.fromkeys(
        ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
    )
    put("put_public_access_block", PublicAccessBlockConfiguration=every)
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    put("put_bucket_encryption", ServerSideEncryptionConfiguration={"Rules": [rule]})
    expiry = {"ID": "old versions", "Status": "Enabled", "Filter": {"Prefix": ""},
              "NoncurrentVersionExpiration": {"NoncurrentDays": OLD_VERSIONS_DAYS}}  # fmt: skip
    put("put_bucket_lifecycle_configuration", LifecycleConfiguration={"Rules": [expiry]})
    if _has_tls(cloud):
        put("put_bucket_policy", Policy=json.dumps(tls_only(bucket, cloud.client("s3").meta.partition)))
    put("put_bucket_versioning", VersioningConfiguration={"Status": "Enabled"})


def _has_tls(cloud: Cloud) -> bool:
    """An endpoint that is spoken to without TLS (an S3 of one's own) would lock us out with it."""
    return str(cloud.client("s3").meta.endpoint_url).startswith("https://")


def tls_only(bucket: str, partition: str) -> dict[str, Any]:
    """The policy that refuses every request without TLS. partition: aws, aws-cn or aws-us-gov."""
    resources = [f"arn:{partition}:s3:::{bucket}", f"arn:{partition}:s3:::{bucket}/*"]
    return {
        "Version": "2012-10-17",
        "Statement": [{
            "Sid": "TlsOnly", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": resources,
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }],
    }  # fmt: skip
