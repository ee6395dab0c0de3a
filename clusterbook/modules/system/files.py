"""Files of the host: read, replaced atomically, and their attributes."""

from __future__ import annotations

import errno
import os
import stat
from typing import Callable, Iterable, List, Optional, Tuple, Union

from clusterbook.modules.contract import ModuleFailed
from clusterbook.modules.system.checksums import Checksums
from clusterbook.records import dataclass

Content = Union[bytes, Callable[[], Iterable[bytes]]]
KINDS = {
    stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "link", stat.S_IFCHR: "char",
    stat.S_IFBLK: "block", stat.S_IFIFO: "fifo", stat.S_IFSOCK: "socket",
}


@dataclass(frozen=True)
class FileState:
    """What lstat tells. mode: permission bits; times in nanoseconds; target: where a link points."""

    kind: str
    mode: int
    uid: int
    gid: int
    size: int = 0
    modified: int = 0
    accessed: int = 0
    changed: int = 0
    inode: int = 0
    device: int = 0
    links: int = 1
    target: Optional[str] = None
    blocks: int = 0
    block_size: int = 0
    device_type: int = 0


@dataclass(frozen=True)
class Attributes:
    """Wanted owner, group and permission bits; None leaves what is."""

    uid: Optional[int] = None
    gid: Optional[int] = None
    mode: Optional[int] = None


class Files:
    """The live file system."""

    def __init__(self, checksums: Optional[Checksums] = None) -> None:
        """checksums: remembers digests of files between runs."""
        self.checksums = checksums or Checksums("")

    def stat(self, path: str, follow: bool = False) -> Optional[FileState]:
        """State of a path, None when nothing is there."""
        try:
            found = os.stat(path) if follow else os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            if error.errno == errno.ELOOP:
                return None
            raise
        kind = KINDS.get(stat.S_IFMT(found.st_mode), "file")
        return FileState(
            kind, stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid, found.st_size, found.st_mtime_ns,
            found.st_atime_ns, found.st_ctime_ns, found.st_ino, found.st_dev, found.st_nlink,
            os.readlink(path) if kind == "link" else None, found.st_blocks, found.st_blksize, found.st_rdev,
        )

    def read(self, path: str) -> bytes:
        """Content of a file. OSError when it cannot be read."""
        with open(path, "rb") as file:
            return file.read()

    def entries(self, path: str) -> List[str]:
        """Names in a directory, sorted."""
        return sorted(os.listdir(path))

    def digest(self, path: str, algorithm: str = "sha256") -> str:
        """Checksum of a file's content as hexadecimal text."""
        return self.checksums.digest(path, algorithm)

    def resolve(self, path: str) -> str:
        """The path without symbolic links."""
        return os.path.realpath(path)

    def matching(self, pattern: str) -> List[str]:
        """Paths that match a shell pattern; a plain path matches itself when it exists."""
        import glob

        return sorted(glob.glob(pattern))

    def write(
        self,
        path: str,
        content: Content,
        attributes: Attributes = Attributes(),  # noqa: B008 - cannot be changed
        accept: Optional[Callable[[str], None]] = None,
        digest: str = "",
        in_place: bool = False,
    ) -> None:
        """Replace or make a file: a private temporary file beside it, written out to disk, then renamed.

        What attributes leave open is kept from the old file (0666 less the umask for a new one). accept(temporary path)
        may raise to keep the old file. digest: sha256 of the content when it is known beforehand. in_place: overwrite a
        file that the system refuses to replace (a bind mount); that is not atomic.
        """
        temporary = self._temporary(path, content)
        try:
            if accept is not None:
                accept(temporary)
            self._dress(temporary, path, attributes)
            os.rename(temporary, path)
        except OSError as error:
            if not in_place or error.errno != errno.EBUSY:
                os.unlink(temporary)
                raise
            self._overwrite(temporary, path, attributes)
        except BaseException:
            os.unlink(temporary)
            raise
        sync_directory(os.path.dirname(path) or ".")

    def _overwrite(self, temporary: str, path: str, attributes: Attributes) -> None:
        """Put the temporary file's content into the file as it stands, and remove the temporary one."""
        import shutil

        try:
            with open(temporary, "rb") as source, open(path, "r+b") as target:
                shutil.copyfileobj(source, target)
                target.truncate()
        finally:
            os.unlink(temporary)
        self.attributes(path, attributes)

    def _temporary(self, path: str, content: Content) -> str:
        """A new file 0600 in the same directory with the content, on disk."""
        directory, name = os.path.split(path)
        temporary = os.path.join(directory, f".{name[:60]}.{os.urandom(8).hex()}.clusterbook")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                for block in (content,) if isinstance(content, bytes) else content():
                    file.write(block)
                file.flush()
                os.fsync(file.fileno())
        except BaseException as error:
            os.unlink(temporary)
            if isinstance(error, OSError) and error.filename is None:
                error.filename = path  # a full disk: writing to a descriptor does not say which file
            raise
        return temporary

    def _dress(self, temporary: str, path: str, attributes: Attributes) -> None:
        """Give the temporary file the owner, group and mode that the path shall have."""
        old = self.stat(path)
        uid = attributes.uid if attributes.uid is not None else (old.uid if old else -1)
        gid = attributes.gid if attributes.gid is not None else (old.gid if old else -1)
        own = os.stat(temporary)
        if uid not in (-1, own.st_uid) or gid not in (-1, own.st_gid):
            os.chown(temporary, uid, gid)
        mode = attributes.mode
        if mode is None:
            mode = old.mode if old and old.kind == "file" else 0o666 & ~current_umask()
        os.chmod(temporary, mode)

    def make_directory(self, path: str, mode: int = 0o777) -> None:
        """Make one directory (its parent exists), with mode less the umask."""
        os.mkdir(path, mode)

    def remove(self, path: str) -> None:
        """Remove a file, link or whole directory; nothing there is fine."""
        found = self.stat(path)
        if found is None:
            return
        if found.kind == "directory":
            import shutil

            shutil.rmtree(path)
        else:
            os.unlink(path)

    def link(self, target: str, path: str, hard: bool = False) -> None:
        """Make or replace a symbolic or hard link atomically."""
        temporary = os.path.join(os.path.dirname(path), f".{os.urandom(8).hex()}.clusterbook")
        (os.link if hard else os.symlink)(target, temporary)
        try:
            os.rename(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise

    def attributes(self, path: str, wanted: Attributes, follow: bool = True) -> None:
        """Set owner, group and mode; a link's own when follow is false (its mode is left)."""
        if wanted.uid is not None or wanted.gid is not None:
            os.chown(path, -1 if wanted.uid is None else wanted.uid, -1 if wanted.gid is None else wanted.gid,
                     follow_symlinks=follow)
        if wanted.mode is not None and (follow or not os.path.islink(path)):
            os.chmod(path, wanted.mode)  # after chown, which clears set-user-id bits

    def times(self, path: str, accessed: int, modified: int) -> None:
        """Set both times in nanoseconds."""
        os.utime(path, ns=(accessed, modified))

    def make_temporary(self, directory: bool, prefix: str, suffix: str, parent: Optional[str]) -> str:
        """A new private file or directory with an unpredictable name."""
        import tempfile

        if directory:
            return tempfile.mkdtemp(suffix, prefix, parent)
        descriptor, path = tempfile.mkstemp(suffix, prefix, parent)
        os.close(descriptor)
        return path


def current_umask() -> int:
    """The umask, read without changing it where /proc tells."""
    try:
        with open("/proc/self/status", encoding="ascii", errors="replace") as file:
            for line in file:
                if line.startswith("Umask:"):
                    return int(line.split()[1], 8)
    except OSError:
        pass
    umask = os.umask(0o077)
    os.umask(umask)
    return umask


def sync_directory(path: str) -> None:
    """Put a rename on disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def missing_parent(path: str) -> ModuleFailed:
    """The error for a file whose directory is not there."""
    directory = os.path.dirname(path)
    return ModuleFailed(
        f"{path} cannot be written: directory {directory} does not exist",
        next_step=f"Create {directory} in an earlier step (module file with state: directory).",
    )


def as_text(data: bytes) -> Optional[str]:
    """The text of a file, None when it is not text."""
    if b"\0" in data[:8192]:
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def parents(path: str) -> Tuple[str, ...]:
    """Every directory above a path, the nearest first."""
    found: List[str] = []
    while True:
        above = os.path.dirname(path)
        if above == path or not above:
            return tuple(found)
        found.append(above)
        path = above
