"""Fill a mirror from a bundle: verified as a whole first, so that a bad one changes nothing of what is served."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from clusterbook.cluster.artifacts import catalog as catalogs
from clusterbook.cluster.artifacts.cache import digest
from clusterbook.cluster.artifacts.documents import write
from clusterbook.cluster.artifacts.images import ImageArchive
from clusterbook.cluster.artifacts.lock import Lock
from clusterbook.cluster.artifacts.publish import INDEX
from clusterbook.cluster.artifacts.registry import push
from clusterbook.cluster.bundle.archive import MANIFEST, SBOM, unpack
from clusterbook.cluster.bundle.parts import FILES, REGISTRY, TOOLS
from clusterbook.errors import Failed
from clusterbook.lab import mirror_packages
from clusterbook.lab.mirror_servers import Mirror, start

HEADER = "# What the mirror holds: a bundle's content. Written when it starts.\n"
Say = Callable[[str, bool], None]


def up(mirror: Mirror, bundle: Path, lock: Lock, say: Say, expected: str = "") -> dict[str, Any]:
    """Verify the bundle, serve it and return the inventory variables. say: what goes on, and whether it is urgent."""
    mirror_packages.check()
    incoming = mirror.directory / "incoming"
    shutil.rmtree(incoming, ignore_errors=True)
    incoming.mkdir(parents=True)
    try:
        opened = unpack(bundle, incoming, _progress(say), expected)
        _check_locked(opened.manifest, lock)
        for name, file in opened.manifest["files"].items():
            top = name.partition("/")[0]
            if top in (FILES, TOOLS, SBOM):
                _settle(incoming / name, mirror.directory / name, file["sha256"])
    finally:
        shutil.rmtree(incoming, ignore_errors=True)
    start(mirror, mirror.directory / TOOLS / REGISTRY)
    return _told(mirror, opened.manifest, say)


def _told(mirror: Mirror, manifest: Mapping[str, Any], say: Say) -> dict[str, Any]:
    """Push the images, sign the packages, and write down what hosts are told."""
    catalog, index = catalogs.load(), manifest["index"]
    for name, image in sorted(index["images"].items()):
        say(f"image {image['reference']}", True)
        made = catalog.image(name.replace("_", "-"), None, manifest["architecture"])
        archive = mirror.files / image["url"].lstrip("/")
        named = replace(made, reference=image["reference"])
        push(mirror.registry_url, ImageArchive(named, archive, image["sha256"], image["digest"]))
    releases = sorted(manifest["releases"])
    found = {
        **{kind: {name: {**one, "url": mirror.files_url + one["url"]} for name, one in index[kind].items()}
           for kind in ("artifacts", "images")},
        "image_mirror": mirror.registry_url,
        "package_mirror": {"url": f"{mirror.files_url}/{mirror_packages.FOLDER}", "releases": releases,
                           "key": mirror_packages.publish(mirror, releases)},
    }  # fmt: skip
    for path in (mirror.variables, mirror.files / INDEX):
        write(path, found, HEADER)
    return found


def _check_locked(manifest: Mapping[str, Any], lock: Lock) -> None:
    """A program that this version does not know by its sum is refused, whatever the bundle says of itself."""
    locked, files = lock.sums(), manifest["files"]
    for name in sorted(files):
        is_program = name.startswith(f"{TOOLS}/") or (
            name.startswith(f"{FILES}/") and not name.startswith((f"{FILES}/images/", f"{FILES}/packages/"))
        )
        if is_program and files[name]["sha256"] not in locked:
            raise Failed(
                f"the bundle holds {name} with a SHA-256 that the lock does not have",
                next_step=f"Use the version of clusterbook that wrote the bundle ({MANIFEST} names it).",
            )


def _settle(source: Path, target: Path, sha256: str) -> None:
    """Move a file to where it is served; what is there already stays as it is."""
    if target.is_file() and target.stat().st_size == source.stat().st_size and digest(target) == sha256:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    source.replace(target)


def _progress(say: Say) -> Callable[[int, int], None]:
    return lambda done, total: say(f"verified {done // 10**6}/{total // 10**6} MB", False)
