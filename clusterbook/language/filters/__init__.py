"""Filters by the names and meaning of Ansible's. Jinja2's own come with the environment.

A filter that needs a library or the local machine's files is not here: `language/local_words.py` names those.
"""

from __future__ import annotations

from typing import Any

from clusterbook.language.filters import data, json_text, numbers, paths, sets, texts
from clusterbook.language.filters.common import COMMUNITY

FILTERS: dict[str, Any] = {
    "b64decode": texts.b64decode, "b64encode": texts.b64encode, "bool": texts.to_bool, "checksum": texts.sha1,
    "comment": texts.comment, "hash": texts.digest, "md5": texts.md5, "quote": texts.quote,
    "regex_escape": texts.regex_escape, "regex_findall": texts.regex_findall, "regex_replace": texts.regex_replace,
    "regex_search": texts.regex_search, "sha1": texts.sha1, "split": texts.split, "strftime": texts.strftime,
    "to_datetime": texts.to_datetime, "to_uuid": texts.to_uuid,
    "from_json": json_text.from_json, "to_json": json_text.to_json, "to_nice_json": json_text.to_nice_json,
    "basename": paths.basename, "commonpath": paths.commonpath, "dirname": paths.dirname, "normpath": paths.normpath,
    "path_join": paths.path_join, "relpath": paths.relpath, "splitext": paths.splitext,
    "urldecode": paths.urldecode, "urlsplit": paths.urlsplit_parts, "win_basename": paths.win_basename,
    "win_dirname": paths.win_dirname, "win_splitdrive": paths.win_splitdrive,
    "human_readable": numbers.human_readable, "human_to_bytes": numbers.human_to_bytes, "log": numbers.logarithm,
    "pow": numbers.power, "random": numbers.seeded_random, "root": numbers.root, "shuffle": numbers.seeded_shuffle,
    "combinations": sets.combinations, "difference": sets.difference, "intersect": sets.intersect,
    "max": sets.largest, "min": sets.smallest, "permutations": sets.permutations, "product": sets.product,
    "symmetric_difference": sets.symmetric_difference, "union": sets.union, "unique": sets.unique,
    "zip": sets.zipped, "zip_longest": sets.zipped_longest,
    "combine": data.combine, "dict2items": data.dict2items, "extract": data.extract, "flatten": data.flatten,
    "items2dict": data.items2dict, "mandatory": data.mandatory, "rekey_on_member": data.rekey_on_member,
    "subelements": data.subelements, "ternary": data.ternary, "type_debug": data.type_debug,
}
# Taken from the packages that they come from, under their full names and, where that is free, the last part of it.
COMMUNITY_FILTERS: dict[str, Any] = COMMUNITY
