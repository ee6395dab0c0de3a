"""Reading tar and zip archives without trusting them."""

from __future__ import annotations

import io
import os
import tarfile
import zipfile
from typing import Callable, Iterator, Optional

from clusterbook.modules.contract import ModuleFailed
from clusterbook.records import dataclass

LARGEST = 8 << 30  # bytes that one archive may unpack to


@dataclass(frozen=True)
class Member:
    """One entry. name: relative, without .. and without a final slash; read() gives a file's content."""

    name: str
    kind: str
    mode: int
    size: int
    target: str
    owner: str
    group: str
    modified: int
    read: Callable[[], bytes]


def members(data: bytes, name: str, strip: int) -> Iterator[Member]:
    """Entries of an archive in its order; strip: leading parts of names to drop. ModuleFailed for what is unsafe."""
    total = 0
    links: "set[str]" = set()
    found = tar_members(data) if is_tar(data) else zip_members(data)
    if found is None:
        raise ModuleFailed(f"{name} is neither a tar nor a zip archive",
                           next_step="Check the file; archives of zstd are not supported.")
    for member in found:
        parts = [part for part in member.name.split("/") if part not in ("", ".")]
        if member.name.startswith("/") or ".." in parts:
            raise ModuleFailed(f"{name} holds {member.name!r}, which would be written outside the destination")
        parts = parts[strip:]
        if not parts:
            continue
        behind = next((way for way in ("/".join(parts[:many]) for many in range(1, len(parts))) if way in links), None)
        if behind is not None:
            raise ModuleFailed(f"{name} holds {member.name!r} behind its own link {behind!r}, which may lead elsewhere")
        if member.kind in ("link", "hard"):
            links.add("/".join(parts))
        total += member.size
        if total > LARGEST:
            raise ModuleFailed(f"{name} unpacks to more than {LARGEST >> 30} GiB")
        yield Member("/".join(parts), member.kind, member.mode, member.size, checked_target(member, parts, name, strip),
                     member.owner, member.group, member.modified, member.read)


def checked_target(member: Member, parts: "list[str]", name: str, strip: int) -> str:
    """A link's target; it must stay inside the destination."""
    if member.kind == "hard":
        inside = [part for part in member.target.split("/") if part not in ("", ".")][strip:]
        target = "/".join(inside)
    elif member.kind == "link":
        target = member.target
        inside = os.path.normpath(os.path.join(*parts[:-1], target) if parts[:-1] else target).split("/")
    else:
        return ""
    if target.startswith("/") or ".." in inside:
        raise ModuleFailed(f"{name} holds link {member.name!r} to {target!r}, outside the destination")
    return target


def is_tar(data: bytes) -> bool:
    """Whether the bytes are a tar archive, compressed or not."""
    try:
        with tarfile.open(fileobj=io.BytesIO(data)):
            return True
    except (tarfile.TarError, EOFError, OSError):
        return False


def tar_members(data: bytes) -> Iterator[Member]:
    """Entries of a tar archive; devices and pipes are refused."""
    archive = tarfile.open(fileobj=io.BytesIO(data))  # noqa: SIM115 - members are read later, from memory
    for item in archive:
        kind = tar_kind(item)

        def read(item: tarfile.TarInfo = item) -> bytes:
            """The content."""
            file = archive.extractfile(item)
            return file.read() if file else b""

        yield Member(item.name, kind, item.mode & 0o7777, item.size if kind == "file" else 0, item.linkname,
                     item.uname, item.gname, int(item.mtime), read)


def tar_kind(item: tarfile.TarInfo) -> str:
    """The kind of a tar entry."""
    if item.isfile():
        return "file"
    if item.isdir():
        return "directory"
    if item.issym():
        return "link"
    if item.islnk():
        return "hard"
    raise ModuleFailed(f"the archive holds {item.name!r}, which is a device or a pipe")


def zip_members(data: bytes) -> Optional[Iterator[Member]]:
    """Entries of a zip archive; None when the bytes are none."""
    if not zipfile.is_zipfile(io.BytesIO(data)):
        return None
    archive = zipfile.ZipFile(io.BytesIO(data))

    def entries() -> Iterator[Member]:
        """Directories, links and files; the mode is in the upper half of the attributes."""
        for item in archive.infolist():
            bits = item.external_attr >> 16
            linked = bits & 0o170000 == 0o120000
            kind = "directory" if item.is_dir() else "link" if linked else "file"
            target = archive.read(item).decode("utf-8", "replace") if linked else ""
            mode = bits & 0o7777 or (0o755 if kind == "directory" else 0o644)
            yield Member(item.filename, kind, mode, item.file_size, target, "", "", 0,
                         lambda item=item: archive.read(item))  # type: ignore[misc]

    return entries()
