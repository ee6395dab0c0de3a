"""Certificates for a host: described by the inventory, and only where its clock lets them be valid.

Every certificate is dated back by 300 s, also those that the cluster signs by itself. Where each host is at most 120 s
off this machine, two hosts are never so far apart that one takes the other's certificate for one of the future.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from clusterbook.execute.services import Services
from clusterbook.execute.session import Refusal
from clusterbook.language.environment import ExpressionError
from clusterbook.language.program import Step
from clusterbook.modules import certificate

AUTHORITIES = certificate.PARAMETERS["authority"].choices
# Seconds: so much may a clock be off before that is said, and before nothing is signed.
WORTH_A_WORD, MOST = 5.0, 120.0


class Signatures:
    """Signs for one host during one play."""

    def __init__(
        self, host: str, services: Services, described: Callable[[Step, Any], Mapping[str, Any]],
        warn: Callable[[str], None],
    ) -> None:  # fmt: skip
        """described(step, item): what the inventory alone says of the certificate. Raises ExpressionError."""
        self._host, self._services, self._described, self._warn = host, services, described, warn
        self._warned = False

    def sign(self, step: Step, question: Mapping[str, Any]) -> str:
        """PEM of the certificate. Raises Refusal."""
        if step.module != certificate.NAME:
            raise Refusal("only certificate steps may ask for a signature")
        try:
            arguments = self._described(step, question.get("item"))
        except ExpressionError as error:
            raise Refusal(
                f"a certificate is described by inventory variables alone, but: {error.message}"
            ) from error
        self._look_at_the_clock(float(question["now"]))
        return self._services.sign(arguments, str(question["public_key"]))

    def _look_at_the_clock(self, told: float) -> None:
        """told: what the host's clock said a moment ago, seconds since 1970."""
        off = told - self._services.clock()
        way = f"{self._host}'s clock is {abs(off):.0f} s {'ahead of' if off > 0 else 'behind'} this machine's"
        if abs(off) > MOST:
            raise Refusal(
                f"{way}: a certificate would not be valid on every host. Nothing was signed. Let a time service set "
                f"both clocks (invoke ssh {self._host} -- timedatectl status), then run the same command again"
            )
        if abs(off) > WORTH_A_WORD and not self._warned:
            self._warned = True
            self._warn(f"{way}; from {MOST:.0f} s on, no certificate is made for it")
