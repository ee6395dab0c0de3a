"""Masks secrets by value wherever text leaves the agent: the second net below no_log."""

from __future__ import annotations

import base64
import json
import shlex
from typing import Any

SHORTEST = 6
MASK = "********"


class Mask:
    """Knows secret values and their usual disguises (base64, JSON, URL, shell forms, the lines of a PEM)."""

    def __init__(self) -> None:
        """Knows nothing yet."""
        self._forms: list[str] = []

    def add(self, secret: str) -> None:
        """From now on `secret` is masked; values shorter than 6 characters are not."""
        from urllib.parse import quote  # most runs know no secret

        forms = set(self._forms)
        for text in (secret, *_body_lines(secret)):
            if len(text) >= SHORTEST:
                forms |= {text, json.dumps(text)[1:-1], quote(text, safe=""), shlex.quote(text).strip("'"),
                          base64.b64encode(text.encode()).decode().rstrip("=")}
        self._forms = sorted(forms, key=len, reverse=True)

    def text(self, text: str) -> str:
        """The text without any known secret."""
        for form in self._forms:
            if form in text:
                text = text.replace(form, MASK)
        return text

    def apply(self, value: Any) -> Any:
        """JSON data with every string masked, keys too."""
        if not self._forms:
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(str(key)): self.apply(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.apply(item) for item in value]
        return value


def _body_lines(secret: str) -> list[str]:
    return [line.strip() for line in secret.splitlines() if not line.startswith("-----")] if "\n" in secret else []
