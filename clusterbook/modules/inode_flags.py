"""Flags that chattr sets, read from the file system itself: what lsattr shows."""

from __future__ import annotations

import fcntl
import os
import struct
from typing import Any, Dict

# Numbers of <linux/fs.h>.
_GET_FLAGS, _GET_VERSION = 0x80086601, 0x80087601
# Bit -> letter and name, in the order in which lsattr writes them.
_FLAGS = (
    (0x00000001, "s", "zero"), (0x00000002, "u", "undelete"), (0x00000008, "S", "synchronous"),
    (0x00010000, "D", "dirsync"), (0x00000010, "i", "immutable"), (0x00000020, "a", "append"),
    (0x00000040, "d", "nodump"), (0x00000080, "A", "noatime"), (0x00000004, "c", "compressed"),
    (0x00000800, "E", "encrypted"), (0x00004000, "j", "journalled"), (0x00001000, "I", "indexed"),
    (0x00008000, "t", "notail"), (0x00020000, "T", "blockroot"), (0x00080000, "e", "extents"),
    (0x00800000, "C", "nocow"), (0x10000000, "N", "inline"), (0x20000000, "P", "project"),
)


def flag_values(path: str) -> Dict[str, Any]:
    """Ansible's attributes, attr_flags and version of a file or directory; nothing where the file system has none."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError:
        return {}
    try:
        bits = _number(descriptor, _GET_FLAGS)
        found = [(letter, name) for bit, letter, name in _FLAGS if bits & bit]
        values: Dict[str, Any] = {"attr_flags": "".join(letter for letter, _ in found),
                                  "attributes": [name for _, name in found]}
        return {**values, "version": str(_number(descriptor, _GET_VERSION))}
    except OSError:
        return {}
    finally:
        os.close(descriptor)


def _number(descriptor: int, request: int) -> int:
    return int(struct.unpack("=I", fcntl.ioctl(descriptor, request, b"\0" * 8)[:4])[0])
