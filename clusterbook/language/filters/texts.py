"""Filters of text: regular expressions, comments, digests, times."""

from __future__ import annotations

import base64
import datetime
import hashlib
import re
import shlex
import time
from typing import Any, Mapping, Optional

from clusterbook.language.filters.errors import FilterError

_UUID_NAMESPACE = "361E6D51-FAEC-444A-9079-341386DA8E2E"


def to_bool(value: Any) -> bool:
    """true for yes, on, true and 1; false for anything else."""
    if isinstance(value, bool):
        return value
    return str(value).strip().lower() in ("yes", "on", "1", "true", "1.0")


def b64encode(value: Any, encoding: str = "utf-8") -> str:
    """Base64 of a text."""
    return base64.b64encode(_text(value).encode(encoding)).decode()


def b64decode(value: Any, encoding: str = "utf-8") -> str:
    """The text of base64."""
    return base64.b64decode(_text(value)).decode(encoding, "surrogateescape")


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, (list, dict)) or value is None:
        raise FilterError(f"text is needed, got {type(value).__name__}")
    return str(value)


def digest(value: Any, hashtype: str = "sha1") -> str:
    """The hexadecimal digest of a text; sha1 unless another is named."""
    try:
        return hashlib.new(hashtype, str(value).encode(errors="surrogateescape"), usedforsecurity=False).hexdigest()
    except ValueError as error:
        raise FilterError(f"there is no digest {hashtype!r} here") from error


def sha1(value: Any) -> str:
    """The SHA-1 digest of a text."""
    return digest(value)


def md5(value: Any) -> str:
    """The MD5 digest of a text."""
    return digest(value, "md5")


def _compiled(pattern: Any, ignorecase: bool, multiline: bool) -> "re.Pattern[str]":
    flags = (re.IGNORECASE if ignorecase else 0) | (re.MULTILINE if multiline else 0)
    try:
        return re.compile(_text(pattern), flags)
    except re.error as error:
        raise FilterError(f"{pattern!r} is not a regular expression: {error}") from error


def regex_replace(
    value: Any = "", pattern: str = "", replacement: str = "", ignorecase: bool = False, multiline: bool = False,
    count: int = 0, mandatory_count: int = 0,
) -> str:
    """The text with what matches replaced."""
    text, found = _compiled(pattern, ignorecase, multiline).subn(replacement, _as_text(value), count=count)
    if mandatory_count and mandatory_count != found:
        raise FilterError(f"'{pattern}' should match {mandatory_count} times, but matches {found} times in '{value}'")
    return text


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else str(value)


def regex_search(value: Any, pattern: str, *groups: str, ignorecase: bool = False, multiline: bool = False) -> Any:
    r"""The first match, or the groups of it ('\\1', '\\g<name>') as a list; nothing without a match."""
    names = [_group_name(group) for group in groups]
    match = _compiled(pattern, ignorecase, multiline).search(_as_text(value))
    if match is None:
        return None
    if not groups:
        return match.group()
    return [match.group(name) for name in names]


def _group_name(group: str) -> Any:
    found = re.match(r"\\g<(\S+)>", group) or re.match(r"\\(\d+)", group)
    if found is None:
        raise FilterError(f"unknown group {group!r}; write '\\1' or '\\g<name>'")
    name = found.group(1)
    return int(name) if name.isdigit() else name


def regex_findall(value: Any, pattern: str, multiline: bool = False, ignorecase: bool = False) -> Any:
    """Every match."""
    return [list(found) if isinstance(found, tuple) else found
            for found in _compiled(pattern, ignorecase, multiline).findall(_as_text(value))]


_POSIX_BASIC = re.compile(r"([].[^$*\\])")


def regex_escape(value: Any, re_type: str = "python") -> str:
    """The text as a regular expression that matches it alone."""
    text = _as_text(value)
    if re_type == "python":
        return re.escape(text)
    if re_type == "posix_basic":
        return _POSIX_BASIC.sub(r"\\\1", text)
    raise FilterError(f"regex_escape knows python and posix_basic, not {re_type!r}")


# style -> what stands before each line, at the beginning and at the end
_COMMENTS: Mapping[str, Mapping[str, str]] = {
    "plain": {"decoration": "# "},
    "erlang": {"decoration": "% "},
    "c": {"decoration": "// "},
    "cblock": {"decoration": " * ", "beginning": "/*", "end": " */"},
    "xml": {"decoration": " - ", "beginning": "<!--", "end": "-->"},
}


def comment(text: str, style: str = "plain", **settings: Any) -> str:
    """The text as a comment. style: plain, erlang, c, cblock or xml; settings change its parts."""
    if style not in _COMMENTS:
        raise FilterError(f"there is no comment style {style!r}; styles are {', '.join(_COMMENTS)}")
    chosen: dict[str, Any] = {"newline": "\n", "beginning": "", "end": "", "prefix_count": 1, "postfix_count": 1,
                              **_COMMENTS[style], **settings}
    newline, decoration = chosen["newline"], chosen["decoration"]
    prefix = chosen.get("prefix", decoration.rstrip())
    postfix = chosen.get("postfix", decoration.rstrip())
    opening = chosen["beginning"] + newline if chosen["beginning"] else ""
    lines = newline.join(f"{decoration}{line}" for line in _text(text).split(newline))
    body = lines.replace(f"{decoration}{newline}", f"{decoration.rstrip()}{newline}")
    before = f"{prefix}{newline}" * int(chosen["prefix_count"]) if prefix else ""
    after = f"{newline}{postfix}" * int(chosen["postfix_count"]) if postfix else ""
    closing = newline + chosen["end"] if chosen["end"] else ""
    return f"{opening}{before}{body}{after}{closing}"


def quote(value: Any) -> str:
    """The text as one word of a shell."""
    return shlex.quote("" if value is None else _as_text(value))


def split(value: Any, separator: Optional[str] = None, maxsplit: int = -1) -> list[str]:
    """The parts of a text between separators."""
    if not isinstance(value, str):
        raise FilterError(f"split needs text, got {type(value).__name__}")
    return value.split(separator, maxsplit)


def to_uuid(value: Any, namespace: Any = _UUID_NAMESPACE) -> str:
    """A UUID that is the same for the same text."""
    import uuid  # slow to load, and few playbooks make some

    try:
        space = namespace if isinstance(namespace, uuid.UUID) else uuid.UUID(str(namespace))
    except ValueError as error:
        raise FilterError(f"{namespace!r} is not a UUID") from error
    return str(uuid.uuid5(space, _as_text(value)))


def strftime(form: str, second: Any = None, utc: bool = False) -> str:
    """Seconds since 1970 (now without) in a format of the C library."""
    try:
        moment = time.time() if second is None else float(second)
    except (TypeError, ValueError) as error:
        raise FilterError(f"{second!r} is no number of seconds") from error
    return time.strftime(form, time.gmtime(moment) if utc else time.localtime(moment))


def to_datetime(value: str, form: str = "%Y-%m-%d %H:%M:%S") -> datetime.datetime:
    """The time that a text says in a format."""
    try:
        return datetime.datetime.strptime(value, form)
    except (TypeError, ValueError) as error:
        raise FilterError(f"this is no time in the format {form}: {error}") from error
