"""What the layers above lend to a run."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from clusterbook.execute.session import Refusal
from clusterbook.language.environment import Expressions
from clusterbook.lookups.expressions import local_expressions
from clusterbook.records import dataclass


def _no_secrets(name: str) -> str:
    raise Refusal(f"secret {name!r}: no store is open for this run")


def _no_signature(arguments: Mapping[str, Any], public_key: str) -> str:
    raise Refusal("certificates cannot be signed: no store is open for this run")


def _no_vault(data: bytes, name: str) -> bytes:
    raise Refusal(f"{name} is encrypted with ansible-vault, and no vault password was given")


def _unknown_authority(name: str) -> str:
    return ""


@dataclass(frozen=True)
class Services:
    """secret(name) -> value; sign(evaluated arguments, public key) -> PEM; decrypt(data, its name) -> plain data.

    authority(name) -> PEM of all who sign today, so that a certificate of another one is renewed; empty: not known.
    clock() -> seconds since 1970.
    """

    secret: Callable[[str], str] = _no_secrets
    sign: Callable[[Mapping[str, Any], str], str] = _no_signature
    authority: Callable[[str], str] = _unknown_authority
    decrypt: Callable[[bytes, str], bytes] = _no_vault
    clock: Callable[[], float] = time.time

    @cached_property
    def expressions(self) -> Expressions:
        """Of the local machine itself: to make them takes 2 ms, so all hosts of a run share them."""
        return local_expressions()
