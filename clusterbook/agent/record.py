"""What this host has finished of a run, so that another agent of the same run can go on and nothing is done twice.

The next agent is that of another worker, or that of a host which was restarted. Kept in memory. When the connection is
lost, or before the host may go away, it is written to the agent's directory, sealed with a key that the local machine
made for the run: results may hold secrets. The next agent waits until this one has ended its step, replays the plays
with the recorded results instead of modules, and goes on where they end. What is on disk is removed before anything
new happens, so that it is never less than what was done.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import signal
import time
import zlib
from typing import Any, Dict, List, Optional

FOLDER = "finished"
KEPT = 24 * 3600  # seconds after which what other runs left is removed
_NONCE, _MAC = 16, 32
_POLL = 0.05
# What is kept of a step that was begun and not finished.
BEGUN = "_begun"
# The file begins with the process that has it.
_HOLDER = 20
Result = Dict[str, Any]


class Record:
    """The results of one host's modules in their order, play by play. Inactive (nothing is kept) until open()."""

    def __init__(self) -> None:
        """Nothing is kept yet."""
        self._descriptor = -1
        self._path = ""
        self._key = b""
        self._plays: List[List[Result]] = []
        self._play = -1
        self._place = 0
        # Questions asked so far in this play.
        self.asked = 0
        # The file holds all that was finished so far.
        self._saved = False

    def open(self, directory: str, key: bytes, run: str, host: str, continues: bool) -> bool:
        """Begin to keep; False when the run goes on here (continues) but what was finished is not known.

        An agent of the same run that still works is told to end after its step, and waited for.
        """
        if self._descriptor >= 0:
            return True
        folder = os.path.join(directory, FOLDER)
        os.makedirs(folder, mode=0o700, exist_ok=True)
        _prune(folder)
        self._path = os.path.join(folder, hashlib.sha256(f"{run}\n{host}".encode()).hexdigest()[:32])
        self._key = key
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        _take(self._descriptor)
        found = self._found() if continues else []
        os.pwrite(self._descriptor, b"%*d" % (_HOLDER, os.getpid()), 0)
        self._plays, self._saved = found or [], bool(found)
        if not found:
            os.ftruncate(self._descriptor, _HOLDER)
        return found is not None

    def kept(self) -> bool:
        """Whether another agent of the run may go on here."""
        return self._descriptor >= 0

    def begin(self) -> None:
        """A play starts."""
        self._play += 1
        self._place = self.asked = 0
        if len(self._plays) == self._play:
            self._plays.append([])

    @property
    def replaying(self) -> bool:
        """Whether the next result is known."""
        return 0 <= self._play < len(self._plays) and self._place < len(self._plays[self._play])

    def known(self) -> Optional[Result]:
        """The next result when it is known, None when it has to be made (and then given to add())."""
        if not self.replaying:
            self._outdated()
            return None
        self._place += 1
        return self._plays[self._play][self._place - 1]

    def add(self, result: Result) -> None:
        """Something is finished."""
        if self._descriptor >= 0:
            self._plays[self._play].append(dict(result))
            self._place += 1

    def start(self, begun: Any) -> None:
        """A step is begun that may end this agent. begun: what the next one needs to end it; from now on on disk."""
        self.add({BEGUN: begun})
        self.save()

    def finish(self, result: Result) -> None:
        """The step is finished, whether it had to be begun or not."""
        if self._descriptor < 0:
            return
        results = self._plays[self._play]
        if self._place and BEGUN in results[self._place - 1]:
            self._outdated()
            results[self._place - 1] = dict(result)
        else:
            self.add(result)

    def number(self) -> int:
        """The number of the next question: the same one when the play is replayed."""
        self.asked += 1
        return self.asked

    def save(self) -> None:
        """The connection is lost, or the host may go away: leave the record to the next agent of the run."""
        if self._descriptor < 0 or self._saved:
            return
        data = seal(self._key, zlib.compress(json.dumps(self._plays).encode(), 1))
        os.lseek(self._descriptor, _HOLDER, os.SEEK_SET)
        view = memoryview(b"sealed" + data)
        while view:
            view = view[os.write(self._descriptor, view):]
        os.fsync(self._descriptor)
        self._saved = True

    def drop(self) -> None:
        """The run is over for this host."""
        if self._descriptor >= 0:
            os.unlink(self._path)
            os.close(self._descriptor)
            self._descriptor = -1

    def _outdated(self) -> None:
        """More is about to be done than the file says: nobody must find it so."""
        if self._saved:
            os.ftruncate(self._descriptor, _HOLDER)
            os.fsync(self._descriptor)
            self._saved = False

    def _found(self) -> Optional[List[List[Result]]]:
        size = os.fstat(self._descriptor).st_size
        data = os.pread(self._descriptor, size, _HOLDER)
        if not data.startswith(b"sealed"):
            return None
        opened = unseal(self._key, data[len(b"sealed"):])
        if opened is None:
            return None
        found: List[List[Result]] = json.loads(zlib.decompress(opened))
        return found


def seal(key: bytes, data: bytes) -> bytes:
    """Encrypt and authenticate: SHAKE-256 of key and nonce as the stream, keyed BLAKE2b over nonce and text."""
    nonce = os.urandom(_NONCE)
    text = _mixed(key, nonce, data)
    return nonce + hashlib.blake2b(nonce + text, key=key, digest_size=_MAC, person=b"record").digest() + text


def unseal(key: bytes, data: bytes) -> Optional[bytes]:
    """The data again; None when it was not sealed with this key or was changed."""
    nonce, mac, text = data[:_NONCE], data[_NONCE:_NONCE + _MAC], data[_NONCE + _MAC:]
    if hashlib.blake2b(nonce + text, key=key, digest_size=_MAC, person=b"record").digest() != mac:
        return None
    return _mixed(key, nonce, text)


def _mixed(key: bytes, nonce: bytes, data: bytes) -> bytes:
    stream = hashlib.shake_256(b"stream" + key + nonce).digest(len(data))
    return (int.from_bytes(data, "big") ^ int.from_bytes(stream, "big")).to_bytes(len(data), "big")


def _take(descriptor: int) -> None:
    """Take the file's lock. Whoever has it is an agent of this run, or a step of one: it may end what it does."""
    told = False
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except OSError:
            holder = os.pread(descriptor, _HOLDER, 0).strip()
            if not told and holder.isdigit():
                told = True
                _tell(int(holder))
            time.sleep(_POLL)


def _tell(process: int) -> None:
    try:
        os.kill(process, signal.SIGTERM)
    except (ProcessLookupError, PermissionError):
        return


def _prune(folder: str) -> None:
    """Remove what runs left that ended without being taken over."""
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        try:
            if os.stat(path).st_mtime < time.time() - KEPT:
                os.unlink(path)
        except OSError:
            continue
