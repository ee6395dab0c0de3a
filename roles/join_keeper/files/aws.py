"""The little of AWS that a host needs by itself: what its metadata say, and objects of S3, with its own role's keys.

Standard library alone, Python >= 3.9. Signatures: AWS's "Signature Version 4 for API requests".
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
import urllib.error
import urllib.parse
import urllib.request

METADATA = "http://169.254.169.254/latest/"
TOKEN = "X-aws-ec2-metadata-token"  # noqa: S105 (a header's name)
SECONDS = 30
NOTHING = hashlib.sha256(b"").hexdigest()


class Absent(Exception):
    """There is no such object, or these keys may not see it."""


class Metadata:
    """What EC2 tells the instance about itself (IMDSv2)."""

    def __init__(self, root: str = METADATA, seconds: float = SECONDS) -> None:
        """Asks for a token of a minute. seconds: to wait for each answer. Raises OSError when nobody answers."""
        self._root, self._seconds = root, seconds
        self._token = ask("PUT", f"{root}api/token", {f"{TOKEN}-ttl-seconds": "60"}, seconds=seconds).decode()

    def value(self, path: str) -> str:
        """The text at a path below latest/."""
        return ask("GET", f"{self._root}{path}", {TOKEN: self._token}, seconds=self._seconds).decode()

    def keys(self) -> dict:
        """Keys of the instance's role, in the metadata's own words."""
        roles = "meta-data/iam/security-credentials/"
        found: dict = json.loads(self.value(roles + self.value(roles).split()[0]))
        return found


def instance(metadata: Metadata) -> dict:
    """The instance's facts: id, type, image, zone, addresses, name."""
    about = json.loads(metadata.value("dynamic/instance-identity/document"))
    name = metadata.value("meta-data/local-hostname")
    return {
        "instance_id": about["instanceId"], "instance_type": about["instanceType"], "image": about["imageId"],
        "zone": about["availabilityZone"], "private_address": about["privateIp"],
        "private_dns": name, "node_name": name.partition(".")[0],
    }


def read(url: str, region: str, keys: dict) -> bytes:
    """An object of S3. Raises Absent, OSError."""
    return _signed("GET", url, region, keys, b"")


def write(url: str, region: str, keys: dict, content: bytes) -> None:
    """Replace an object of S3. Raises Absent, OSError."""
    _signed("PUT", url, region, keys, content)


def _signed(method: str, url: str, region: str, keys: dict, content: bytes) -> bytes:
    headers = signature(method, url, region, keys, content, time.gmtime())
    headers["Content-Type"] = "application/octet-stream"
    try:
        return ask(method, url, headers, content if method == "PUT" else None)
    except urllib.error.HTTPError as error:
        if error.code in (403, 404):
            raise Absent(f"{method} {url}: {error.code}") from error
        raise


def signature(method: str, url: str, region: str, keys: dict, content: bytes, now: time.struct_time) -> dict:
    """The headers that prove who asks."""
    address = urllib.parse.urlsplit(url)
    day, moment = time.strftime("%Y%m%d", now), time.strftime("%Y%m%dT%H%M%SZ", now)
    total = hashlib.sha256(content).hexdigest() if content else NOTHING
    headers = {"host": address.netloc, "x-amz-content-sha256": total, "x-amz-date": moment,
               "x-amz-security-token": keys["Token"]}
    names = ";".join(headers)
    path = urllib.parse.quote(address.path, safe="/-_.~")
    lines = [method, path, "", *(f"{name}:{value}" for name, value in headers.items()), "", names, total]
    scope = f"{day}/{region}/s3/aws4_request"
    request = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    key = signing_key(keys["SecretAccessKey"], scope)
    proof = _mac(key, "\n".join(["AWS4-HMAC-SHA256", moment, scope, request])).hex()
    headers["Authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={keys['AccessKeyId']}/{scope}, SignedHeaders={names}, Signature={proof}"
    )
    return headers


def signing_key(secret: str, scope: str) -> bytes:
    """The key for one day, region and service. scope: DAY/REGION/SERVICE/aws4_request."""
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = _mac(key, part)
    return key


def _mac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def ask(method: str, url: str, headers: dict, content: bytes | None = None, seconds: float = SECONDS) -> bytes:
    """One request, without the proxies of anybody's environment. Raises OSError."""
    request = urllib.request.Request(url, data=content, headers=headers, method=method)  # noqa: S310 (see callers)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=seconds) as answer:
        found: bytes = answer.read()
    return found
