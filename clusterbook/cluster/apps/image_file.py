"""An image in a file of this machine, as `docker save`, podman or a build writes it: its name, and whether it is one.

Read as containerd reads it, which prefers the OCI layout: https://github.com/containerd/containerd/tree/main/core/images/archive
"""

from __future__ import annotations

import hashlib
import json
import posixpath
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clusterbook.errors import InvalidInput

LAYOUT, INDEX, DOCKER = "oci-layout", "index.json", "manifest.json"
# Annotations that name an image, the first one wins.
NAMES = ("io.containerd.image.name", "org.opencontainers.image.ref.name")
MANIFESTS = ("application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json")
MAKE = "Write one with: docker save NAME:TAG --output FILE, or: podman save --format oci-archive --output FILE NAME:TAG"
_LARGEST_DOCUMENT = 20 << 20


@dataclass(frozen=True)
class ImageFile:
    """One image of an archive. sha256: of the file; name: as the archive has it; reference: as pods ask for it.

    architecture: as Go names it, '' for one of several.
    """

    path: Path
    sha256: str
    name: str
    reference: str
    architecture: str = ""


def open_image_file(path: Path, image: str = "") -> ImageFile:
    """The image of an archive. image: which one, '' for the only one. Raises InvalidInput with what is wrong."""
    try:
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        with tarfile.open(path) as tar:
            members = {posixpath.normpath(member.name): member for member in tar}
            names = _names(path, _Archive(path, tar, members))
    except OSError as error:
        raise InvalidInput(f"--image-file {path} cannot be read: {(error.strerror or str(error)).lower()}",
                           next_step="Name a file that you may read.") from error  # fmt: skip
    except (tarfile.TarError, EOFError) as error:
        raise _no_archive(path, f"it is no whole tar ({error})") from error
    name = _chosen(path, list(names), image)
    return ImageFile(path.resolve(), sha256, name, normalized(name), names[name])


def normalized(name: str) -> str:
    """A name in full, as containerd and the kubelet write it: page:1 is docker.io/library/page:1."""
    first, slash, rest = name.partition("/")
    if not slash or not (set(first) & set(".:") or first == "localhost"):
        first, rest = "docker.io", name
    if first == "docker.io" and "/" not in rest:
        rest = f"library/{rest}"
    tagged = "@" in rest or ":" in rest.rpartition("/")[2]
    return f"{first}/{rest}" if tagged else f"{first}/{rest}:latest"


@dataclass(frozen=True)
class _Archive:
    """An open tar, and what is in it by its name. Methods raise InvalidInput."""

    path: Path
    tar: tarfile.TarFile
    members: Mapping[str, tarfile.TarInfo]

    def document(self, name: str) -> Any:
        """A JSON document in it."""
        self.need([name])
        file = self.tar.extractfile(self.members[name])
        try:
            return json.loads(file.read(_LARGEST_DOCUMENT)) if file else None
        except ValueError as error:
            raise _no_archive(self.path, f"{name} in it is no JSON") from error

    def need(self, names: Sequence[str]) -> None:
        """Refuse an archive that lacks one of these."""
        if missing := [name for name in names if name not in self.members]:
            raise _no_archive(self.path, f"{missing[0]} is missing in it", "Write it once more, or copy it again.")


def _names(path: Path, archive: _Archive) -> dict[str, str]:
    """Every image's name -> its architecture. What an image consists of must be there."""
    try:
        return dict(_of_layout(archive) if LAYOUT in archive.members else _of_docker(archive))
    except (KeyError, TypeError, AttributeError) as error:
        raise _no_archive(path, "its index is not as the OCI layout's or docker save's") from error


def _of_layout(archive: _Archive) -> Iterator[tuple[str, str]]:
    for image in archive.document(INDEX)["manifests"]:
        archive.need([_blob(image)])
        architecture = ""
        if image.get("mediaType") in MANIFESTS:
            manifest = archive.document(_blob(image))
            archive.need([_blob(part) for part in (manifest["config"], *manifest["layers"])])
            architecture = archive.document(_blob(manifest["config"])).get("architecture", "")
        name = next((image["annotations"][key] for key in NAMES if image.get("annotations", {}).get(key)), "")
        if set(name) & set("/:@"):  # else it is a tag alone
            yield name, architecture


def _blob(descriptor: Mapping[str, Any]) -> str:
    return f"blobs/{descriptor['digest'].replace(':', '/')}"


def _of_docker(archive: _Archive) -> Iterator[tuple[str, str]]:
    if DOCKER not in archive.members:
        raise _no_archive(archive.path, f"it has neither {LAYOUT} nor {DOCKER}")
    for image in archive.document(DOCKER):
        archive.need([image["Config"], *image["Layers"]])
        architecture = archive.document(image["Config"]).get("architecture", "")
        yield from ((normalized(name), architecture) for name in image["RepoTags"] or ())


def _chosen(path: Path, names: Sequence[str], image: str) -> str:
    if not names:
        raise InvalidInput(f"--image-file {path}: the image in it has no name",
                           next_step="Save it by its name: docker save NAME:TAG, not by its id.")  # fmt: skip
    by_reference = {normalized(name): name for name in reversed(names)}
    if image and normalized(image) not in by_reference:
        raise InvalidInput(f"--image-file {path} has no image {image!r}",
                           next_step=f"It has: {', '.join(names)}. Name one of these, or none.")  # fmt: skip
    if not image and len(by_reference) > 1:
        raise InvalidInput(f"--image-file {path} has several images", next_step=f"Say which: --image {names[0]}.")
    return by_reference[normalized(image or names[0])]


def _no_archive(path: Path, why: str, next_step: str = MAKE) -> InvalidInput:
    return InvalidInput(f"--image-file {path} is no image archive: {why}", next_step=next_step)
