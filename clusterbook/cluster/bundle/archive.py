"""A bundle's bytes: one tar, sorted, without times, its list of sums first; written whole or not at all."""

from __future__ import annotations

import contextlib
import fcntl
import gzip
import hashlib
import io
import json
import os
import subprocess
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

from clusterbook.cluster.artifacts.cache import digest
from clusterbook.cluster.artifacts.programs import require
from clusterbook.cluster.bundle.parts import TOOLS, Part
from clusterbook.errors import Failed, InvalidInput
from clusterbook.records import dataclass

MANIFEST, SBOM = "bundle.json", "sbom.spdx.json"
FORMAT = 1
SUFFIXES = (".tar", ".tar.gz", ".tar.zst")
CHUNK = 1024 * 1024
_LEVEL = 6
_MOST_MANIFEST = 16 * 1024 * 1024
_DAMAGED = "Bring the bundle over again and compare its SHA-256 with what invoke bundle printed."
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Opened:
    """A bundle that was verified and unpacked into folder. manifest: its first file."""

    folder: Path
    manifest: Mapping[str, Any]


def check_name(target: Path) -> None:
    """InvalidInput when the file's name does not say how it is packed, or its folder is not there."""
    if not target.name.endswith(SUFFIXES):
        raise InvalidInput(f"{target.name!r} does not say how to pack it",
                           next_step=f"End the name with one of: {', '.join(SUFFIXES)}.")  # fmt: skip
    if not target.parent.is_dir():
        raise InvalidInput(f"there is no folder {str(target.parent)!r}", next_step="Make it, or name another file.")
    if target.name.endswith(".zst"):
        require("zstd", "to pack the bundle", "Install it (apt-get install zstd), or end the name with .tar.gz.")


def write(target: Path, about: Mapping[str, Any], sbom: bytes, parts: Sequence[Part], progress: Progress) -> str:
    """Write the bundle and return its SHA-256. about: what the manifest says besides the sums of files."""
    parts, manifest = sorted(parts, key=lambda part: part.name), _manifest(about, sbom, parts)
    total, done = sum(part.size for part in parts), 0
    partial = target.with_name(f".{target.name}.partial")
    with partial.open("ab") as raw:
        _claim(raw, target)
        try:
            with (
                _packer(target, raw) as packed,
                tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT, bufsize=CHUNK) as tar,
            ):
                for name, content in ((MANIFEST, manifest), (SBOM, sbom)):
                    _add(tar, name, len(content), io.BytesIO(content))
                for part in parts:
                    with _opened(part) as stream:
                        _add(tar, part.name, part.size, stream)
                    done += part.size
                    progress(done, total)
            os.fsync(raw.fileno())
            partial.replace(target)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
    return digest(target)


def unpack(bundle: Path, folder: Path, progress: Progress, expected: str = "") -> Opened:
    """Verify every file of a bundle while it is unpacked into an empty folder. expected: the bundle's own SHA-256.

    Raises Failed with the name and both sums of what is not as the manifest says; nobody uses the folder then.
    """
    if not bundle.is_file():
        raise InvalidInput(f"there is no file {str(bundle)!r}", next_step="Name the file that invoke bundle wrote.")
    if expected and (found := digest(bundle)) != expected.lower():
        raise Failed(f"{bundle.name} is not the bundle that was meant: its SHA-256 is {found}, not {expected}",
                     next_step=_DAMAGED)  # fmt: skip
    try:
        with _unpacker(bundle) as stream, tarfile.open(fileobj=stream, mode="r|", bufsize=CHUNK) as tar:
            members = iter(tar)
            manifest = _read_manifest(tar, next(members, None), bundle)
            _files(tar, members, manifest, folder, progress)
    except (tarfile.TarError, EOFError, gzip.BadGzipFile) as error:
        raise Failed(f"{bundle.name} is cut off or damaged: {error}", next_step=_DAMAGED) from error
    return Opened(folder, manifest)


def _manifest(about: Mapping[str, Any], sbom: bytes, parts: Sequence[Part]) -> bytes:
    files = {SBOM: {"sha256": hashlib.sha256(sbom).hexdigest(), "size": len(sbom)}}
    files |= {part.name: {"sha256": part.sha256, "size": part.size} for part in parts}
    return (json.dumps({"format": FORMAT, **about, "files": files}, indent=1, sort_keys=True) + "\n").encode()


def _files(
    tar: tarfile.TarFile, members: Iterator[tarfile.TarInfo], manifest: Mapping[str, Any], folder: Path,
    progress: Progress,
) -> None:  # fmt: skip
    wanted = dict(manifest["files"])
    total, done = sum(file["size"] for file in wanted.values()), 0
    for member in members:
        file = wanted.pop(member.name, None)
        if file is None or not member.isreg() or member.size != file["size"]:
            raise Failed(f"the bundle was altered: {member.name!r} is not what its list of files says",
                         next_step=_DAMAGED)  # fmt: skip
        _place(tar, member, file["sha256"], folder)
        done += member.size
        progress(done, total)
    if wanted:
        raise Failed(f"the bundle was altered: {min(wanted)} is missing", next_step=_DAMAGED)


def _place(tar: tarfile.TarFile, member: tarfile.TarInfo, sha256: str, folder: Path) -> None:
    """One file, under a name that the manifest has; see _read_manifest for what names may be."""
    path = folder / member.name
    path.parent.mkdir(parents=True, exist_ok=True)
    source, hashed = cast(IO[bytes], tar.extractfile(member)), hashlib.sha256()
    with path.open("xb") as target:
        while chunk := source.read(CHUNK):
            hashed.update(chunk)
            target.write(chunk)
    if hashed.hexdigest() != sha256:
        raise Failed(f"the bundle was altered: {member.name} has the SHA-256 {hashed.hexdigest()}, not {sha256}",
                     next_step=_DAMAGED)  # fmt: skip
    path.chmod(0o755 if PurePosixPath(member.name).parts[0] == TOOLS else 0o644)


def _read_manifest(tar: tarfile.TarFile, member: tarfile.TarInfo | None, bundle: Path) -> dict[str, Any]:
    if member is None or member.name != MANIFEST or not member.isreg() or member.size > _MOST_MANIFEST:
        raise Failed(f"{bundle.name} is no bundle: it does not begin with {MANIFEST}",
                     next_step="Name the file that invoke bundle wrote.")  # fmt: skip
    try:
        manifest: dict[str, Any] = json.loads(cast(IO[bytes], tar.extractfile(member)).read())
        if manifest["format"] != FORMAT:
            raise Failed(f"{bundle.name} has the format {manifest['format']}, and this version reads {FORMAT}",
                         next_step="Use the version of clusterbook that wrote it.")  # fmt: skip
        for name, file in manifest["files"].items():
            parts = PurePosixPath(name).parts
            safe = parts and not name.startswith("/") and ".." not in parts and "/".join(parts) == name
            if not safe or not isinstance(file["sha256"], str) or not isinstance(file["size"], int):
                raise ValueError(name)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Failed(f"{bundle.name} is damaged: its {MANIFEST} cannot be read", next_step=_DAMAGED) from error
    return manifest


def _add(tar: tarfile.TarFile, name: str, size: int, stream: IO[bytes]) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = size, 0o755 if name.startswith(f"{TOOLS}/") else 0o644, 0
    tar.addfile(member, stream)


@contextlib.contextmanager
def _opened(part: Part) -> Iterator[IO[bytes]]:
    if isinstance(part.content, bytes):
        yield io.BytesIO(part.content)
        return
    with part.content.open("rb") as stream:
        yield stream


def _claim(raw: IO[bytes], target: Path) -> None:
    try:
        fcntl.flock(raw, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise Failed(f"another run writes {target.name} at this moment", next_step="Wait for it.") from error
    raw.truncate(0)


@contextlib.contextmanager
def _packer(target: Path, raw: IO[bytes]) -> Iterator[IO[bytes]]:
    if target.name.endswith(".gz"):
        with gzip.GzipFile(filename="", fileobj=raw, mode="wb", compresslevel=_LEVEL, mtime=0) as packed:
            yield cast(IO[bytes], packed)
    elif target.name.endswith(".zst"):
        with subprocess.Popen(["zstd", "-q", f"-{_LEVEL}", "-T2", "-c"], stdin=subprocess.PIPE, stdout=raw) as process:
            assert process.stdin is not None
            yield process.stdin
            process.stdin.close()
            if process.wait():
                raise Failed(f"zstd ended with {process.returncode}", next_step="Look for room on the disk.")
    else:
        yield raw


@contextlib.contextmanager
def _unpacker(bundle: Path) -> Iterator[IO[bytes]]:
    if bundle.name.endswith(".gz"):
        with gzip.open(bundle) as stream:
            yield cast(IO[bytes], stream)
    elif bundle.name.endswith(".zst"):
        require("zstd", "to read the bundle", "Install it (apt-get install zstd), or make the bundle as .tar.gz.")
        argv = ["zstd", "-dcq", str(bundle)]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            assert process.stdout is not None
            yield process.stdout
    else:
        with bundle.open("rb") as stream:
            yield stream
