"""Push an image tar to a registry byte for byte, so that its digest stays what it is in the tar."""

from __future__ import annotations

import json
import tarfile
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urljoin

from clusterbook.cluster.artifacts.images import ImageArchive
from clusterbook.cluster.artifacts.oci import MANIFEST_TYPE, read_index, read_member
from clusterbook.errors import Failed

SECONDS = 60


def push(address: str, image: ImageArchive) -> bool:
    """Bring an image under its own repository and tag into the registry at address. False: it was there already.

    address: http://HOST:PORT. The host in the image's name is left out, as pulls through a mirror do.
    """
    repository = f"{address}/v2/{image.repository}"
    if _digest_of_tag(f"{repository}/manifests/{image.tag}") == image.digest:
        return False
    with tarfile.open(image.archive) as tar:
        manifest = read_member(tar, _blob(read_index(image.archive)["digest"]))
        described: dict[str, Any] = json.loads(manifest)
        for part in (described["config"], *described["layers"]):
            _push_blob(repository, part["digest"], read_member(tar, _blob(part["digest"])))
    _call("PUT", f"{repository}/manifests/{image.tag}", manifest, MANIFEST_TYPE)
    return True


def _push_blob(repository: str, digest: str, content: bytes) -> None:
    if _exists(f"{repository}/blobs/{digest}"):
        return
    _, headers = _call("POST", f"{repository}/blobs/uploads/", b"")
    location = urljoin(repository, str(headers["Location"]))
    joint = "&" if "?" in location else "?"
    _call("PUT", f"{location}{joint}digest={digest}", content, "application/octet-stream")


def _digest_of_tag(url: str) -> str | None:
    try:
        _, headers = _call("HEAD", url, None)
    except _Missing:
        return None
    return str(headers["Docker-Content-Digest"])


def _exists(url: str) -> bool:
    try:
        _call("HEAD", url, None)
    except _Missing:
        return False
    return True


class _Missing(Failed):
    """The registry has no such blob or tag."""


def _call(method: str, url: str, content: bytes | None, media_type: str = "") -> tuple[int, Any]:
    headers = {"Accept": MANIFEST_TYPE, **({"Content-Type": media_type} if media_type else {})}
    request = urllib.request.Request(url, data=content, headers=headers, method=method)  # noqa: S310 (our registry)
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310
            return answer.status, answer.headers
    except urllib.error.HTTPError as error:
        kind = _Missing if error.code == 404 else Failed
        raise kind(f"{method} {url} answers {error.code}: {error.read(500).decode(errors='replace')}") from error
    except OSError as error:
        raise Failed(f"the registry at {url} does not answer: {error}",
                     next_step="Start the mirror: python -m clusterbook.lab.mirror start.") from error  # fmt: skip


def _blob(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"
