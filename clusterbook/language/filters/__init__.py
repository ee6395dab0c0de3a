"""Filters, by the names and meaning of Ansible's. Jinja2's own filters come with the environment."""

from __future__ import annotations

import datetime
import itertools
import os.path
import re
import shlex
from typing import Any

from clusterbook.language.bounds import bounded, power
from clusterbook.language.filters.data import (
    combine,
    dict2items,
    extract,
    flatten,
    items2dict,
    mandatory,
    seeded_random,
    seeded_shuffle,
    subelements,
    ternary,
    unique,
    without,
)
from clusterbook.language.filters.text import (
    b64decode,
    b64encode,
    comment,
    from_json,
    get_hash,
    human_readable,
    human_to_bytes,
    path_join,
    regex_findall,
    regex_replace,
    regex_search,
    splitext,
    strftime,
    to_bool,
    to_json,
    to_nice_json,
    to_uuid,
    url_split,
)

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
    "difference": without,
    "symmetric_difference": lambda low, high: [*without(low, high), *without(high, low)],
    "zip": lambda *lists: [list(items) for items in zip(*lists)],
    "zip_longest": lambda *lists, fillvalue=None: [
        list(items) for items in itertools.zip_longest(*lists, fillvalue=fillvalue)],
    "product": lambda *lists, repeat=1: bounded(itertools.product(*lists, repeat=repeat)),
    "permutations": lambda value, count=None: bounded(itertools.permutations(value, count)),
    "combinations": lambda value, count: bounded(itertools.combinations(value, count)),
    "to_uuid": to_uuid,
    "type_debug": lambda value: type(value).__name__, "urlsplit": url_split,
    "random": seeded_random, "shuffle": seeded_shuffle,
    "human_to_bytes": human_to_bytes, "human_readable": human_readable,
    "strftime": strftime,
    "to_datetime": lambda value, form="%Y-%m-%d %H:%M:%S": datetime.datetime.strptime(value, form),
    "pow": power,
}
