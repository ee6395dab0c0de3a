"""What a certificate says, and which public key a private key belongs to."""

from __future__ import annotations

import calendar
import hashlib
import socket
import time
from typing import List, Optional, Tuple

from clusterbook.modules import der
from clusterbook.records import dataclass

NAMES = {"2.5.4.3": "common_name", "2.5.4.10": "organization"}
USAGES = {"1.3.6.1.5.5.7.3.1": "server_auth", "1.3.6.1.5.5.7.3.2": "client_auth", "1.3.6.1.5.5.7.3.3": "code_signing",
          "1.3.6.1.5.5.7.3.4": "email_protection", "1.3.6.1.5.5.7.3.9": "ocsp_signing"}
SUBJECT_NAMES, EXTENDED_USAGE, AUTHORITY_KEY, SUBJECT_KEY = "2.5.29.17", "2.5.29.37", "2.5.29.35", "2.5.29.14"
EC_KEY = "1.2.840.10045.2.1"


@dataclass(frozen=True)
class Certificate:
    """One certificate. Times in seconds since the epoch; key ids in hexadecimal; key: the SubjectPublicKeyInfo."""

    common_name: str
    organizations: Tuple[str, ...]
    dns_names: Tuple[str, ...]
    ip_addresses: Tuple[str, ...]
    usages: Tuple[str, ...]
    not_before: int
    not_after: int
    issuer: bytes
    subject: bytes
    authority_key: str
    subject_key: str
    key: bytes


def parse(pem: str) -> Certificate:
    """The first certificate of PEM text. ValueError when it is none."""
    return _parse(der.from_pem(pem, "CERTIFICATE"))


def parse_all(pem: str) -> Tuple[Certificate, ...]:
    """All certificates of PEM text, in its order. ValueError when one of them is none."""
    return tuple(_parse(data) for data in der.all_from_pem(pem, "CERTIFICATE"))


def _parse(data: bytes) -> Certificate:
    outer = der.children(der.read(data))
    fields = der.children(outer[0])
    if fields[0].tag == 0xA0:
        fields = fields[1:]
    issuer, validity, subject, key = fields[2:6]
    starts, ends = (moment(item) for item in der.children(validity))
    extensions = {}
    for field in fields[6:]:
        if field.tag == 0xA3:
            for item in der.children(der.read(field.body)):
                parts = der.children(item)
                extensions[der.object_name(parts[0].body)] = parts[-1].body
    names = name_parts(subject)
    dns, addresses = alternative_names(extensions.get(SUBJECT_NAMES))
    return Certificate(
        next((value for kind, value in names if kind == "common_name"), ""),
        tuple(value for kind, value in names if kind == "organization"), dns, addresses,
        extended_usages(extensions.get(EXTENDED_USAGE)), starts, ends, issuer.raw, subject.raw,
        authority_key(extensions.get(AUTHORITY_KEY)), subject_key(extensions.get(SUBJECT_KEY), key), key.raw,
    )


def moment(element: der.Element) -> int:
    """UTCTime or GeneralizedTime in seconds since the epoch."""
    text = element.body.decode("ascii")
    if element.tag == 0x17:
        text = ("19" if text[:2] >= "50" else "20") + text
    return calendar.timegm(time.strptime(text, "%Y%m%d%H%M%SZ"))


def name_parts(name: der.Element) -> List[Tuple[str, str]]:
    """The parts of a distinguished name that matter here, in order."""
    found = []
    for group in der.children(name):
        for pair in der.children(group):
            kind, value = der.children(pair)
            known = NAMES.get(der.object_name(kind.body))
            if known:
                found.append((known, value.body.decode("utf-8", "replace")))
    return found


def alternative_names(data: Optional[bytes]) -> Tuple[Tuple[str, ...], Tuple[str, ...]]:
    """DNS names and addresses of the extension, sorted."""
    names, addresses = [], []
    for item in der.children(der.read(data)) if data else ():
        if item.tag == 0x82:
            names.append(item.body.decode("ascii", "replace"))
        elif item.tag == 0x87:
            family = socket.AF_INET if len(item.body) == 4 else socket.AF_INET6
            addresses.append(socket.inet_ntop(family, item.body))
    return tuple(sorted(names)), tuple(sorted(addresses))


def extended_usages(data: Optional[bytes]) -> Tuple[str, ...]:
    """Usages by name, sorted; unknown ones by number."""
    if not data:
        return ()
    numbers = [der.object_name(item.body) for item in der.children(der.read(data))]
    return tuple(sorted(USAGES.get(number, number) for number in numbers))


def authority_key(data: Optional[bytes]) -> str:
    """The key id of the authority that signed; empty without one."""
    for item in der.children(der.read(data)) if data else ():
        if item.tag == 0x80:
            return item.body.hex()
    return ""


def subject_key(data: Optional[bytes], key: der.Element) -> str:
    """The certificate's own key id; SHA-1 of the public key's bits where it has none (RFC 5280, 4.2.1.2)."""
    if data:
        return der.read(data).body.hex()
    bits = der.children(key)[1].body[1:]
    return hashlib.sha1(bits).hexdigest()  # noqa: S324 - an identifier by the standard


def public_bits(key_info: bytes) -> bytes:
    """The public key's bits of a SubjectPublicKeyInfo."""
    return der.children(der.read(key_info))[1].body[1:]


def private_key_bits(pem: str) -> bytes:
    """The public key's bits that an EC private key (PKCS 8 or SEC 1) carries. ValueError when it carries none."""
    data = der.read(der.from_pem(pem.split("-----END EC PARAMETERS-----")[-1]))
    fields = der.children(data)
    if len(fields) > 2 and fields[1].tag == der.SEQUENCE:
        if der.object_name(der.children(fields[1])[0].body) != EC_KEY:
            raise ValueError("not an EC key")
        fields = der.children(der.read(fields[2].body))
    for field in fields:
        if field.tag == 0xA1:
            return der.read(field.body).body[1:]
    raise ValueError("the key does not carry its public part")
