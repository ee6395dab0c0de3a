"""Filters of paths and addresses of resources. Only those that need no look at a file system."""

from __future__ import annotations

import ntpath
import os.path
from typing import Any, Iterable
from urllib.parse import unquote_plus, urlsplit

from clusterbook.language.filters.errors import FilterError


def basename(value: str) -> str:
    """The last part of a path."""
    return os.path.basename(value)


def dirname(value: str) -> str:
    """A path without its last part."""
    return os.path.dirname(value)


def normpath(value: str) -> str:
    """A path without '.', '..' and doubled slashes."""
    return os.path.normpath(value)


def commonpath(value: Iterable[str]) -> str:
    """The longest path that all of them begin with."""
    if isinstance(value, str):
        raise FilterError("commonpath needs a list of paths")
    return os.path.commonpath(list(value))


def relpath(value: str, start: str = ".") -> str:
    """The way from `start` to a path."""
    return os.path.relpath(value, start)


def path_join(value: Any) -> str:
    """The parts as one path."""
    if isinstance(value, str):
        return os.path.join(value)
    if not isinstance(value, (list, tuple)):
        raise FilterError(f"path_join needs text or a list, got {type(value).__name__}")
    return os.path.join(*value)


def splitext(value: str) -> list[str]:
    """[path without its ending, ending]."""
    return list(os.path.splitext(value))


def win_basename(value: str) -> str:
    """The last part of a Windows path."""
    return ntpath.basename(value)


def win_dirname(value: str) -> str:
    """A Windows path without its last part."""
    return ntpath.dirname(value)


def win_splitdrive(value: str) -> list[str]:
    """[drive, rest] of a Windows path."""
    return list(ntpath.splitdrive(value))


_URL_PARTS = ("scheme", "netloc", "path", "query", "fragment", "hostname", "port", "username", "password")


def urlsplit_parts(value: str, query: str = "") -> Any:
    """The parts of a URL, or the one that `query` names."""
    parts = urlsplit(value)
    if query and query not in _URL_PARTS:
        raise FilterError(f"unknown URL component {query!r}; there are {', '.join(_URL_PARTS)}")
    return getattr(parts, query) if query else {name: getattr(parts, name) for name in sorted(_URL_PARTS)}


def urldecode(value: str) -> str:
    """Text without %XX and +."""
    return unquote_plus(value)
