"""Reads a PKCS#10 certificate request: its subject and its names. Strict: what is unknown is refused."""

from __future__ import annotations

import base64
import ipaddress
from dataclasses import dataclass

COMMON_NAME = bytes.fromhex("550403")
ORGANIZATION = bytes.fromhex("55040a")
EXTENSION_REQUEST = bytes.fromhex("2a864886f70d01090e")
ALTERNATIVE_NAMES = bytes.fromhex("551d11")
SEQUENCE, SET, OBJECT, OCTETS, BOOLEAN = 0x30, 0x31, 0x06, 0x04, 0x01
TEXTS = (0x0C, 0x13)
ATTRIBUTES, DNS_NAME, ADDRESS = 0xA0, 0x82, 0x87


class BadRequest(ValueError):
    """The request is not DER, or asks for something that no kubelet asks for."""


@dataclass(frozen=True)
class Request:
    """What a certificate is asked for."""

    common_name: str
    organizations: tuple[str, ...]
    dns_names: tuple[str, ...]
    addresses: tuple[str, ...]


def parse_request(encoded: str) -> Request:
    """The request in an API object's field: base64 of PEM."""
    try:
        lines = base64.b64decode(encoded, validate=True).decode("ascii").split()
        text = "".join(lines[lines.index("REQUEST-----") + 1 : lines.index("-----END")])
        return _read(base64.b64decode(text, validate=True))
    except (ValueError, IndexError) as error:
        raise BadRequest(str(error)) from error


def _read(der: bytes) -> Request:
    information = _children(_only(der, SEQUENCE))[0]
    parts = _children(_value(information, SEQUENCE))
    names = [pair for part in _children(_value(parts[1], SEQUENCE)) for pair in _pairs(part)]
    common_names = [value for kind, value in names if kind == COMMON_NAME]
    if len(common_names) != 1 or any(kind not in (COMMON_NAME, ORGANIZATION) for kind, _ in names):
        raise BadRequest("its subject is not one common name and organizations")
    dns_names, addresses = _alternative_names(parts[3:])
    organizations = tuple(value for kind, value in names if kind == ORGANIZATION)
    return Request(common_names[0], organizations, tuple(dns_names), tuple(addresses))


def _pairs(part: tuple[int, bytes]) -> list[tuple[bytes, str]]:
    pairs = []
    for member in _children(_value(part, SET)):
        kind, text = _children(_value(member, SEQUENCE))
        if text[0] not in TEXTS:
            raise BadRequest("a part of its subject is no plain text")
        pairs.append((_value(kind, OBJECT), text[1].decode("utf-8")))
    return pairs


def _alternative_names(attributes: list[tuple[int, bytes]]) -> tuple[list[str], list[str]]:
    dns_names: list[str] = []
    addresses: list[str] = []
    for extension in _extensions(attributes):
        parts = _children(_value(extension, SEQUENCE))
        if _value(parts[0], OBJECT) != ALTERNATIVE_NAMES or any(part[0] != BOOLEAN for part in parts[1:-1]):
            raise BadRequest("it asks for an extension other than names")
        for kind, value in _children(_only(_value(parts[-1], OCTETS), SEQUENCE)):
            if kind == DNS_NAME:
                dns_names.append(value.decode("ascii"))
            elif kind == ADDRESS:
                addresses.append(str(ipaddress.ip_address(value)))
            else:
                raise BadRequest("it asks for a name that is neither DNS nor an address")
    return dns_names, addresses


def _extensions(attributes: list[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
    found: list[tuple[int, bytes]] = []
    for group in attributes:
        for attribute in _children(_value(group, ATTRIBUTES)):
            kind, values = _children(_value(attribute, SEQUENCE))
            if _value(kind, OBJECT) != EXTENSION_REQUEST:
                raise BadRequest("it carries an unknown attribute")
            for value in _children(_value(values, SET)):
                found.extend(_children(_value(value, SEQUENCE)))
    return found


def _only(data: bytes, tag: int) -> bytes:
    parts = _children(data)
    if len(parts) != 1:
        raise BadRequest("it has bytes behind its end")
    return _value(parts[0], tag)


def _value(part: tuple[int, bytes], tag: int) -> bytes:
    if part[0] != tag:
        raise BadRequest(f"tag {part[0]:#x} stands where {tag:#x} is due")
    return part[1]


def _children(data: bytes) -> list[tuple[int, bytes]]:
    parts, at = [], 0
    while at < len(data):
        tag, length, at = data[at], data[at + 1], at + 2
        if length & 0x80:
            size = length & 0x7F
            if not 1 <= size <= 3:
                raise BadRequest("a length is not DER")
            length, at = int.from_bytes(data[at : at + size], "big"), at + size
        if at + length > len(data):
            raise BadRequest("it is cut off")
        parts.append((tag, data[at : at + length]))
        at += length
    return parts
