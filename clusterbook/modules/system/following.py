"""What a running program says, line by line while it runs: for steps that take long.

Whole lines only, so that masking by value sees a secret in one piece; at most a few lines a moment, so that a program
that says much costs no more than one that says little.
"""

from __future__ import annotations

import codecs
import contextlib
import os
import selectors
import subprocess
import time
from typing import Any, Callable, Dict, List, Optional, Tuple

# tell(lines, left_out): lines as they came, left_out of them before these.
Tell = Callable[[List[str], int], None]
FIRST_SECONDS = 1.0
EVERY_SECONDS = 0.25
MOST_LINES = 12
LONGEST_LINE = 2000
CHUNK = 65536


class Follower:
    """Collects lines of both outputs and tells them now and then. clock: seconds."""

    def __init__(self, tell: Tell, clock: Callable[[], float] = time.monotonic) -> None:
        """The first lines are told after a second: what ends sooner has its output in its result."""
        self._tell = tell
        self._clock = clock
        self._next = clock() + FIRST_SECONDS
        self._partial: Dict[int, str] = {}
        self._decoders: Dict[int, Any] = {}
        self._lines: List[str] = []
        self._left_out = 0

    def take(self, stream: int, data: bytes) -> None:
        """More of one of the outputs."""
        decoder = self._decoders.setdefault(stream, codecs.getincrementaldecoder("utf-8")("replace"))
        text = self._partial.get(stream, "") + decoder.decode(data).replace("\r", "\n")
        *whole, self._partial[stream] = text.split("\n")
        if len(self._partial[stream]) > CHUNK:
            self._partial[stream] = "x" * (LONGEST_LINE + 1)
        self._lines.extend(shortened(line) for line in whole if line.strip())
        if len(self._lines) > MOST_LINES:
            self._left_out += len(self._lines) - MOST_LINES
            del self._lines[:-MOST_LINES]
        self.look()

    def look(self) -> None:
        """Tell what has come, when it is time."""
        if self._lines and self._clock() >= self._next:
            self._tell(self._lines, self._left_out)
            self._lines, self._left_out = [], 0
            self._next = self._clock() + EVERY_SECONDS


def shortened(line: str) -> str:
    """The line; of a very long one only that it was there, because a part could end inside a secret."""
    return line.rstrip() if len(line) <= LONGEST_LINE else "… a very long line"


def communicate(
    process: "subprocess.Popen[bytes]", stdin: Optional[bytes], timeout: Optional[float], tell: Tell
) -> Tuple[bytes, bytes]:
    """Popen.communicate, telling lines meanwhile. Raises subprocess.TimeoutExpired."""
    follower = Follower(tell)
    deadline = None if timeout is None else time.monotonic() + timeout
    output: Dict[int, List[bytes]] = {}
    assert process.stdout is not None and process.stderr is not None
    with selectors.DefaultSelector() as selector:
        for stream in (process.stdout, process.stderr):
            selector.register(stream, selectors.EVENT_READ)
            output[stream.fileno()] = []
        names = tuple(output)
        rest = memoryview(stdin or b"")
        if process.stdin is not None:
            os.set_blocking(process.stdin.fileno(), False)
            selector.register(process.stdin, selectors.EVENT_WRITE)
        while selector.get_map():
            remaining = None if deadline is None else deadline - time.monotonic()
            if remaining is not None and remaining <= 0:
                raise subprocess.TimeoutExpired(process.args, timeout or 0)
            for key, _ in selector.select(min(EVERY_SECONDS, remaining or EVERY_SECONDS)):
                if key.fileobj is process.stdin:
                    rest = _feed(selector, process, rest)
                    continue
                data = os.read(key.fd, CHUNK)
                if data:
                    output[key.fd].append(data)
                    follower.take(key.fd, data)
                else:
                    selector.unregister(key.fileobj)
            follower.look()
    process.wait(None if deadline is None else max(0.0, deadline - time.monotonic()))
    process.stdout.close()
    process.stderr.close()
    return b"".join(output[names[0]]), b"".join(output[names[1]])


def _feed(selector: selectors.BaseSelector, process: "subprocess.Popen[bytes]", rest: memoryview) -> memoryview:
    """Write some of the standard input; closes it after the last byte, or when nobody reads it."""
    assert process.stdin is not None
    try:
        if rest:
            rest = rest[os.write(process.stdin.fileno(), rest[:CHUNK]):]
    except BlockingIOError:
        return rest
    except BrokenPipeError:
        rest = memoryview(b"")
    if not rest:
        selector.unregister(process.stdin)
        with contextlib.suppress(OSError):
            process.stdin.close()
    return rest
