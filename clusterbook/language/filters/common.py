"""Filters outside ansible.builtin that roles often use. Their full names are those of their collections."""

from __future__ import annotations

import io
import random
import re
import unicodedata
import zlib
from itertools import accumulate as running_sums
from typing import Any, Dict, Iterable, List, Mapping, Optional

from clusterbook.language.filters import addresses
from clusterbook.language.filters.data import combine, counter, dict_of_pairs, groupby_as_dict
from clusterbook.language.filters.durations import DURATIONS
from clusterbook.language.filters.errors import FilterError
from clusterbook.language.filters.keys import keep_keys, remove_keys, replace_keys
from clusterbook.language.filters.sets import distinct
from clusterbook.language.versions import loose_key


def lists_union(*lists: List[Any], flatten: bool = False) -> List[Any]:
    """The items of all lists, without repeats."""
    return distinct(item for part in _lists(lists, flatten) for item in part)


def lists_intersect(*lists: List[Any], flatten: bool = False) -> List[Any]:
    """The items that all lists have."""
    first, *others = _lists(lists, flatten)
    return distinct(item for item in first if all(item in other for other in others))


def lists_difference(*lists: List[Any], flatten: bool = False) -> List[Any]:
    """The items of the first list that no other has."""
    first, *others = _lists(lists, flatten)
    return distinct(item for item in first if not any(item in other for other in others))


def lists_symmetric_difference(*lists: List[Any], flatten: bool = False) -> List[Any]:
    """List by list, the items that one of the two alone has."""
    parts = _lists(lists, flatten)
    found = distinct(parts[0])
    for other in parts[1:]:
        found = [*(item for item in found if item not in other),
                 *(item for item in distinct(other) if item not in found)]
    return found


def lists_mergeby(*parts: Any, recursive: bool = False, list_merge: str = "replace") -> List[Dict[str, Any]]:
    """Lists of mappings merged by one of their members, whose name comes last."""
    *lists, index = parts
    if len(lists) == 1 and lists[0] and all(isinstance(item, list) for item in lists[0]):
        lists = lists[0]
    found: Dict[Any, Dict[str, Any]] = {}
    for item in (item for part in lists for item in part):
        if index in item:
            found[item[index]] = combine(found.get(item[index], {}), item, recursive=recursive, list_merge=list_merge)
    return sorted(found.values(), key=lambda item: item[index])


def _lists(lists: Any, flatten: bool) -> List[List[Any]]:
    parts = list(lists[0]) if flatten and len(lists) == 1 else list(lists)
    for part in parts:
        if not isinstance(part, (list, tuple)):
            raise FilterError(f"a list is needed, got {type(part).__name__}")
    return parts


def random_mac(value: str, seed: Any = None) -> str:
    """A MAC address that begins with the given bytes; the same for the same seed."""
    given = value.lower().split(":")
    if len(given) > 5 or not all(re.fullmatch(r"[0-9a-f]{2}", part) for part in given):
        raise FilterError(f"{value!r} is not the beginning of a MAC address, such as 52:54:00")
    source = random.SystemRandom() if seed is None else random.Random(seed)  # noqa: S311
    digits = f"{source.randint(0x1000000000, 0xFFFFFFFFFF):x}"
    return ":".join([*given, *(digits[index:index + 2] for index in range(0, 2 * (6 - len(given)), 2))])


def version_sort(value: Iterable[Any], reverse: bool = False) -> List[Any]:
    """Versions in order, 1.9 before 1.10."""
    try:
        return sorted(value, key=lambda item: loose_key(str(item)), reverse=reverse)
    except TypeError as error:
        raise FilterError(f"these versions have no order: {error}") from error


def from_csv(
    content: str, dialect: str = "excel", fieldnames: Optional[List[str]] = None, delimiter: Optional[str] = None,
    skipinitialspace: Optional[bool] = None, strict: Optional[bool] = None,
) -> List[Dict[str, Any]]:
    """The lines of CSV as mappings; the first line names the fields unless fieldnames does."""
    import csv  # few plays read tables, and each host would load it

    given = {"delimiter": delimiter, "skipinitialspace": skipinitialspace, "strict": strict}
    options: Dict[str, Any] = {name: item for name, item in given.items() if item is not None}
    try:
        return [dict(row) for row in csv.DictReader(io.StringIO(content), fieldnames, dialect=dialect, **options)]
    except csv.Error as error:
        raise FilterError(f"this is not CSV: {error}") from error


def _ini() -> Any:
    import configparser

    parser = configparser.RawConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    return parser


def from_ini(value: str) -> Dict[str, Dict[str, str]]:
    """The sections of an INI text as mappings."""
    from configparser import Error

    parser = _ini()
    try:
        parser.read_string(value)
    except Error as error:
        raise FilterError(f"this is not INI: {error}") from error
    return {name: dict(parser.items(name)) for name in parser.sections()}


def to_ini(value: Mapping[str, Mapping[str, Any]]) -> str:
    """An INI text of a mapping of mappings."""
    parser = _ini()
    parser.read_dict(value)
    written = io.StringIO()
    parser.write(written)
    return written.getvalue()[:-1]


def crc32(value: str) -> str:
    """The CRC-32 of a text, in hexadecimal."""
    return f"{zlib.crc32(value.encode()):x}"


def accumulate(value: Any) -> List[Any]:
    """The sums of the items so far; of a text its beginnings."""
    if not isinstance(value, (str, list, tuple)):
        raise FilterError(f"a list is needed, got {type(value).__name__}")
    try:
        return list(running_sums(value))
    except TypeError as error:
        raise FilterError(f"these items cannot be added: {error}") from error


def dict_kv(value: Any, key: Any) -> Dict[Any, Any]:
    """A mapping of that key to the value."""
    return {key: value}


def unicode_normalize(value: Any, form: str = "NFC") -> str:
    """The text in one of Unicode's normal forms: NFC, NFD, NFKC or NFKD."""
    if not isinstance(value, str):
        raise FilterError(f"text is needed, got {type(value).__name__}")
    try:
        return unicodedata.normalize(form, value)  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise FilterError(f"there is no normal form {form!r}; forms are NFC, NFD, NFKC, NFKD") from error


COMMUNITY: Dict[str, Any] = {
    "community.general.dict": dict_of_pairs,
    "community.general.groupby_as_dict": groupby_as_dict,
    "community.general.counter": counter,
    "community.general.lists_union": lists_union,
    "community.general.lists_intersect": lists_intersect,
    "community.general.lists_difference": lists_difference,
    "community.general.lists_symmetric_difference": lists_symmetric_difference,
    "community.general.lists_mergeby": lists_mergeby,
    "community.general.random_mac": random_mac,
    "community.general.version_sort": version_sort,
    "community.general.from_csv": from_csv,
    "community.general.from_ini": from_ini,
    "community.general.to_ini": to_ini,
    "community.general.crc32": crc32,
    "community.general.accumulate": accumulate,
    "community.general.dict_kv": dict_kv,
    "community.general.keep_keys": keep_keys,
    "community.general.remove_keys": remove_keys,
    "community.general.replace_keys": replace_keys,
    "community.general.unicode_normalize": unicode_normalize,
    **{f"community.general.{name}": function for name, function in DURATIONS.items()},
    **{f"ansible.utils.{function.__name__}": function for function in (
        addresses.ipaddr, addresses.ipv4, addresses.ipv6, addresses.ipwrap, addresses.ipsubnet, addresses.nthhost,
        addresses.ipmath, addresses.network_in_network, addresses.network_in_usable, addresses.reduce_on_network,
        addresses.usable_range, addresses.cidr_merge)},
}
