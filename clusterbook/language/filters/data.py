"""Filters of mappings, and of the values themselves."""

from __future__ import annotations

from typing import Any, Iterable, List, Mapping, Optional

from jinja2.runtime import Undefined
from jinja2.utils import pass_environment

from clusterbook.language.filters.errors import FilterError
from clusterbook.language.filters.sets import distinct

_MERGES = ("replace", "keep", "append", "prepend", "append_rp", "prepend_rp")


def combine(*values: Any, recursive: bool = False, list_merge: str = "replace") -> dict[Any, Any]:
    """Mappings merged, the later wins. recursive: inner mappings are merged; list_merge: what becomes of lists."""
    if list_merge not in _MERGES:
        raise FilterError(f"list_merge is {list_merge!r}, expected one of {', '.join(_MERGES)}")
    merged: dict[Any, Any] = {}
    for part in flatten(list(values)):
        if not isinstance(part, Mapping):
            raise FilterError(f"combine needs mappings, got {type(part).__name__}")
        merged = _merge(merged, part, recursive, list_merge)
    return merged


def _merge(low: Mapping[Any, Any], high: Mapping[Any, Any], recursive: bool, list_merge: str) -> dict[Any, Any]:
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


def flatten(value: Any, levels: Optional[int] = None, skip_nulls: bool = True) -> list[Any]:
    """One list of what stands in lists within lists."""
    flat: list[Any] = []
    for item in value:
        if skip_nulls and item in (None, "None", "null"):
            continue
        if isinstance(item, (list, tuple)) and (levels is None or levels > 0):
            flat.extend(flatten(list(item), None if levels is None else levels - 1, skip_nulls))
        else:
            flat.append(item)
    return flat


def dict2items(value: Any, key_name: str = "key", value_name: str = "value") -> list[dict[str, Any]]:
    """The entries of a mapping as a list of {key, value}."""
    if not isinstance(value, Mapping):
        raise FilterError(f"dict2items needs a mapping, got {type(value).__name__}")
    return [{key_name: key, value_name: item} for key, item in value.items()]


def items2dict(value: Any, key_name: str = "key", value_name: str = "value") -> dict[Any, Any]:
    """A mapping of a list of {key, value}."""
    if isinstance(value, (str, Mapping)) or not hasattr(value, "__iter__"):
        raise FilterError(f"items2dict needs a list, got {type(value).__name__}")
    try:
        return {item[key_name]: item[value_name] for item in value}
    except KeyError as error:
        raise FilterError(f"items2dict needs items with {key_name!r} and {value_name!r}; one has no {error}") from error
    except TypeError as error:
        raise FilterError(f"items2dict needs a list of mappings: {error}") from error


def rekey_on_member(data: Any, key: str, duplicates: str = "error") -> dict[Any, Any]:
    """The mappings of a list (or the values of a mapping) by one of their members."""
    if duplicates not in ("error", "overwrite"):
        raise FilterError(f"duplicates parameter to rekey_on_member has unknown value {duplicates!r}")
    if isinstance(data, str) or not hasattr(data, "__iter__"):
        raise FilterError(f"Type is not a valid list, set, or dict: {type(data).__name__}")
    found: dict[Any, Any] = {}
    for item in data.values() if isinstance(data, Mapping) else data:
        if not isinstance(item, Mapping):
            raise FilterError(f"List item is not a valid dict: {type(item).__name__}")
        if key not in item:
            raise FilterError(f"Key {key!r} was not found in an item of rekey_on_member")
        if item[key] in found and duplicates == "error":
            raise FilterError(f"Key {item[key]!r} is not unique, cannot convert to dict")
        found[item[key]] = item
    return found


@pass_environment
def extract(environment: Any, key: Any, container: Any, morekeys: Any = None) -> Any:
    """container[key], then each of morekeys inside it."""
    keys = [key] if morekeys is None else [key, *(morekeys if isinstance(morekeys, list) else [morekeys])]
    value = container
    for part in keys:
        value = environment.getitem(value, part)
    return value


def subelements(value: Any, subelement: Any, skip_missing: bool = False) -> list[list[Any]]:
    """Pairs of each element and each member of its list `subelement`."""
    if not isinstance(value, (list, Mapping)):
        raise FilterError(f"subelements needs a list or a mapping, got {type(value).__name__}")
    if not isinstance(subelement, (str, list, tuple)):
        raise FilterError("the name of the subelement is text or a list of names")
    names = subelement.split(".") if isinstance(subelement, str) else list(subelement)
    pairs: list[list[Any]] = []
    for element in value.values() if isinstance(value, Mapping) else value:
        pairs.extend([element, item] for item in _members(element, names, skip_missing))
    return pairs


def _members(element: Any, names: List[str], skip_missing: bool) -> list[Any]:
    inner = element
    for name in names:
        if not isinstance(inner, Mapping):
            raise FilterError(f"a mapping with {name!r} is needed, got {type(inner).__name__}")
        if name not in inner:
            if skip_missing:
                return []
            raise FilterError(f"could not find {name!r} in an element")
        inner = inner[name]
    if not isinstance(inner, (list, tuple)):
        raise FilterError(f"{'.'.join(names)!r} is no list")
    return list(inner)


def mandatory(value: Any, msg: Optional[str] = None) -> Any:
    """The value, or an error when it is undefined."""
    if isinstance(value, Undefined):
        raise FilterError(msg or f"Mandatory variable '{value._undefined_name}' not defined.")
    return value


def ternary(value: Any, true_val: Any, false_val: Any, none_val: Any = None) -> Any:
    """true_val when the value is true, else false_val; none_val for nothing when it is given."""
    if value is None and none_val is not None:
        return none_val
    return true_val if bool(value) else false_val


def type_debug(value: Any) -> str:
    """The name of the value's type."""
    return "UndefinedMarker" if isinstance(value, Undefined) else type(value).__name__


def groupby_as_dict(value: Iterable[Mapping[str, Any]], attribute: str) -> dict[Any, Any]:
    """The mappings of a list by one of their members, which is there once."""
    return rekey_on_member(list(value), attribute)


def counter(value: Iterable[Any]) -> dict[Any, int]:
    """How often each item is there."""
    items = list(value)
    return {item: items.count(item) for item in distinct(items)}


def dict_of_pairs(value: Iterable[Any]) -> dict[Any, Any]:
    """A mapping of a list of pairs."""
    return dict(value)
