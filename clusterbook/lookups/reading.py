"""Filters and tests that read the local machine's files and environment."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from clusterbook.language.filters.errors import FilterError
from clusterbook.lookups.surroundings import Surroundings

_VARIABLE = re.compile(r"\$(\w+|\{[^}]*\})")


def expand_home(surroundings: Surroundings, value: str) -> str:
    """~ replaced by the home directory."""
    return os.path.expanduser(value)  # noqa: PTH111 - a slash at the end stays


def expand_variables(surroundings: Surroundings, value: str) -> str:
    """$NAME and ${NAME} replaced from the environment; unknown ones stay."""

    def known(found: re.Match[str]) -> str:
        return surroundings.environment.get(found.group(1).strip("{}"), found.group())

    return _VARIABLE.sub(known, value)


def matching_files(surroundings: Surroundings, value: str) -> list[str]:
    """The files (no directories) that match."""
    return [path for path in glob.glob(value) if Path(path).is_file()]  # noqa: PTH207 - "./" at the start stays


def real_path(surroundings: Surroundings, value: str) -> str:
    """Links followed."""
    return os.path.realpath(value)


def _on_path(check: Callable[[str], bool]) -> Callable[[Any], bool]:
    def test(value: Any) -> bool:
        if not isinstance(value, str):
            raise FilterError(f"a path is needed, got {type(value).__name__}")
        return check(value)

    return test


def same_file(value: str, other: str) -> bool:
    """Both are the same file."""
    try:
        return Path(value).samefile(other)
    except OSError as error:
        raise FilterError(f"{error.filename}: {error.strerror}") from error


def vaulted_file(value: str) -> bool:
    """The file begins as ansible-vault's do."""
    try:
        with open(value, "rb") as file:
            return file.read(15).startswith(b"$ANSIBLE_VAULT;")
    except OSError as error:
        raise FilterError(f"{error.filename}: {error.strerror}") from error


READING_FILTERS: Mapping[str, Callable[..., Any]] = {
    "expanduser": expand_home, "expandvars": expand_variables, "fileglob": matching_files, "realpath": real_path,
}
READING_TESTS: Mapping[str, Callable[..., bool]] = {
    "directory": _on_path(os.path.isdir), "exists": _on_path(os.path.exists), "file": _on_path(os.path.isfile),
    "link": _on_path(os.path.islink), "link_exists": _on_path(os.path.lexists), "mount": _on_path(os.path.ismount),
    "same_file": same_file, "vaulted_file": vaulted_file,
}
