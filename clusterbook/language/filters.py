"""Filters, by the names and meaning of Ansible's. Jinja2's own filters come with the environment."""

from __future__ import annotations

import base64
import datetime
import hashlib
import itertools
import json
import os.path
import random
import re
import shlex
import time
import uuid
from typing import Any, Iterable, Optional
from urllib.parse import urlsplit

from jinja2 import Undefined, pass_environment

_UUID_NAMESPACE = uuid.UUID("361E6D51-FAEC-444A-9079-341386DA8E2E")


class FilterError(Exception):
    """A filter was given something that it cannot use."""


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


def combine(*values: Any, recursive: bool = False, list_merge: str = "replace") -> dict[Any, Any]:
    """Merge mappings (lists of mappings are flattened); the later wins."""
    merged: dict[Any, Any] = {}
    for part in flatten(list(values)):
        if not isinstance(part, dict):
            raise FilterError(f"combine needs mappings, got {type(part).__name__}")
        merged = _merge(merged, part, recursive, list_merge)
    return merged


def _merge(low: dict[Any, Any], high: dict[Any, Any], recursive: bool, list_merge: str) -> dict[Any, Any]:
    merged = dict(low)
    for key, value in high.items():
        old = merged.get(key)
        if recursive and isinstance(old, dict) and isinstance(value, dict):
            merged[key] = _merge(old, value, recursive, list_merge)
        elif isinstance(old, list) and isinstance(value, list):
            merged[key] = _merge_lists(old, value, list_merge)
        else:
            merged[key] = value
    return merged


def _merge_lists(low: list[Any], high: list[Any], how: str) -> list[Any]:
    if how == "append":
        return low + high
    if how == "prepend":
        return high + low
    if how == "append_rp":
        return [item for item in low if item not in high] + high
    if how == "prepend_rp":
        return high + [item for item in low if item not in high]
    return low if how == "keep" else high


def flatten(value: list[Any], levels: Optional[int] = None, skip_nulls: bool = True) -> list[Any]:
    """Nested lists -> one list."""
    flat: list[Any] = []
    for item in value:
        if skip_nulls and item in (None, "None", "null"):
            continue
        if isinstance(item, (list, tuple)) and (levels is None or levels > 0):
            flat.extend(flatten(list(item), None if levels is None else levels - 1, skip_nulls))
        else:
            flat.append(item)
    return flat


def unique(value: Iterable[Any], case_sensitive: Optional[bool] = None, attribute: Optional[str] = None) -> list[Any]:
    """Without repeats, first ones kept."""
    seen: list[Any] = []
    kept = []
    for item in value:
        key = item[attribute] if attribute else item
        key = key.lower() if case_sensitive is False and isinstance(key, str) else key
        if key not in seen:
            seen.append(key)
            kept.append(item)
    return kept


def dict2items(value: dict[Any, Any], key_name: str = "key", value_name: str = "value") -> list[dict[str, Any]]:
    """A mapping -> list of {key, value}."""
    if not isinstance(value, dict):
        raise FilterError(f"dict2items needs a mapping, got {type(value).__name__}")
    return [{key_name: key, value_name: item} for key, item in value.items()]


def items2dict(value: list[dict[str, Any]], key_name: str = "key", value_name: str = "value") -> dict[Any, Any]:
    """List of {key, value} -> a mapping."""
    return {item[key_name]: item[value_name] for item in value}


@pass_environment
def extract(environment: Any, key: Any, container: Any, morekeys: Any = None) -> Any:
    """container[key], then each of morekeys."""
    keys = [key] if morekeys is None else [key, *(morekeys if isinstance(morekeys, list) else [morekeys])]
    value = container
    for part in keys:
        value = environment.getitem(value, part)
    return value


def subelements(value: Any, subelement: Any, skip_missing: bool = False) -> list[tuple[Any, Any]]:
    """Pairs of each element and each member of its list `subelement`."""
    elements = list(value.values()) if isinstance(value, dict) else list(value)
    names = subelement.split(".") if isinstance(subelement, str) else list(subelement)
    pairs: list[tuple[Any, Any]] = []
    for element in elements:
        inner: Any = element
        for name in names:
            if name not in inner:
                if not skip_missing:
                    raise FilterError(f"could not find {name!r} in {inner!r}")
                inner = []
                break
            inner = inner[name]
        pairs.extend((element, item) for item in inner)
    return pairs


def mandatory(value: Any, msg: Optional[str] = None) -> Any:
    """The value, or an error when it is undefined."""
    if isinstance(value, Undefined):
        raise FilterError(msg or f"Mandatory variable '{value._undefined_name}' not defined.")
    return value


def ternary(value: Any, true_value: Any, false_value: Any, none_value: Any = None) -> Any:
    """true_value when the value is true, else false_value; none_value for None when given."""
    if value is None and none_value is not None:
        return none_value
    return true_value if bool(value) else false_value


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
    parts = urlsplit(value)
    result = {name: getattr(parts, name) for name in ("scheme", "netloc", "path", "query", "fragment",
                                                     "hostname", "port", "username", "password")}
    return result[query] if query else result


def seeded_random(end: Any, start: Any = None, step: Any = None, seed: Any = None) -> Any:
    """A random member of a list or number below `end`; the same for the same seed."""
    source = random.Random(seed) if seed is not None else random.SystemRandom()  # noqa: S311
    if isinstance(end, int):
        return source.randrange(start or 0, end, step or 1)
    return source.choice(list(end))


def seeded_shuffle(value: Iterable[Any], seed: Any = None) -> list[Any]:
    """The members in another order; the same for the same seed."""
    items = list(value)
    (random.Random(seed) if seed is not None else random.SystemRandom()).shuffle(items)  # noqa: S311
    return items


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


def _without(low: Iterable[Any], high: Iterable[Any]) -> list[Any]:
    others = list(high)
    return unique(item for item in low if item not in others)


FILTERS: dict[str, Any] = {
    "bool": to_bool, "to_json": to_json, "to_nice_json": to_nice_json, "from_json": from_json,
    "b64encode": b64encode, "b64decode": b64decode, "hash": get_hash,
    "checksum": get_hash, "sha1": get_hash, "md5": lambda value: get_hash(value, "md5"),
    "regex_replace": regex_replace, "regex_search": regex_search, "regex_findall": regex_findall,
    "regex_escape": lambda value, re_type="python": re.escape(value),
    "basename": os.path.basename, "dirname": os.path.dirname, "expanduser": os.path.expanduser,
    "expandvars": os.path.expandvars, "realpath": os.path.realpath, "relpath": os.path.relpath,
    "normpath": os.path.normpath, "commonpath": os.path.commonpath, "splitext": splitext, "path_join": path_join,
    "combine": combine, "flatten": flatten, "unique": unique, "dict2items": dict2items, "items2dict": items2dict,
    "extract": extract, "subelements": subelements, "mandatory": mandatory, "ternary": ternary,
    "quote": lambda value: shlex.quote(str(value)), "comment": comment,
    "split": lambda value, separator=None, maxsplit=-1: value.split(separator, maxsplit),
    "union": lambda low, high: unique([*low, *high]),
    "intersect": lambda low, high: unique(item for item in low if item in list(high)),
    "difference": _without,
    "symmetric_difference": lambda low, high: [*_without(low, high), *_without(high, low)],
    "zip": lambda *lists: [list(items) for items in zip(*lists)],
    "zip_longest": lambda *lists, fillvalue=None: [
        list(items) for items in itertools.zip_longest(*lists, fillvalue=fillvalue)],
    "product": lambda *lists, repeat=1: list(itertools.product(*lists, repeat=repeat)),
    "permutations": lambda value, count=None: list(itertools.permutations(value, count)),
    "combinations": lambda value, count: list(itertools.combinations(value, count)),
    "to_uuid": lambda value, namespace=_UUID_NAMESPACE: str(uuid.uuid5(uuid.UUID(str(namespace)), value)),
    "type_debug": lambda value: type(value).__name__, "urlsplit": url_split,
    "random": seeded_random, "shuffle": seeded_shuffle,
    "human_to_bytes": human_to_bytes, "human_readable": human_readable,
    "strftime": strftime,
    "to_datetime": lambda value, form="%Y-%m-%d %H:%M:%S": datetime.datetime.strptime(value, form),
    "pow": lambda value, exponent: value**exponent,
}
