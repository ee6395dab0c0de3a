"""An image in a file, as somebody builds one: agnhost, made a second later, under a name that no registry has."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from clusterbook.cluster.artifacts import supply as supplies
from clusterbook.cluster.artifacts.catalog import load as load_catalog
from clusterbook.cluster.artifacts.images import supply_image
from tests import tars

INDEX, DOCKER = "index.json", "manifest.json"
MADE, LATER = b"1970-01-01T00:00:00Z", b"1970-01-01T00:00:01Z"


def write(path: Path, name: str) -> None:
    """Write the archive of agnhost under that name in full, as an image of its own.

    Of the very image that kubelets pulled from a registry before they would want a login again (KEP-2535).
    """
    image = load_catalog().image("agnhost")
    files = tars.members(supply_image(supplies.default(), image).archive)
    config = json.loads(files[DOCKER])[0]["Config"]
    manifest = f"blobs/{json.loads(files[INDEX])['manifests'][0]['digest'].replace(':', '/')}"
    assert MADE in files[config]
    files[config] = files[config].replace(MADE, LATER)
    for blob in (config, manifest):
        _renamed(files, blob)
    for listing in (INDEX, DOCKER):
        files[listing] = files[listing].replace(image.reference.encode(), name.encode())
    tars.written(path, files)


def _renamed(files: dict[str, bytes], blob: str) -> None:
    """Call a changed blob by its digest, also wherever another small file names it."""
    content = files.pop(blob)
    was, now = blob.rpartition("/")[2].encode(), hashlib.sha256(content).hexdigest().encode()
    files[blob.replace(was.decode(), now.decode())] = content
    for name, other in files.items():
        if len(other) < 10_000:
            files[name] = other.replace(was, now)
