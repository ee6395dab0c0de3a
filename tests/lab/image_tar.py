"""An image in a file, as somebody builds one: the catalog's agnhost under a name that no registry has."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

from clusterbook.cluster.artifacts import supply as supplies
from clusterbook.cluster.artifacts.catalog import load as load_catalog
from clusterbook.cluster.artifacts.images import supply_image


def write(path: Path, name: str) -> None:
    """Write the archive of agnhost, under that name in full."""
    image = load_catalog().image("agnhost")
    archive = supply_image(supplies.default(), image).archive
    with tarfile.open(archive) as was, tarfile.open(path, "w") as now:
        for member in was:
            file = was.extractfile(member)
            assert file
            content = file.read()
            if member.name in ("index.json", "manifest.json"):
                content = content.replace(image.reference.encode(), name.encode())
                member.size = len(content)
            now.addfile(member, io.BytesIO(content))
