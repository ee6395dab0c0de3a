"""`password_hash` for the kinds that the C library of Linux reads, in plain Python.

Sources: Ulrich Drepper, "Unix crypt using SHA-256 and SHA-512" (version 0.6); the MD5 kind is PHK's, as FreeBSD has it.
"""

from __future__ import annotations

import hashlib
import random
import re
from typing import Any, Iterable, Iterator, Optional, Sequence

from clusterbook.language.filters.errors import FilterError

_ALPHABET = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
# What passlib, which Ansible hashes with, takes unless rounds are given; 5000 is what no `rounds=` means.
_ROUNDS = {"6": 656_000, "5": 535_000}
_UNWRITTEN = 5000
# The order in which the bytes of an MD5 digest are written, three at a time; the rest comes last.
_MD5_ORDER = [(0, 6, 12), (1, 7, 13), (2, 8, 14), (3, 9, 15), (4, 10, 5)]
# name -> (mark, longest salt)
KINDS = {"sha512": ("6", 16), "sha512_crypt": ("6", 16), "sha256": ("5", 16), "sha256_crypt": ("5", 16),
         "md5": ("1", 8), "md5_crypt": ("1", 8)}


def crypt(password: str, kind: str, salt: Optional[str], rounds: Optional[int]) -> str:
    """The password as /etc/shadow holds it. salt: by chance when none is given."""
    mark, longest = KINDS[kind]
    if salt is None:
        salt = "".join(random.SystemRandom().choice(_ALPHABET) for _ in range(longest))
    if not re.fullmatch(rf"[./0-9A-Za-z]{{0,{longest}}}", salt):
        raise FilterError(f"a salt of {kind} has up to {longest} letters, digits, '.' and '/'")
    if mark == "1":
        return f"$1${salt}${_md5(password.encode(), salt.encode())}"
    count = min(max(int(rounds or _ROUNDS[mark]), 1000), 999_999_999)
    name = "sha512" if mark == "6" else "sha256"
    written = "" if count == _UNWRITTEN else f"rounds={count}$"
    return f"${mark}${written}{salt}${_sha(password.encode(), salt.encode(), count, name)}"


def _sha(password: bytes, salt: bytes, rounds: int, name: str) -> str:
    make = hashlib.sha512 if name == "sha512" else hashlib.sha256

    def hashed(data: bytes) -> bytes:
        return make(data).digest()

    inner = hashed(password + salt + password)
    data = password + salt + _stretched(inner, len(password))
    length = len(password)
    while length:
        data += inner if length & 1 else password
        length >>= 1
    state = hashed(data)
    p = _stretched(hashed(password * len(password)), len(password))
    s = _stretched(hashed(salt * (16 + state[0])), len(salt))
    # Every 42 rounds the same pieces stand around the state: what comes before it and after it.
    pieces = [(_piece(index, p, s), index & 1) for index in range(42)]
    for index in range(rounds):
        piece, odd = pieces[index % 42]
        state = make(piece + state).digest() if odd else make(state + piece).digest()
    return _sha512_text(state) if name == "sha512" else _sha256_text(state)


def _piece(index: int, p: bytes, s: bytes) -> bytes:
    middle = (s if index % 3 else b"") + (p if index % 7 else b"")
    return p + middle if index & 1 else middle + p


def _stretched(data: bytes, length: int) -> bytes:
    return (data * (length // len(data) + 1))[:length]


def _md5(password: bytes, salt: bytes) -> str:
    inner = hashlib.md5(password + salt + password, usedforsecurity=False).digest()
    data = password + b"$1$" + salt + _stretched(inner, len(password))
    length = len(password)
    while length:
        data += b"\0" if length & 1 else password[:1]
        length >>= 1
    state = hashlib.md5(data, usedforsecurity=False).digest()
    for index in range(1000):
        part = password if index & 1 else state
        part += (salt if index % 3 else b"") + (password if index % 7 else b"")
        state = hashlib.md5(part + (state if index & 1 else password), usedforsecurity=False).digest()
    return _written(state, _MD5_ORDER) + _letters(state[11], 2)


def _sha512_text(state: bytes) -> str:
    return _written(state, _turning(21, 1)) + _letters(state[63], 2)


def _sha256_text(state: bytes) -> str:
    return _written(state, _turning(10, 2)) + _letters(state[31] << 8 | state[30], 3)


def _turning(third: int, turn: int) -> Iterator[Sequence[int]]:
    """Places a third of the digest apart, three at a time, each three turned further to the left than those before."""
    for first in range(third):
        places, cut = (first, first + third, first + 2 * third), first * turn % 3
        yield places[cut:] + places[:cut]


def _written(state: bytes, order: Iterable[Sequence[int]]) -> str:
    return "".join(_letters(state[a] << 16 | state[b] << 8 | state[c], 4) for a, b, c in order)


def _letters(value: int, count: int) -> str:
    text = ""
    for _ in range(count):
        text += _ALPHABET[value & 63]
        value >>= 6
    return text


def hashed_here(
    value: Any, hashtype: str = "sha512", salt: Optional[str] = None, salt_size: Any = None,
    rounds: Optional[int] = None, ident: Any = None,
) -> Optional[str]:
    """The hash when its kind can be made here; None for a kind that needs the local machine."""
    if hashtype not in KINDS:
        return None
    if isinstance(value, (list, dict)) or value is None:
        raise FilterError("password_hash needs text")
    if salt is None and salt_size:
        salt = "".join(random.SystemRandom().choice(_ALPHABET) for _ in range(int(salt_size)))
    return crypt(str(value), hashtype, salt, rounds)
