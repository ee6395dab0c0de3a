"""`lookup()`, `query()` and `with_*`: those that only arrange values are answered here, others by the local machine."""

from __future__ import annotations

import itertools
import random
import re
from typing import Any, Callable, List, Mapping, Optional, Sequence

from jinja2.runtime import Undefined
from jinja2.utils import missing, pass_context

from clusterbook.language.bounds import bounded
from clusterbook.language.environment import ExpressionError, UndefinedName
from clusterbook.language.filters.data import flatten
from clusterbook.language.local_words import NOT_SET, Local
from clusterbook.language.sequences import sequence

Terms = Sequence[Any]
Options = Mapping[str, Any]
Values = List[Any]
Resolve = Callable[[str], Any]
# The options that `lookup` itself takes away.
_OWN_OPTIONS = ("errors", "wantlist")


class LookupFailed(ExpressionError):
    """A lookup could not give its values. Its own errors option decides what becomes of that."""


def _flat(items: Any) -> Values:
    return [part for item in items for part in (item if isinstance(item, (list, tuple)) else [item])]


def items(terms: Terms, options: Options) -> Values:
    """The items of lists, one level flattened."""
    return _flat(terms)


def as_list(terms: Terms, options: Options) -> Values:
    """The values as they are."""
    return list(terms)


def entries(terms: Terms, options: Options) -> Values:
    """The entries of mappings as {key, value}."""
    found: Values = []
    for term in terms:
        if not isinstance(term, Mapping):
            raise LookupFailed(f"the 'dict' lookup plugin expects a dictionary, got {type(term).__name__}")
        found.extend({"key": key, "value": value} for key, value in term.items())
    return found


def nested(terms: Terms, options: Options) -> Values:
    """Every combination of one item of each list."""
    if not terms:
        raise LookupFailed("lookup 'nested' needs at least one list")
    parts = [term if isinstance(term, (list, tuple)) else [term] for term in terms]
    return [_flat(combination) for combination in bounded(itertools.product(*parts))]


def together(terms: Terms, options: Options) -> Values:
    """The first items of the lists, the second items, and so on; shorter lists are filled with nothing."""
    if not terms:
        raise LookupFailed("with_together requires at least one element in each list")
    parts = [term if isinstance(term, (list, tuple)) else [term] for term in terms]
    return [_flat(combination) for combination in itertools.zip_longest(*parts)]


def indexed_items(terms: Terms, options: Options) -> Values:
    """Pairs of number and item."""
    return [[index, item] for index, item in enumerate(_flat(terms))]


def flattened(terms: Terms, options: Options) -> Values:
    """The items of lists within lists."""
    return flatten(list(terms))


def random_choice(terms: Terms, options: Options) -> Values:
    """One of the values, by chance."""
    return [random.SystemRandom().choice(list(terms))] if terms else []


def subelements(terms: Terms, options: Options) -> Values:
    """Pairs of each mapping and each item of a list inside it. A further {skip_missing: true} passes over the rest."""
    _check_subelements(terms)
    elements, path = terms[0], terms[1].split(".")
    flags = terms[2] if len(terms) > 2 else options
    pairs: Values = []
    if isinstance(elements, Mapping) and elements.get("skipped"):
        return pairs
    for element in elements.values() if isinstance(elements, Mapping) else elements:
        if isinstance(element, Mapping) and element.get("skipped"):
            continue
        inner = _inside(element, path, str(flags.get("skip_missing", "")).lower() in ("true", "yes", "1", "on"))
        pairs.extend([_without(element, path), item] for item in inner)
    return pairs


def _check_subelements(terms: Terms) -> None:
    """Refuse what are no elements. The words are Ansible's where playbooks compare them."""
    if len(terms) not in (2, 3):
        raise LookupFailed(f"lookup 'subelements' expects a list of two or three items, got {len(terms)}")
    if not isinstance(terms[0], (list, tuple, Mapping)):
        raise LookupFailed(f"lookup 'subelements' expects first a dict or a list, got {type(terms[0]).__name__}")
    if not isinstance(terms[1], str):
        raise LookupFailed(f"lookup 'subelements' expects second a string, got {type(terms[1]).__name__}")
    if len(terms) == 3 and not isinstance(terms[2], Mapping):
        raise LookupFailed("lookup 'subelements': the optional third item must be a dict with skip_missing")


def _inside(element: Any, path: List[str], skip_missing: bool) -> Values:
    inner = element
    for name in path:
        if not isinstance(inner, Mapping) or name not in inner:
            if skip_missing:
                return []
            if not isinstance(inner, Mapping):
                raise LookupFailed(f"lookup 'subelements': what is above {name!r} should point to a dictionary")
            raise LookupFailed(f"lookup 'subelements': could not find {name!r} key in iterated item")
        inner = inner[name]
    if not isinstance(inner, (list, tuple)):
        if skip_missing and inner is None:
            return []
        raise LookupFailed(f"lookup 'subelements': {'.'.join(path)!r} should point to a list")
    return list(inner)


def _without(element: Mapping[str, Any], path: List[str]) -> dict[str, Any]:
    """The element without the list: it would be there once for each of its items."""
    copy = dict(element)
    if len(path) == 1:
        copy.pop(path[0])
    else:
        copy[path[0]] = _without(copy[path[0]], path[1:])
    return copy


ARRANGING: Mapping[str, Callable[[Terms, Options], Values]] = {
    "dict": entries, "flattened": flattened, "indexed_items": indexed_items, "items": items, "list": as_list,
    "nested": nested, "cartesian": nested, "random_choice": random_choice, "sequence": sequence,
    "subelements": subelements, "together": together,
}
# Name -> what it gives, for the documentation and for finding a misspelt one.
NAMING = {"vars": "The values of variables by their names.",
          "varnames": "The names of variables that match regular expressions."}
LOCAL_LOOKUPS = {
    "config": "Settings of Ansible's: what the environment says, else their defaults.",
    "csvfile": "A field of a CSV file of the local machine.",
    "env": "Variables of the local machine's environment.",
    "file": "Contents of files of the local machine.",
    "fileglob": "Files of the local machine that match a pattern.",
    "first_found": "The first file of the local machine that exists.",
    "ini": "A value of an INI or properties file of the local machine.",
    "inventory_hostnames": "Hosts of the inventory that match a pattern.",
    "lines": "The lines that a program of the local machine prints.",
    "password": "A password that is made by chance the first time and kept in a file of the local machine.",
    "pipe": "What a command of the local machine prints.",
    "template": "A rendered template file of the local machine.",
    "unvault": "Contents of encrypted files of the local machine.",
    "url": "What a URL gives, fetched by the local machine.",
}
# Known, and not done: name -> why.
NOT_SUPPORTED: Mapping[str, str] = {}


def every_lookup() -> frozenset[str]:
    """The short names of all lookups."""
    return frozenset({*ARRANGING, *NAMING, *LOCAL_LOOKUPS})


def short_name(name: Any) -> str:
    """The name without its collection."""
    return str(name).rpartition(".")[2]


class Lookups:
    """The functions `lookup`, `query` and `q` of one interpreter."""

    def __init__(
        self, local: Local, names: Callable[[], Sequence[str]], template: Callable[[str, Options, Resolve], Any],
        warn: Callable[[str], None],
    ) -> None:
        """names() gives every variable's name; template renders a file; warn tells the person something."""
        self._local = local
        self._names = names
        self._template = template
        self._warn = warn

    def functions(self) -> dict[str, Any]:
        """As globals of expressions."""

        @pass_context
        def lookup(context: Any, kind: str, *terms: Any, **options: Any) -> Any:
            if options.get("wantlist"):
                return self.values(kind, terms, options, context.resolve_or_missing)
            values = self._guarded(kind, terms, options, context.resolve_or_missing)
            if values is None or len(values) == 1:
                return values[0] if values else None
            joined = bool(values) and all(isinstance(value, str) for value in values)
            return ",".join(values) if joined else values

        @pass_context
        def query(context: Any, kind: str, *terms: Any, **options: Any) -> Values:
            return self.values(kind, terms, options, context.resolve_or_missing)

        return {"lookup": lookup, "query": query, "q": query}

    def values(self, kind: str, terms: Terms, options: Options, resolve: Resolve) -> Values:
        """The values as a list; of a failure that may be passed over, none."""
        return self._guarded(kind, terms, options, resolve) or []

    def _guarded(self, kind: str, terms: Terms, options: Options, resolve: Resolve) -> Optional[Values]:
        """None for a failure that the errors option lets pass."""
        errors = options.get("errors", "strict")
        if errors not in ("strict", "warn", "ignore"):
            raise ExpressionError(f"errors of lookup({kind!r}) is {errors!r}, expected strict, warn or ignore")
        own = {name: value for name, value in options.items() if name not in _OWN_OPTIONS}
        try:
            return self._found(short_name(kind), [_defined(term) for term in terms], own, resolve)
        except LookupFailed as failure:
            if errors == "strict":
                raise
            if errors == "warn":
                self._warn(failure.message)
            return None

    def _found(self, kind: str, terms: Values, options: Options, resolve: Resolve) -> Values:
        if kind in ARRANGING:
            return ARRANGING[kind](terms, options)
        if kind == "vars":
            return [_variable(term, options, resolve) for term in terms]
        if kind == "varnames":
            return [name for term in terms for name in _matching(term, self._names())]
        if kind == "template":
            return [self._template(str(term), options, resolve) for term in terms]
        if kind not in LOCAL_LOOKUPS:
            raise ExpressionError(f"there is no lookup {kind!r}")
        if kind == "env" and isinstance(options.get("default"), Undefined):
            return self._set_or_undefined(terms, options)
        return list(self._local("lookup", kind, terms, options))

    def _set_or_undefined(self, terms: Values, options: Options) -> Values:
        """Variables of the environment where a default that is undefined tells one that is not set."""
        found = self._local("lookup", "env", terms, {**options, "default": NOT_SET})
        return [options["default"] if value is NOT_SET else value for value in found]


def _matching(pattern: Any, names: Sequence[str]) -> Values:
    if not isinstance(pattern, str):
        raise LookupFailed(f"Invalid setting identifier {pattern!r}: lookup 'varnames' needs regular expressions")
    try:
        return [name for name in names if re.search(pattern, name)]
    except re.error as error:
        raise LookupFailed(f"Unable to use {pattern!r} as a regular expression: {error}") from error


def _variable(name: Any, options: Options, resolve: Resolve) -> Any:
    if not isinstance(name, str):
        raise LookupFailed(f"Variable name must be 'str' not {type(name).__name__!r}")
    value = resolve(name)
    if value is missing or isinstance(value, Undefined):
        if "default" in options:
            return options["default"]
        raise UndefinedName(f"No variable named {name!r} was found")
    return value


def _defined(term: Any) -> Any:
    if isinstance(term, Undefined):
        term._fail_with_undefined_error()
    return term
