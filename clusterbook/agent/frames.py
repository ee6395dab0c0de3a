"""Frames between the local machine and an agent: 4 bytes length, 1 byte kind, payload.

Kinds: J JSON, Z zlib-compressed JSON, B raw bytes. A frame is at most 64 MiB; longer bytes are sent in several.
"""

from __future__ import annotations

import json
import re
import struct
import zlib
from typing import Any, Callable

MAXIMUM = 64 * 1024 * 1024
# A value takes some 60 bytes of memory, however short it is: large messages may hold long texts, not more values.
LARGE, MOST_VALUES = 4 * 1024 * 1024, 2_000_000
_TEXT = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_HEAD = struct.Struct(">IB")
_COMPRESS_FROM = 2048


class BrokenFrame(Exception):
    """The other side sent something that is no frame, or went away in the middle of one."""


def pack(message: Any) -> bytes:
    """Message (JSON data or bytes) -> frame."""
    if isinstance(message, bytes):
        return _HEAD.pack(len(message), ord("B")) + message
    payload = json.dumps(message, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogateescape")
    if len(payload) < _COMPRESS_FROM:
        return _HEAD.pack(len(payload), ord("J")) + payload
    packed = zlib.compress(payload, 1)
    return _HEAD.pack(len(packed), ord("Z")) + packed


def read(receive: Callable[[int], bytes]) -> Any:
    """Read one frame. receive(n) returns up to n bytes, b"" at the end. Raises EOFError, BrokenFrame."""
    head = _exactly(receive, _HEAD.size, at_start=True)
    length, kind = _HEAD.unpack(head)
    if length > MAXIMUM:
        raise BrokenFrame(f"a frame of {length} bytes is over the limit")
    payload = _exactly(receive, length, at_start=False)
    if kind == ord("B"):
        return payload
    if kind == ord("Z"):
        unpacker = zlib.decompressobj()
        payload = unpacker.decompress(payload, MAXIMUM)
        if unpacker.unconsumed_tail:
            raise BrokenFrame("a compressed frame is over the limit")
    elif kind != ord("J"):
        raise BrokenFrame(f"unknown kind of frame {kind}")
    if len(payload) > LARGE and _values(payload) > MOST_VALUES:
        raise BrokenFrame("a frame of too many values")
    return json.loads(payload.decode("utf-8", "surrogateescape"))


def _values(payload: bytes) -> int:
    """At most so many values are in it; commas and brackets within texts do not count."""
    bare = _TEXT.sub(b"", payload)
    return sum(map(bare.count, (b",", b"[", b"{")))


def _exactly(receive: Callable[[int], bytes], count: int, at_start: bool) -> bytes:
    parts = []
    missing = count
    while missing:
        part = receive(min(missing, 262144))
        if not part:
            if at_start and missing == count:
                raise EOFError
            raise BrokenFrame("the connection ended in the middle of a frame")
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)
