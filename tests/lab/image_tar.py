"""An image in a file, as somebody builds one: agnhost, made a second later, under a name that no registry has."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path

from clusterbook.cluster.artifacts import supply as supplies
from clusterbook.cluster.artifacts.catalog import load as load_catalog
from clusterbook.cluster.artifacts.images import supply_image

INDEX, DOCKER = "index.json", "manifest.json"
MADE, LATER = b"1970-01-01T00:00:00Z", b"1970-01-01T00:00:01Z"


def write(path: Path, name: str) -> None:
    """Write the archive of agnhost under that name in full, as an image of its own.

    Of the very image that kubelets pulled from a registry before they would want a login again (KEP-2535).
    """
    image = load_catalog().image("agnhost")
    with tarfile.open(supply_image(supplies.default(), image).archive) as was:
        files = {member.name: _content(was, member) for member in was}
    config = json.loads(files[DOCKER])[0]["Config"]
    manifest = f"blobs/{json.loads(files[INDEX])['manifests'][0]['digest'].replace(':', '/')}"
    assert MADE in files[config]
    for blob, old, new in ((config, MADE, LATER), (manifest, b"", b"")):
        _rewritten(files, blob, old, new)
    for listing in (INDEX, DOCKER):
        files[listing] = files[listing].replace(image.reference.encode(), name.encode())
    with tarfile.open(path, "w") as now:
        for member, content in files.items():
            found = tarfile.TarInfo(member)
            found.size = len(content)
            now.addfile(found, io.BytesIO(content))


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(member)
    assert file
    return file.read()


def _rewritten(files: dict[str, bytes], blob: str, old: bytes, new: bytes) -> None:
    """Replace words of a blob by as many others, and its digest wherever another small file names it."""
    content = files.pop(blob)
    content = content.replace(old, new) if old else content
    was, now = blob.rpartition("/")[2].encode(), hashlib.sha256(content).hexdigest().encode()
    files[blob.replace(was.decode(), now.decode())] = content
    for name, other in files.items():
        if len(other) < 10_000:
            files[name] = other.replace(was, now)
