"""Which steps --tags and --skip-tags select."""

from __future__ import annotations

from collections.abc import Iterable


def selected(tags: Iterable[str], wanted: Iterable[str], skipped: Iterable[str]) -> bool:
    """Ansible's rules: 'always' runs unless skipped, 'never' only when one of its tags is asked for."""
    own, want, skip = set(tags), set(wanted) or {"all"}, set(skipped)
    runs = _wanted(own, want)
    if not runs:
        return False
    return not _skipped(own, skip)


def _wanted(own: set[str], want: set[str]) -> bool:
    if "always" in own:
        return True
    if own & want:
        return True
    if "never" in own:
        return False
    return "all" in want or ("tagged" in want and bool(own)) or ("untagged" in want and not own)


def _skipped(own: set[str], skip: set[str]) -> bool:
    if "all" in skip:
        return "always" not in own or "always" in skip
    if own & skip:
        return True
    return ("tagged" in skip and bool(own)) or ("untagged" in skip and not own)
