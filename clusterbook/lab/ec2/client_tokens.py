"""A request to EC2 that comes again with the client token of an earlier one makes nothing: moto keeps tokens unread.

Rules: EC2's user guide, "Ensuring idempotency in Amazon EC2 API requests".
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

# How methods begin that take such tokens.
MAKING = ("run_", "create_")
TOKEN = "ClientToken"  # noqa: S105 (a parameter's name)


def apply() -> None:
    """Change moto's classes in this process: that of the server alone."""
    from moto.ec2.responses import EC2Response

    guard = threading.Lock()
    for name in dir(EC2Response):
        if name.startswith(MAKING):
            setattr(EC2Response, name, _once(name, getattr(EC2Response, name), guard))


def _once(action: str, original: Callable[[Any], Any], guard: threading.Lock) -> Callable[[Any], Any]:
    """The method, which answers a token that it has seen with what it made then."""

    def make(self: Any) -> Any:
        asked = {name: value for name, value in self.querystring.items() if name != TOKEN}
        token = self._get_param(TOKEN)
        if not token:
            return original(self)
        with guard:
            seen = vars(self.ec2_backend).setdefault("seen_tokens", {})
            if (action, token) not in seen:
                seen[action, token] = asked, original(self)
            before, answer = seen[action, token]
            _check(self.ec2_backend, token, asked == before)
            return answer

    return make


def _check(backend: Any, token: str, same: bool) -> None:
    """EC2's errors: what was asked for is another thing, or its instances are gone."""
    from moto.ec2.exceptions import EC2ClientError

    if not same:
        raise EC2ClientError("IdempotentParameterMismatch", "The token was used with other parameters.")
    states = [one.state for one in backend.all_instances() if one.client_token == token]
    if states and set(states) == {"terminated"}:
        raise EC2ClientError("IdempotentInstanceTerminated", "The instance of this token has been terminated.")
