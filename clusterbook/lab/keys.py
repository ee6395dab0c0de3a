"""Ssh keys, made on the lab machine, so that a host's identity is known before the first connection."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)


def ensure_key(path: Path, comment: str) -> str:
    """The public key at `path`.pub, made with its private key (600) when there is none. One line, no newline."""
    public = path.with_name(f"{path.name}.pub")
    if path.exists() and public.exists():
        return public.read_text().strip()
    key = Ed25519PrivateKey.generate()
    line = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.touch(mode=0o600)
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    public.write_text(f"{line} {comment}\n")
    return f"{line} {comment}"


def known_host(name: str, address: str, public_key: str) -> str:
    """A line of known_hosts for a host by its name and its address."""
    kind, value = public_key.split()[:2]
    return f"{name},{address} {kind} {value}\n"
