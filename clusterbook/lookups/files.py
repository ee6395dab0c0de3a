"""Lookups of files: their contents, those that match, the first that exists."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from clusterbook.language.lookups import LookupFailed
from clusterbook.lookups.places import find
from clusterbook.lookups.surroundings import Secretive, Surroundings
from clusterbook.source import vault

Options = Mapping[str, Any]


def truth(options: Options, name: str, default: bool) -> bool:
    """A true-or-false option, as text too."""
    value = options.get(name, default)
    return value if isinstance(value, bool) else str(value).strip().lower() in ("true", "yes", "1", "on")


def located(surroundings: Surroundings, name: Any, folder: str = "files") -> Path:
    """The file of that name. Raises LookupFailed with where it was looked for."""
    places = surroundings.places(folder)
    path = find(str(name), places)
    if path is None or path.is_dir():
        raise LookupFailed(f"No such file or directory: {str(name)!r}; looked in {', '.join(places)}")
    return path


def content(surroundings: Surroundings, path: Path) -> tuple[bytes, bool]:
    """(what the file holds, whether it was encrypted)."""
    data = path.read_bytes()
    if vault.is_encrypted(data):
        return surroundings.decrypt(data, str(path)), True
    return data, False


def text_of(path: Path, data: bytes, encoding: str = "utf-8") -> str:
    """The content as text."""
    try:
        return data.decode(encoding)
    except (UnicodeDecodeError, LookupError) as error:
        raise LookupFailed(f"{path} is not {encoding} text") from error


def file(surroundings: Surroundings, terms: Sequence[Any], options: Options) -> list[Any]:
    """Contents of files, without the white space at their ends."""
    return _contents(surroundings, terms, truth(options, "lstrip", False), truth(options, "rstrip", True))


def unvault(surroundings: Surroundings, terms: Sequence[Any], options: Options) -> list[Any]:
    """Contents of encrypted files, as they are."""
    return _contents(surroundings, terms, False, False)


def _contents(surroundings: Surroundings, terms: Sequence[Any], left: bool, right: bool) -> list[Any]:
    found: list[Any] = []
    for term in terms:
        path = located(surroundings, term)
        data, secret = content(surroundings, path)
        text = text_of(path, data)
        text = text.lstrip() if left else text
        found.append(text.rstrip() if right else text)
        found = Secretive(found) if secret else found
    return found


def fileglob(surroundings: Surroundings, terms: Sequence[Any], options: Options) -> list[Any]:
    """The files (no directories) that match, in order."""
    found: list[str] = []
    for term in terms:
        pattern = Path(str(term)).expanduser()
        for directory in _directories(surroundings, pattern):
            matching = sorted(str(path) for path in directory.glob(pattern.name) if path.is_file())
            found.extend(matching)
            if matching:
                break
    return found


def _directories(surroundings: Surroundings, pattern: Path) -> Iterator[Path]:
    if pattern.is_absolute():
        yield pattern.parent
        return
    for place in surroundings.places("files"):
        if (Path(place) / pattern.parent).is_dir():
            yield Path(place) / pattern.parent


def first_found(surroundings: Surroundings, terms: Sequence[Any], options: Options) -> list[Any]:
    """The first file that exists. Terms are names, or mappings with files, paths and skip."""
    skip = truth(options, "skip", False)
    for name, skips in _candidates(_flat(terms), options):
        skip = skip or skips
        for folder in (surroundings.folder, "files"):
            path = find(name, surroundings.places(folder)) if name else None
            if path is not None and path.is_file():
                return [str(path)]
    if skip:
        return []
    names = ", ".join(name for name, _ in _candidates(_flat(terms), options) if name)
    raise LookupFailed(f"none of these files exists: {names or 'no name was given'}")


def _flat(terms: Sequence[Any]) -> list[Any]:
    return [part for term in terms for part in (_flat(term) if isinstance(term, (list, tuple)) else [term])]


def _candidates(terms: Sequence[Any], options: Options) -> Iterator[tuple[str, bool]]:
    """(name, whether its mapping says skip) in the order in which they are tried."""
    if options.get("files"):
        yield from _joined(options)
    for term in terms:
        if isinstance(term, Mapping):
            yield "", truth(term, "skip", False)
            yield from _joined(term)
        elif options.get("paths"):
            yield from _joined({"files": [term], "paths": options["paths"]})
        elif not isinstance(term, str):
            raise LookupFailed(f"a term of lookup 'first_found' is a name or a mapping, not {type(term).__name__!r}")
        else:
            yield term, False


def _joined(described: Options) -> Iterator[tuple[str, bool]]:
    names, paths = _names(described.get("files", [])), _names(described.get("paths", []), ":")
    for path in paths or [""]:
        for name in names or [""]:
            yield (str(Path(path) / name) if path else name), False


def _names(value: Any, separators: str = "") -> list[str]:
    parts = value if isinstance(value, (list, tuple)) else [value]
    return [word for part in parts for word in re.split(f"[,;{separators}]", str(part)) if word]
