"""Files as they would be: reads look at a map of predicted paths first, writes only change that map."""

from __future__ import annotations

import errno
import hashlib
import os
from typing import Callable, Dict, List, Optional

from clusterbook.modules.contract import Unknown
from clusterbook.modules.system.checksums import Checksums
from clusterbook.modules.system.files import Attributes, Content, Files, FileState, current_umask, parents
from clusterbook.records import dataclass, replace

MOST_LINKS = 40
NEVER_PACKAGED = ("/proc/", "/sys/", "/dev/", "/tmp/", "/home/", "/usr/local/")  # noqa: S108


@dataclass(frozen=True)
class Node:
    """A predicted path. state None: nothing is there. content None: known only after the step ran.

    fresh: a directory made in the prediction; what the live one holds is not in it.
    """

    state: Optional[FileState]
    content: Optional[bytes] = None
    digest: str = ""
    fresh: bool = False


class PredictedFiles(Files):
    """The predicted file system. doubt(reason) is told when an answer may differ once earlier steps are applied."""

    def __init__(self, checksums: Checksums, doubt: Callable[[str], None], pending: Callable[[], str]) -> None:
        """pending(): why a path that is missing now might exist later, empty when it cannot."""
        super().__init__(checksums)
        self.doubt = doubt
        self.pending = pending
        self.nodes: Dict[str, Node] = {}
        self.vague: Dict[str, str] = {}

    def stat(self, path: str, follow: bool = False) -> Optional[FileState]:
        """State of a predicted path."""
        try:
            path = self._follow(path, follow)
        except OSError:
            return None
        node = self._node(path)
        if node is not None:
            return node.state
        found = super().stat(path)
        self._doubt_vague(path)
        if found is None and self.pending() and not path.startswith(NEVER_PACKAGED):
            self.doubt(self.pending())
        return found

    def read(self, path: str) -> bytes:
        """Content of a predicted file. Unknown when an earlier step would make it."""
        path = self._follow(path, True)
        node = self._node(path)
        if node is None:
            self._doubt_vague(path)
            return super().read(path)
        if node.state is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        if node.state.kind == "directory":
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
        if node.content is not None:
            return node.content
        if path in self.nodes and not node.digest and os.path.isfile(path) and node.state.inode:
            return super().read(path)
        raise Unknown(f"{path} is made by a step that has not been applied")

    def entries(self, path: str) -> List[str]:
        """Names in a predicted directory."""
        path = self._follow(path, True)
        node = self._node(path)
        names = set()
        if node is None or not node.fresh:
            names = set(super().entries(path))
            self._doubt_vague(path)
            if self.pending():
                self.doubt(self.pending())
        for known, child in self.nodes.items():
            if os.path.dirname(known) == path and known != path:
                (names.discard if child.state is None else names.add)(os.path.basename(known))
        return sorted(names)

    def digest(self, path: str, algorithm: str = "sha256") -> str:
        """Checksum of a predicted file."""
        path = self._follow(path, True)
        node = self._node(path)
        if node is None or (node.content is None and not node.digest and node.state and node.state.inode):
            self._doubt_vague(path)
            return super().digest(path, algorithm)
        if node.digest and node.content is None and algorithm == "sha256":
            return node.digest
        return hashlib.new(algorithm, self.read(path)).hexdigest()

    def resolve(self, path: str) -> str:
        """The predicted path without symbolic links; one that leads to itself stays as it is."""
        try:
            return self._follow(path, True)
        except OSError:
            return os.path.abspath(path)

    def matching(self, pattern: str) -> List[str]:
        """Predicted paths that match a shell pattern."""
        if not any(letter in pattern for letter in "*?["):
            return [pattern] if self.stat(pattern) is not None else []
        import fnmatch

        known = [path for path in self.nodes if fnmatch.fnmatch(path, pattern)]
        if self.pending():
            self.doubt(self.pending())
        return sorted(path for path in {*super().matching(pattern), *known} if self.stat(path) is not None)

    def write(
        self,
        path: str,
        content: Content,
        attributes: Attributes = Attributes(),  # noqa: B008 - frozen
        accept: Optional[Callable[[str], None]] = None,
        digest: str = "",
        in_place: bool = False,
    ) -> None:
        """Remember the file; accept is not asked, as there is no file to show it."""
        path = self._follow(path, False)
        self._need_directory(path)
        old = self.stat(path)
        keeps = old is not None and old.kind == "file"
        mode = old.mode if keeps and old else 0o666 & ~current_umask()
        known = content if isinstance(content, bytes) else None
        state = FileState("file", mode, old.uid if old else os.geteuid(), old.gid if old else os.getegid(),
                          len(known) if known is not None else 0)
        self.nodes[path] = Node(dressed(state, attributes), known, digest)

    def make_directory(self, path: str, mode: int = 0o777) -> None:
        """Remember the directory."""
        path = self._follow(path, False)
        self._need_directory(path)
        if self.stat(path) is not None:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)
        state = FileState("directory", mode & ~current_umask(), os.geteuid(), os.getegid(), 4096, links=2)
        self.nodes[path] = Node(state, fresh=True)

    def remove(self, path: str) -> None:
        """Remember that nothing is there."""
        path = self._follow(path, False)
        for known in [known for known in self.nodes if known.startswith(path + "/")]:
            del self.nodes[known]
        for known in [known for known in self.vague if known == path or known.startswith(path + "/")]:
            del self.vague[known]
        self.nodes[path] = Node(None)

    def link(self, target: str, path: str, hard: bool = False) -> None:
        """Remember the link; a hard one shares state and content."""
        path = self._follow(path, False)
        self._need_directory(path)
        if hard:
            state = self.stat(target)
            if state is not None and state.kind == "directory":
                raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), target)
            node = self._node(self._follow(target, False))
            self.nodes[path] = node or Node(state)
            return
        state = FileState("link", 0o777, os.geteuid(), os.getegid(), len(target), target=target)
        self.nodes[path] = Node(state)

    def attributes(self, path: str, wanted: Attributes, follow: bool = True) -> None:
        """Remember owner, group and mode."""
        path = self._follow(path, follow)
        state = self.stat(path)
        if state is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        self.nodes[path] = replace(self._node(path) or Node(state), state=dressed(state, wanted))

    def times(self, path: str, accessed: int, modified: int) -> None:
        """Remember both times."""
        path = self._follow(path, True)
        state = self.stat(path)
        if state is not None:
            new = replace(state, accessed=accessed, modified=modified)
            self.nodes[path] = replace(self._node(path) or Node(state), state=new)

    def make_temporary(self, directory: bool, prefix: str, suffix: str, parent: Optional[str]) -> str:
        """A path that nobody will meet."""
        path = os.path.join(parent or "/tmp", f"{prefix}{os.urandom(6).hex()}{suffix}")  # noqa: S108 - not made
        if directory:
            self.make_directory(path, 0o700)
        else:
            self.write(path, b"", Attributes(mode=0o600))
        return path

    def forget(self, path: str, reason: str) -> None:
        """From now on nobody knows what is at or below the path."""
        path = self._follow(path, False)
        self.remove(path)
        del self.nodes[path]
        self.vague[path] = reason

    def touched(self, path: str) -> bool:
        """Whether an earlier step would change this path."""
        return self._follow(path, False) in self.nodes

    def _node(self, path: str) -> Optional[Node]:
        """What the map says of a resolved path, None when it says nothing."""
        node = self.nodes.get(path)
        if node is not None:
            return node
        for above in parents(path):
            node = self.nodes.get(above)
            if node is not None:
                gone = node.state is None or node.state.kind != "directory" or node.fresh
                return Node(None) if gone else None
        return None

    def _doubt_vague(self, path: str) -> None:
        """Tell the doubt when a step with unforeseeable results touches the path."""
        for above in (path, *parents(path)):
            if above in self.vague:
                self.doubt(self.vague[above])

    def _need_directory(self, path: str) -> None:
        """The error of the live system when the directory of a new file is missing."""
        above = self.stat(os.path.dirname(path))
        if above is None or above.kind != "directory":
            code = errno.ENOENT if above is None else errno.ENOTDIR
            raise OSError(code, os.strerror(code), path)

    def _follow(self, path: str, last: bool) -> str:
        """The path with the symbolic links of its directories (and of itself when last) resolved."""
        rest = [part for part in os.path.abspath(path).split("/") if part]
        done = "/"
        for _ in range(MOST_LINKS * 8 + len(rest)):
            if not rest:
                return done
            here = os.path.join(done, rest.pop(0))
            target = self._target(here) if rest or last else None
            if target is None:
                done = here
                continue
            full = os.path.normpath(os.path.join(done, target))
            rest = [part for part in full.split("/") if part] + rest
            done = "/"
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)

    def _target(self, path: str) -> Optional[str]:
        """Where a predicted or live link points, None when the path is no link."""
        node = self._node(path)
        if node is not None:
            return node.state.target if node.state and node.state.kind == "link" else None
        try:
            return os.readlink(path)
        except OSError:
            return None


def dressed(state: FileState, wanted: Attributes) -> FileState:
    """A state with owner, group and mode replaced where they are wanted."""
    return replace(
        state,
        uid=state.uid if wanted.uid is None else wanted.uid,
        gid=state.gid if wanted.gid is None else wanted.gid,
        mode=state.mode if wanted.mode is None else wanted.mode,
    )
