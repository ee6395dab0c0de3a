"""Filters of text, numbers, paths and times."""

from __future__ import annotations

import base64
import hashlib
import json
import os.path
import re
import time
from typing import Any, Optional

from clusterbook.language.filters.errors import FilterError


def to_bool(value: Any) -> Any:
    """yes/on/1/true and their opposites -> bool; None stays None."""
    if value is None or isinstance(value, bool):
        return value
    text = str(value).strip().lower()
    if text in ("yes", "on", "1", "true", "y", "t", "1.0"):
        return True
    if text in ("no", "off", "0", "false", "n", "f", "0.0"):
        return False
    raise FilterError(f"{value!r} is not a boolean")


def to_json(value: Any, **options: Any) -> str:
    """JSON text on one line."""
    options.pop("vault_to_text", None)
    options.pop("preprocess_unsafe", None)
    return json.dumps(value, default=_json_default, **options)


def to_nice_json(value: Any, indent: int = 4, sort_keys: bool = True, **options: Any) -> str:
    """JSON text for people."""
    return to_json(value, indent=indent, sort_keys=sort_keys, separators=(",", ": "), **options)


def _json_default(value: Any) -> Any:
    if isinstance(value, (set, frozenset, tuple)):
        return list(value)
    if hasattr(value, "keys"):
        return {key: value[key] for key in value}
    return str(value)


def from_json(value: str) -> Any:
    """JSON text -> data."""
    return json.loads(value)


def b64encode(value: str, encoding: str = "utf-8") -> str:
    """Text -> base64 of its bytes."""
    return base64.b64encode(value.encode(encoding)).decode()


def b64decode(value: str, encoding: str = "utf-8") -> str:
    """Base64 -> text."""
    return base64.b64decode(value).decode(encoding)


def get_hash(value: str, hashtype: str = "sha1") -> str:
    """Hexadecimal digest of the text."""
    return hashlib.new(hashtype, str(value).encode(), usedforsecurity=False).hexdigest()


def _flags(ignorecase: bool, multiline: bool) -> int:
    return (re.IGNORECASE if ignorecase else 0) | (re.MULTILINE if multiline else 0)


def regex_replace(
    value: str,
    pattern: str,
    replacement: str = "",
    ignorecase: bool = False,
    multiline: bool = False,
    count: int = 0,
    mandatory_count: int = 0,
) -> str:
    """re.sub over the text."""
    text, found = re.compile(pattern, _flags(ignorecase, multiline)).subn(replacement, str(value), count=count)
    if mandatory_count and mandatory_count != found:
        raise FilterError(f"'{pattern}' should match {mandatory_count} times, but matches {found} times in '{value}'")
    return text


def regex_search(value: str, pattern: str, *groups: str, ignorecase: bool = False, multiline: bool = False) -> Any:
    """The first match, or the named groups of it ('\\\\1', '\\\\g<name>') as a list; None without a match."""
    match = re.compile(pattern, _flags(ignorecase, multiline)).search(str(value))
    if match is None:
        return None
    if not groups:
        return match.group()
    return [match.group(_group_name(group)) for group in groups]


def _group_name(group: str) -> Any:
    found = re.match(r"\\g<(\S+)>", group) or re.match(r"\\(\d+)", group)
    if found is None:
        raise FilterError(f"unknown group {group!r}; write '\\1' or '\\g<name>'")
    name = found.group(1)
    return int(name) if name.isdigit() else name


def regex_findall(value: str, pattern: str, multiline: bool = False, ignorecase: bool = False) -> Any:
    """Every match."""
    return re.compile(pattern, _flags(ignorecase, multiline)).findall(str(value))


def comment(text: str, style: str = "plain", decoration: str = "# ", **_: Any) -> str:
    """Each line as a comment."""
    marks = {"plain": "# ", "erlang": "% ", "c": "// ", "xml": " - "}
    mark = decoration if style == "plain" else marks.get(style, "# ")
    return "\n".join([mark.rstrip(), *[(mark + line).rstrip() for line in text.splitlines()], mark.rstrip()])


def path_join(value: Any) -> str:
    """os.path.join of the parts."""
    return value if isinstance(value, str) else os.path.join(*value)


def splitext(value: str) -> list[str]:
    """[root, extension]."""
    return list(os.path.splitext(value))


def url_split(value: str, query: str = "") -> Any:
    """Parts of a URL, or one of them."""
    from urllib.parse import urlsplit

    parts = urlsplit(value)
    result = {name: getattr(parts, name) for name in ("scheme", "netloc", "path", "query", "fragment",
                                                     "hostname", "port", "username", "password")}
    return result[query] if query else result


_UNITS = "BKMGTPEZY"


def human_to_bytes(value: Any, default_unit: Optional[str] = None, isbits: bool = False) -> int:
    """'10 MB' -> 10485760."""
    match = re.match(r"^\s*([\d.]+)\s*([A-Za-z]*)\s*$", str(value))
    if match is None:
        raise FilterError(f"{value!r} is not a size")
    unit = (match.group(2) or default_unit or "B").upper()[:1]
    if unit not in _UNITS:
        raise FilterError(f"unknown unit in {value!r}")
    scale: int = 1024 ** _UNITS.index(unit)
    return round(float(match.group(1)) * scale)


def human_readable(size: Any, isbits: bool = False, unit: Optional[str] = None) -> str:
    """10485760 -> '10.00 MB'."""
    number, base = float(size), "bits" if isbits else "Bytes"
    for index in range(len(_UNITS) - 1, 0, -1):
        if number >= 1024**index and (unit is None or unit.upper()[:1] == _UNITS[index]):
            return f"{number / 1024**index:.2f} {_UNITS[index]}{'b' if isbits else 'B'}"
    return f"{number:.2f} {base}"


def strftime(form: str, second: Any = None, utc: bool = False) -> str:
    """Seconds since 1970 (now when None) in a format of the C library."""
    moment = time.time() if second is None else float(second)
    return time.strftime(form, time.gmtime(moment) if utc else time.localtime(moment))


def to_uuid(value: str, namespace: str = "361E6D51-FAEC-444A-9079-341386DA8E2E") -> str:
    """The name-based UUID of a text, in Ansible's namespace unless another one is given."""
    import uuid

    return str(uuid.uuid5(uuid.UUID(str(namespace)), value))
