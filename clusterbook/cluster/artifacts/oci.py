"""Write a container image as one tar that containerd, Docker and registries' tools all read, without any of them.

The tar holds the OCI layout (oci-layout, index.json) and Docker's manifest.json over the same blobs. The same input
gives the same bytes: members are sorted, times are zero, owners are root. The layer's compressed bytes depend on the
machine's zlib, its uncompressed digest, which the configuration names, does not.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"
INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
COMPRESSION = 6
EPOCH = "1970-01-01T00:00:00Z"


@dataclass(frozen=True)
class Contents:
    """What an image holds, by absolute path. links: path to target; tree: a tar that lies below all of it."""

    files: Mapping[str, Path]
    links: Mapping[str, str]
    texts: Mapping[str, str]
    tree: Path | None = None


@dataclass(frozen=True)
class Settings:
    """How the image runs. architecture as Go names it; labels say where it comes from."""

    architecture: str
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    user: str = ""
    workdir: str = "/"
    environment: Mapping[str, str] | None = None
    labels: Mapping[str, str] | None = None


def write_image(target: Path, reference: str, contents: Contents, settings: Settings) -> str:
    """Write the tar and return the digest of the image's manifest."""
    plain = [*([contents.tree.read_bytes()] if contents.tree else []), _layer(contents)]
    layers = [_packed(layer) for layer in plain]
    config = _json(_config(settings, [digest(layer) for layer in plain]))
    manifest = _json({"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": _named(CONFIG_TYPE, config),
                      "layers": [_named(LAYER_TYPE, layer) for layer in layers]})  # fmt: skip
    named = {"Config": _blob(config), "RepoTags": [reference], "Layers": [_blob(layer) for layer in layers]}
    documents = {
        "oci-layout": _json({"imageLayoutVersion": "1.0.0"}),
        "index.json": _json(_index(reference, manifest)),
        "manifest.json": _json([named]),
    }
    blobs = {_blob(content): content for content in (config, manifest, *layers)}
    with tarfile.open(target, "w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in (*documents.items(), *blobs.items()):
            tar.addfile(_member(name, 0o644, len(content)), io.BytesIO(content))
    return digest(manifest)


def digest(content: bytes) -> str:
    """Digest as registries write it."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def read_index(archive: Path) -> dict[str, Any]:
    """The manifest's descriptor in an image tar, with its digest and the image's full name."""
    with tarfile.open(archive) as tar:
        described: dict[str, Any] = json.loads(read_member(tar, "index.json"))["manifests"][0]
    return described


def read_member(tar: tarfile.TarFile, name: str) -> bytes:
    """Bytes of one member."""
    file = tar.extractfile(name)
    if file is None:
        raise ValueError(f"{name} is not a file")
    return file.read()


def _layer(contents: Contents) -> bytes:
    """The layer of files, links and texts, uncompressed."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for folder in sorted(_folders(contents)):
            tar.addfile(_member(folder, 0o1777 if folder == "tmp" else 0o755, 0, tarfile.DIRTYPE))
        for path, source in sorted(contents.files.items()):
            with source.open("rb") as file:
                tar.addfile(_member(path.lstrip("/"), 0o755, source.stat().st_size), file)
        for path, text in sorted(contents.texts.items()):
            tar.addfile(_member(path.lstrip("/"), 0o644, len(text.encode())), io.BytesIO(text.encode()))
        for path, link in sorted(contents.links.items()):
            member = _member(path.lstrip("/"), 0o777, 0, tarfile.SYMTYPE)
            member.linkname = link
            tar.addfile(member)
    return plain.getvalue()


def _packed(layer: bytes) -> bytes:
    packed = io.BytesIO()
    with gzip.GzipFile(filename="", fileobj=packed, mode="wb", compresslevel=COMPRESSION, mtime=0) as stream:
        stream.write(layer)
    return packed.getvalue()


def _folders(contents: Contents) -> set[str]:
    paths = (*contents.files, *contents.links, *contents.texts)
    parents = {str(parent) for path in paths for parent in PurePosixPath(path.lstrip("/")).parents}
    return (parents | {"tmp"}) - {"."}


def _member(name: str, mode: int, size: int, kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.mode, member.size, member.type, member.mtime = mode, size, kind, 0
    return member


def _config(settings: Settings, layers: list[str]) -> dict[str, Any]:
    process = {
        "User": settings.user, "WorkingDir": settings.workdir, "Entrypoint": list(settings.entrypoint),
        "Cmd": list(settings.command), "Labels": dict(settings.labels or {}),
        "Env": [f"{name}={value}" for name, value in (settings.environment or {}).items()],
    }  # fmt: skip
    return {"created": EPOCH, "architecture": settings.architecture, "os": "linux",
            "config": {name: value for name, value in process.items() if value},
            "rootfs": {"type": "layers", "diff_ids": layers},
            "history": [{"created": EPOCH, "created_by": "clusterbook"} for _ in layers]}  # fmt: skip


def _index(reference: str, manifest: bytes) -> dict[str, Any]:
    names = {"io.containerd.image.name": reference, "org.opencontainers.image.ref.name": reference.rsplit(":", 1)[1]}
    return {"schemaVersion": 2, "mediaType": INDEX_TYPE,
            "manifests": [{**_named(MANIFEST_TYPE, manifest), "annotations": names}]}  # fmt: skip


def _named(media_type: str, content: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest(content), "size": len(content)}


def _blob(content: bytes) -> str:
    return f"blobs/sha256/{hashlib.sha256(content).hexdigest()}"


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
