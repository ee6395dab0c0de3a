"""The bucket of a store: private, versioned, encrypted, and reachable by TLS alone."""

from __future__ import annotations

import json
from typing import Any

from clusterbook.cloud.aws import DENIED, Cloud, CloudError

OLD_VERSIONS_DAYS = 90
THERE = ("BucketAlreadyOwnedByYou",)


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
        cloud.call("s3", "create_bucket", **arguments)
    except CloudError as error:
        if error.code not in THERE:
            raise
    _protect(cloud, bucket)
    return True


def _exists(cloud: Cloud, bucket: str) -> bool:
    try:
        cloud.call("s3", "head_bucket", Bucket=bucket)
    except CloudError as error:
        if error.code in ("404", "NoSuchBucket"):
            return False
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
    every = dict.fromkeys(
        ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
    )
    cloud.call("s3", "put_public_access_block", Bucket=bucket, PublicAccessBlockConfiguration=every)
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    cloud.call("s3", "put_bucket_encryption", Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    expiry = {"ID": "old versions", "Status": "Enabled", "Filter": {"Prefix": ""},
              "NoncurrentVersionExpiration": {"NoncurrentDays": OLD_VERSIONS_DAYS}}  # fmt: skip
    cloud.call("s3", "put_bucket_lifecycle_configuration", Bucket=bucket, LifecycleConfiguration={"Rules": [expiry]})
    # An endpoint that is spoken to without TLS (an S3 of one's own) would lock us out with it.
    if cloud.client("s3").meta.endpoint_url.startswith("https://"):
        cloud.call("s3", "put_bucket_policy", Bucket=bucket, Policy=json.dumps(tls_only(bucket)))
    cloud.call("s3", "put_bucket_versioning", Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})


def tls_only(bucket: str) -> dict[str, Any]:
    """The policy that refuses every request without TLS."""
    resources = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    return {
        "Version": "2012-10-17",
        "Statement": [{
            "Sid": "TlsOnly", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": resources,
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }],
    }  # fmt: skip
