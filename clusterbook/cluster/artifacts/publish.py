"""What hosts are told: where each file and image is, and its SHA-256; and the folder that a mirror serves."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from clusterbook.cluster.artifacts.cache import digest
from clusterbook.cluster.artifacts.download import NotThere, text
from clusterbook.cluster.artifacts.images import ImageArchive, supply_image
from clusterbook.cluster.artifacts.lock import Lock
from clusterbook.cluster.artifacts.supply import MIRROR_VARIABLE, Supplied, Supply, expected, supply
from clusterbook.errors import Failed

# What a cluster needs by default; the rest of the catalog is tools and tests.
COMPONENTS = ("kubernetes", "etcd", "containerd", "cni-plugins", "flannel", "flannel-cni")
# What hosts of EC2 need besides.
ON_AWS = ("cloud-provider-aws",)
IMAGES = ("pause", "coredns", "metrics-server")
TEST_IMAGES = ("agnhost", "busybox")
Versions = Mapping[str, str]
# What a mirror says of itself, at its top.
INDEX = "index.yml"


@dataclass(frozen=True)
class Collection:
    """Components and images that are in the cache."""

    components: tuple[Supplied, ...]
    images: tuple[ImageArchive, ...]


def collect(
    settings: Supply, components: Iterable[str] = COMPONENTS, images: Iterable[str] = IMAGES,
    versions: Versions | None = None, architecture: str | None = None,
) -> Collection:  # fmt: skip
    """Bring all of them into the cache. versions: by component, where not the catalog's default.

    Raises Failed before anything is fetched or built when one of them is not to be had.
    """
    chosen, catalog = versions or {}, settings.catalog
    wanted = [catalog.component(name, chosen.get(name), architecture) for name in components]
    made = [catalog.image(name, chosen.get(catalog.images[name]["component"]), architecture) for name in images]
    for component in (*wanted, *(image.component for image in made)):
        expected(settings, component)
    return Collection(
        tuple(supply(settings, component) for component in wanted),
        tuple(supply_image(settings, image) for image in made),
    )


def variables(collection: Collection, files: str, registry: str) -> dict[str, Any]:
    """Inventory variables `artifacts`, `images` and `image_mirror`. files, registry: addresses of the mirror."""
    artifacts = {
        supplied.component.key(file): {
            "url": f"{files}/{supplied.component.path}/{file}", "sha256": supplied.sums[file],
            "version": supplied.component.version, "file": file,
        }
        for supplied in collection.components for file in supplied.component.files
    }  # fmt: skip
    images = {image.image.name.replace("-", "_"): _image(image, files) for image in collection.images}
    return {"artifacts": artifacts, "images": images, "image_mirror": registry}


def mirrored(address: str, lock: Lock) -> dict[str, Any]:
    """The variables of a mirror elsewhere, by the index that it serves. Raises Failed for a sum that is not locked.

    The mirror itself is not trusted: hosts check each file by a sum of the lock.
    """
    try:
        found = yaml.safe_load(text(f"{address.rstrip('/')}/{INDEX}"))
    except NotThere as error:
        raise Failed(f"the mirror does not answer: {error.message}",
                     next_step=f"Start the web server there, or correct {MIRROR_VARIABLE}.") from error  # fmt: skip
    artifacts = found.get("artifacts") if isinstance(found, dict) else None
    if not isinstance(artifacts, dict):
        raise Failed(f"{address} has no index of a mirror ({INDEX})",
                     next_step="Serve the folder that invoke mirror fills, with its index.")  # fmt: skip
    locked = lock.sums()
    for name, file in sorted(artifacts.items()):
        if file.get("sha256") not in locked:
            raise Failed(f"the mirror {address} offers {name} with a SHA-256 that the lock does not have",
                         next_step="Fill the mirror with this version of clusterbook, or lock that file.")  # fmt: skip
    return dict(found)


def publish(collection: Collection, folder: Path) -> int:
    """Lay the files out as COMPONENT/VERSION/ARCHITECTURE/FILE, without copying where links can be made.

    Returns how many were new. Files that are there already with the same content are left alone.
    """
    wanted = {f"{supplied.component.path}/{file}": path
              for supplied in collection.components for file, path in supplied.files.items()}  # fmt: skip
    wanted |= {f"{image.image.path}/{image.image.name}.tar": image.archive for image in collection.images}
    return sum(_place(path, folder / name) for name, path in wanted.items())


def _image(image: ImageArchive, files: str) -> dict[str, str]:
    return {
        "reference": image.image.reference, "digest": image.digest, "registry": image.registry,
        "repository": image.repository, "tag": image.tag, "sha256": image.sha256,
        "url": f"{files}/{image.image.path}/{image.image.name}.tar",
    }  # fmt: skip


def _same(source: Path, target: Path) -> bool:
    """Whether target is a link to the cached file, or a copy of it on another file system."""
    if not target.exists():
        return False
    return target.samefile(source) or digest(target) == source.name


def _place(source: Path, target: Path) -> bool:
    if _same(source, target):
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        os.link(source, partial)
    except OSError:
        shutil.copyfile(source, partial)
    partial.replace(target)
    return True
