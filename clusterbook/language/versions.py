"""Order of versions: loose (part by part), strict (1.2.3a1), semantic (semver.org) and of Python packages (PEP 440)."""

from __future__ import annotations

import re
from typing import Any, Optional


class BadVersion(Exception):
    """A text is not a version of the wanted kind."""


def loose_key(text: str) -> "tuple[Any, ...]":
    """Numbers compare as numbers, words as words; a number with a word at the same place not at all (TypeError)."""
    parts = [part for part in re.split(r"(\d+|[a-z]+|\.)", text) if part and part != "."]
    return tuple(int(part) if part.isdigit() else part for part in parts)


# Compiled when they are first used.
_STRICT = r"(\d+)\.(\d+)(?:\.(\d+))?(?:([ab])(\d+))?"


def strict_key(text: str) -> "tuple[Any, ...]":
    """Two or three numbers, then perhaps a or b and a number for a pre-release."""
    found = re.fullmatch(_STRICT, text)
    if found is None:
        raise BadVersion(f"{text!r} is not a strict version such as 1.2.3 or 1.2b1")
    major, minor, patch, kind, number = found.groups()
    return (int(major), int(minor), int(patch or 0), kind or "c", int(number or 0))


_SEMANTIC = (
    r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)"
    r"(?:-((?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?"
    r"(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
)


def semantic_key(text: str) -> "tuple[Any, ...]":
    """MAJOR.MINOR.PATCH with pre-release parts; what follows '+' does not count."""
    found = re.fullmatch(_SEMANTIC, text)
    if found is None:
        raise BadVersion(f"{text!r} is not a semantic version such as 1.2.3-rc.1")
    major, minor, patch, before = found.groups()
    parts = tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in (before or "").split(".") if part)
    return (int(major), int(minor), int(patch), before is None, parts)


_PYTHON = (
    r"v?(?:(\d+)!)?(\d+(?:\.\d+)*)[-_.]?(?:(alpha|a|beta|b|preview|pre|c|rc)[-_.]?(\d*))?"
    r"(?:-(\d+)|[-_.]?(?:post|rev|r)[-_.]?(\d*))?(?:[-_.]?dev[-_.]?(\d*))?(?:\+([a-z0-9]+(?:[-_.][a-z0-9]+)*))?"
)
_PHASES = {"alpha": "a", "a": "a", "beta": "b", "b": "b"}


def python_key(text: str) -> "tuple[Any, ...]":
    """Versions of Python packages, in the order of PEP 440."""
    found = re.fullmatch(_PYTHON, text.strip(), re.IGNORECASE)
    if found is None:
        raise BadVersion(f"{text!r} is not a version of a Python package")
    epoch, release, phase, phase_number, minus, post, dev, local = found.groups()
    numbers = [int(part) for part in release.split(".")]
    while len(numbers) > 1 and numbers[-1] == 0:
        numbers.pop()
    is_post = minus is not None or re.search(r"post|rev|(?<![a-z])r(?![a-z])", text, re.IGNORECASE) is not None
    is_dev = re.search(r"dev", text, re.IGNORECASE) is not None
    if phase:
        before: tuple[Any, ...] = (_PHASES.get(phase.lower(), "rc"), int(phase_number or 0))
    else:
        before = ("" if is_dev and not is_post else "z", 0)
    after = int(minus or post or 0) if is_post else -1
    return (int(epoch or 0), tuple(numbers), before, after, int(dev or 0) if is_dev else float("inf"),
            _local_key(local))


def _local_key(local: Optional[str]) -> "tuple[Any, ...]":
    parts = re.split(r"[-_.]", local.lower()) if local else []
    return tuple((1, int(part), "") if part.isdigit() else (0, 0, part) for part in parts)


KEYS = {"loose": loose_key, "strict": strict_key, "semver": semantic_key, "semantic": semantic_key,
        "pep440": python_key}
