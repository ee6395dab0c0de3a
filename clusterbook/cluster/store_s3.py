"""A store in an S3 bucket: conditional writes make `swap` safe for all machines that share it.

S3 answers a put with If-None-Match: * or If-Match: ETAG with 412 when somebody else was first (PutObject, "conditional
writes"), so locks and states cannot be overwritten unseen. What programs want as a path is kept on this machine.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
import platformdirs
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from clusterbook.cluster import files
from clusterbook.cluster.names import StoreError, content_name

# S3's answers when a condition did not hold, or two conditional writes met.
LOST = ("PreconditionFailed", "ConditionalRequestConflict", "412", "409")
ABSENT = ("NoSuchKey", "404", "NotFound")
SECONDS = 20
_NEXT_STEPS = {
    "NoSuchBucket": "Make the bucket with invoke create-cluster, or correct its name.",
    "AccessDenied": "Allow s3:GetObject, PutObject, DeleteObject and ListBucket on it.",
}


class S3Store:
    """See store.Store. Every read and write is one request; nothing of the content is cached."""

    def __init__(self, bucket: str, prefix: str, client: Any, cache: Path) -> None:
        """prefix: "" or "some/folder"; client: boto3's of s3; cache: private directory for files and journals."""
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""
        self._client = client
        self._cache = cache

    def __repr__(self) -> str:
        """Its address: contents never show."""
        return f"S3Store({self.address})"

    @property
    def address(self) -> str:
        """s3://BUCKET/PREFIX."""
        return f"s3://{self._bucket}/{self._prefix}".rstrip("/")

    @property
    def region(self) -> str:
        """The bucket's region, for which requests are signed. Raises StoreError."""
        return str(self._home.region_name)

    def url(self, name: str) -> str:
        """The address of an object, or of a folder, for requests that are signed elsewhere. Raises StoreError."""
        return f"{self._home.endpoint_url}/{self._bucket}/{self._key(name)}"

    @functools.cached_property
    def _home(self) -> Any:
        """What boto3 says of S3 in the bucket's region: a person's own region may be another one, or none."""
        region = self._ask("head_bucket").get("BucketRegion", "")
        asked = self._client.meta
        return asked if region in ("", asked.region_name) else _client(region).meta

    def read(self, name: str) -> bytes | None:
        """See Store."""
        return self._get(name)[0]

    def write(self, name: str, data: bytes, *, durable: bool = True) -> None:
        """See Store. S3 has stored an object durably before it answers, so `durable` changes nothing."""
        self._ask("put_object", Key=self._key(name), Body=data)

    def swap(self, name: str, old: bytes | None, new: bytes | None) -> bool:
        """See Store."""
        found, tag = self._get(name)
        if found != old:
            return False
        if new is None:
            return old is None or self._conditional("delete_object", name, new, IfMatch=tag)
        condition = {"IfNoneMatch": "*"} if old is None else {"IfMatch": tag}
        return self._conditional("put_object", name, new, Body=new, **condition)

    def names(self, prefix: str) -> list[str]:
        """See Store."""
        start = f"{self._key(prefix)}/"
        found = (item["Key"] for page in self._pages(Prefix=start) for item in page.get("Contents", ()))
        return sorted(key.removeprefix(self._prefix) for key in found)

    def folders(self) -> list[str]:
        """See Store."""
        pages = self._pages(Prefix=self._prefix, Delimiter="/")
        found = (item["Prefix"] for page in pages for item in page.get("CommonPrefixes", ()))
        return sorted(key.removeprefix(self._prefix).rstrip("/") for key in found)

    def local_file(self, name: str) -> Path:
        """See Store: a copy on this machine, made anew at each call."""
        path = self._local(name)
        data = self.read(name)
        if data is not None:
            files.make_private_directory(path.parent, self._cache)
            files.write_atomically(path, data, durable=False)
        return path

    def local_directory(self, name: str) -> Path:
        """See Store: journals stay on the machine that ran."""
        path = self._local(name)
        files.make_private_directory(path, self._cache)
        return path

    def _get(self, name: str) -> tuple[bytes | None, str]:
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=self._key(name))
            return answer["Body"].read(), answer["ETag"]
        except ClientError as error:
            if _code(error) in ABSENT:
                return None, ""
            raise self._unusable(error) from error
        except BotoCoreError as error:
            raise self._unusable(error) from error

    def _ask(self, action: str, **arguments: Any) -> Any:
        try:
            return getattr(self._client, action)(Bucket=self._bucket, **arguments)
        except (ClientError, BotoCoreError) as error:
            raise self._unusable(error) from error

    def _conditional(self, action: str, name: str, new: bytes | None, **arguments: Any) -> bool:
        """Whether the condition held. A request whose answer was lost is made again, and meets what itself wrote."""
        try:
            getattr(self._client, action)(Bucket=self._bucket, Key=self._key(name), **arguments)
        except ClientError as error:
            if _code(error) in (*LOST, *ABSENT):
                again = error.response.get("ResponseMetadata", {}).get("RetryAttempts", 0)
                return bool(again) and self.read(name) == new
            raise self._unusable(error) from error
        except BotoCoreError as error:
            raise self._unusable(error) from error
        return True

    def _pages(self, **arguments: Any) -> list[Mapping[str, Any]]:
        try:
            paginator = self._client.get_paginator("list_objects_v2")
            return list(paginator.paginate(Bucket=self._bucket, **arguments))
        except (ClientError, BotoCoreError) as error:
            raise self._unusable(error) from error

    def _key(self, name: str) -> str:
        return self._prefix + content_name(name)

    def _local(self, name: str) -> Path:
        return self._cache.joinpath(*content_name(name).split("/"))

    def _unusable(self, error: Exception) -> StoreError:
        code = _code(error) if isinstance(error, ClientError) else ""
        step = _NEXT_STEPS.get(code, "Check the credentials, the region and the network of this machine.")
        return StoreError(f"the store {self.address} cannot be used: {error}", next_step=step)


def open_s3_store(bucket: str, prefix: str) -> S3Store:
    """The store at s3://BUCKET/PREFIX with the credentials of boto3's own chain. StoreError for settings of no use."""
    place = hashlib.sha256(f"{bucket}/{prefix}".encode()).hexdigest()[:16]
    cache = Path(platformdirs.user_state_dir("clusterbook")) / "s3" / f"{bucket}-{place}"
    try:
        client = _client()
    except BotoCoreError as error:
        step = "Set AWS_PROFILE to a profile of ~/.aws/config, or unset it."
        raise StoreError(f"the store s3://{bucket} cannot be used: {error}", next_step=step) from error
    return S3Store(bucket, prefix, client, cache)


def _client(region: str = "") -> Any:
    settings = Config(connect_timeout=SECONDS, read_timeout=SECONDS, retries={"mode": "standard", "max_attempts": 4})
    return boto3.client("s3", region_name=region or None, config=settings)


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
