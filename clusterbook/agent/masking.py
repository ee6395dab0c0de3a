"""Masks secrets by value wherever text leaves the agent: the second net below no_log."""

from __future__ import annotations

import base64
import json
import shlex
from typing import Any, Iterator

SHORTEST = 6
LONG_WORD = 20
MASK = "********"


class Mask:
    """Knows secret values and their usual disguises (base64, JSON, URL, shell forms, the lines of a PEM)."""

    def __init__(self) -> None:
        """Knows nothing yet."""
        self._forms: list[str] = []

    def add(self, secret: str) -> None:
        """From now on `secret` is masked; values shorter than 6 characters are not."""
        forms = set(self._forms)
        for text in (secret, *_body_lines(secret), *_keys_within(secret)):
            if len(text) >= SHORTEST:
                forms |= _disguises(text)
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


def _disguises(text: str) -> "set[str]":
    """The text as JSON, URLs, shells, Python and base64 write it."""
    from urllib.parse import quote, quote_plus  # most runs know no secret

    shell = shlex.quote(text)
    forms = {text, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1], repr(text)[1:-1],
             json.dumps(json.dumps(text)[1:-1])[1:-1], quote(text, safe=""), quote(text), quote_plus(text),
             shell[1:-1] if shell != text else text, text.replace("'", "'\\''")}
    return forms | {form for form in _base64(text.encode()) if len(form) >= SHORTEST}


def _base64(data: bytes) -> Iterator[str]:
    """Base64 of the data wherever it begins in what was encoded: without the characters that its neighbours share."""
    for before in range(3):
        whole = base64.b64encode(b"\0" * before + data).decode().rstrip("=")
        start = (before * 8 + 5) // 6
        end = (before + len(data)) * 8 // 6
        yield whole[start:end]
        yield whole[start:end].replace("+", "-").replace("/", "_")


def _keys_within(secret: str) -> "list[str]":
    """Words that are long enough to be a key: a secret may be several of them, each with its name."""
    words = secret.split()
    return [word for word in words if len(word) >= LONG_WORD] if len(words) > 1 else []


def _body_lines(secret: str) -> list[str]:
    return [line.strip() for line in secret.splitlines() if not line.startswith("-----")] if "\n" in secret else []
