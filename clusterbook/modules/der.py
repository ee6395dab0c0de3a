"""Just enough of DER to read certificates and keys: no program is started to look at one.

Types: X.690 (encoding), RFC 5280 (certificates), RFC 5915 and 5958 (private keys).
"""

from __future__ import annotations

import base64
import re
from typing import Iterator, List, NamedTuple

SEQUENCE, SET, INTEGER, BIT_STRING, OCTET_STRING, OBJECT, BOOLEAN = 0x30, 0x31, 0x02, 0x03, 0x04, 0x06, 0x01
BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----\s*([A-Za-z0-9+/=\s]+?)-----END \1-----")


class Element(NamedTuple):
    """One value. raw: with its header; body: without."""

    tag: int
    body: bytes
    raw: bytes


def read(data: bytes, start: int = 0) -> Element:
    """The element that begins at start. ValueError when the data is cut or not DER."""
    if start + 2 > len(data):
        raise ValueError("cut short")
    tag, length, offset = data[start], data[start + 1], start + 2
    if length & 0x80:
        count = length & 0x7F
        if not 0 < count <= 4 or offset + count > len(data):
            raise ValueError("bad length")
        length = int.from_bytes(data[offset:offset + count], "big")
        offset += count
    if offset + length > len(data):
        raise ValueError("cut short")
    return Element(tag, data[offset:offset + length], data[start:offset + length])


def children(element: Element) -> List[Element]:
    """The elements inside a constructed one."""
    return list(walk(element.body))


def walk(data: bytes) -> Iterator[Element]:
    """Elements one after the other."""
    position = 0
    while position < len(data):
        element = read(data, position)
        yield element
        position += len(element.raw)


def object_name(body: bytes) -> str:
    """The dotted form of an object identifier."""
    numbers: List[int] = []
    value = 0
    for byte in body:
        value = value << 7 | byte & 0x7F
        if not byte & 0x80:
            numbers.append(value)
            value = 0
    first = min(numbers[0] // 40, 2)
    return ".".join(map(str, [first, numbers[0] - 40 * first, *numbers[1:]]))


def from_pem(text: str, label: str = "") -> bytes:
    """The first block of PEM text (with this label). ValueError when there is none."""
    for data in all_from_pem(text, label):
        return data
    raise ValueError(f"no {label or 'PEM'} block")


def all_from_pem(text: str, label: str = "") -> Iterator[bytes]:
    """All blocks of PEM text (with this label), in its order."""
    for found, body in BLOCK.findall(text):
        if not label or found == label:
            yield base64.b64decode("".join(body.split()))


def to_pem(data: bytes, label: str) -> str:
    """DER as PEM text."""
    text = base64.b64encode(data).decode()
    lines = [text[start:start + 64] for start in range(0, len(text), 64)]
    return f"-----BEGIN {label}-----\n" + "\n".join(lines) + f"\n-----END {label}-----\n"
