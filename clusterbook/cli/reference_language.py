"""The reference of the language: keywords as schemas describe them, the table of precedence, words of expressions."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from clusterbook.language.environment import CORE, new_environment
from clusterbook.language.filters import COMMUNITY_FILTERS, FILTERS
from clusterbook.language.functions import FUNCTIONS
from clusterbook.language.local_words import COMPUTING_FILTERS, READING_FILTERS, READING_TESTS, TEST_ALIASES
from clusterbook.language.lookups import ARRANGING, LOCAL_LOOKUPS, NAMING
from clusterbook.language.tests import TESTS
from clusterbook.lint.variables import MAGIC
from clusterbook.modules.flow import META_WORDS
from clusterbook.schema.files import resolve
from clusterbook.variables import ABOUT, PRECEDENCE

# Keywords of Ansible's that are refused with a clear error, and why.
NOT_SUPPORTED: Mapping[str, str] = {
    "become_flags": "`ansible_become_flags` of a host is heeded; a play has no flags of its own",
    "debugger": "no debugger stops in a task; `clusterbook report` shows what every step got and gave",
    "fact_path": "local facts are read from /etc/ansible/facts.d",
}
_PARTS = (
    ("Plays", "playbook.schema.json", "$defs/play/else"),
    ("Roles of a play", "playbook.schema.json", "$defs/roleUse/anyOf/1"),
    ("Blocks", "tasks.schema.json", "$defs/block"),
    ("Tasks", "tasks.schema.json", "$defs/task"),
    ("Loops: `loop_control`", "tasks.schema.json", "$defs/loopControl"),
)
_LANGUAGE = """# The language

Playbooks, roles and inventories are Ansible's, of the 2.19 line. Below is every keyword that is understood, from the
schemas that every file is checked against, so this page cannot promise more than the program does; a word that is not
here is refused before a connection, with the nearest one that is. [Modules](modules.md), [expressions](expressions.md)
and [vaults](vault.md) have pages of their own; [coming from Ansible](coming-from-ansible.md) says what is different on
purpose.
"""
_EXPRESSIONS = """# Expressions: filters, tests, lookups

Expressions are Jinja2, evaluated on the host in a sandbox, with native types; an undefined name is an error. All
filters, tests and lookups of ansible-core are here, by their short name and as `ansible.builtin.NAME`; those of
collections are not, but for the ones listed. A name that does not exist is found before a connection.

Words marked *local* need the machine that clusterbook runs on: a library that hosts lack, or its files. A host asks for
their value, and is answered when the play itself makes that call; what a host says chooses nothing there, unless the
play's variable `clusterbook_lookups_with_values_of_hosts` allows it.
"""


def language_page() -> str:
    """docs/language.md."""
    lines = [_LANGUAGE]
    for title, file, pointer in _PARTS:
        lines += [f"## {title}\n", "| keyword | |\n|---|---|"]
        lines += [f"| `{name}` | {_cell(about)} |" for name, about in _keywords(file, pointer)]
        lines.append("")
    listen = resolve("tasks.schema.json", "$defs/handler")["properties"]["listen"]["description"]
    lines += [f"Handlers have the keywords of tasks, and `listen`: {listen[0].lower()}{listen[1:]}\n"]
    lines += ["`meta` takes " + ", ".join(f"`{word}`" for word in META_WORDS) + ".\n"]
    lines += ["## Not supported\n", "| keyword | why |\n|---|---|"]
    lines += [f"| `{name}` | {why} |" for name, why in sorted(NOT_SUPPORTED.items())]
    lines += ["", *_precedence(), *_magic()]
    return "\n".join(lines).rstrip() + "\n"


def _keywords(file: str, pointer: str) -> Iterator[tuple[str, str]]:
    """Keyword and what it does, sorted; loops over lookups as one line."""
    properties = resolve(file, pointer)["properties"]
    for name in sorted(properties):
        if not name.startswith("with_"):
            yield name, properties[name].get("description", "")
    loops = sorted(name for name in properties if name.startswith("with_"))
    if loops:
        yield "with_NAME", f"A loop over what a lookup gives, for every lookup ({len(loops)})."


def _precedence() -> Iterator[str]:
    yield "## Which variable wins\n"
    yield "The same name may be set in many places; the last one of this list that sets it wins."
    yield "`clusterbook explain NAME HOST` shows every place of a name with file and line, and which one counts.\n"
    yield "| | place | |\n|---|---|---|"
    for number, kind in enumerate(PRECEDENCE, 1):
        yield f"| {number} | {kind} | {ABOUT[kind]} |"
    yield ""


def _magic() -> Iterator[str]:
    yield "## Names that are always there\n"
    names = sorted(MAGIC - {"item", "environment"})
    yield ", ".join(f"`{name}`" for name in names) + ", and facts as `ansible_facts`.\n"


def expressions_page() -> str:
    """docs/expressions.md."""
    environment = new_environment()
    lines = [_EXPRESSIONS]
    local = {**COMPUTING_FILTERS, **READING_FILTERS}
    core = {name: _first_line(word) for name, word in FILTERS.items()}
    core.update({name: f"*local* {text}" for name, text in local.items() if "." not in name})
    lines += [*_table("Filters", core)]
    more = {name: _first_line(word) for name, word in COMMUNITY_FILTERS.items()}
    more.update({name: f"*local* {text}" for name, text in local.items() if "." in name})
    lines += [*_table("Filters of collections", more)]
    lines += [*_jinja("filters", environment.filters, {*core, *(name.rpartition(".")[2] for name in more)})]
    tests = {name: _first_line(word) for name, word in TESTS.items()}
    tests.update({name: f"*local* {text}" for name, text in READING_TESTS.items()})
    tests.update({name: f"*local* The same as `{same}`." for name, same in TEST_ALIASES.items()})
    lines += [*_table("Tests", tests), *_jinja("tests", environment.tests, tests)]
    lookups = {name: _first_line(word) for name, word in ARRANGING.items()} | dict(NAMING)
    lookups.update({name: f"*local* {text}" for name, text in LOCAL_LOOKUPS.items()})
    lines += ["Each lookup is also a loop: `with_NAME`.\n", *_table("Lookups", lookups)]
    lines += [*_table("Functions", {name: _first_line(word) for name, word in FUNCTIONS.items()})]
    return "\n".join(lines).rstrip() + "\n"


def _table(title: str, words: Mapping[str, str]) -> Iterator[str]:
    yield f"## {title}\n"
    yield "| name | |\n|---|---|"
    yield from (f"| `{name}` | {_cell(text)} |" for name, text in sorted(words.items()))
    yield ""


def _jinja(kind: str, words: Mapping[str, Any], ours: Iterable[str]) -> Iterator[str]:
    """Jinja2's own, by name alone: its documentation says what they do."""
    known = set(ours)
    names = sorted(name for name in words if "." not in name and name not in known and name[0].isalpha())
    yield f"Jinja2's own {kind}: " + ", ".join(f"`{name}`" for name in names) + ".\n"


def _first_line(word: object) -> str:
    return (inspect.getdoc(word) or "").partition("\n")[0]


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def every_word() -> frozenset[str]:
    """Every filter, test and lookup by its short name, to compare with what the page lists."""
    environment = new_environment()
    found = {*environment.filters, *environment.tests, *ARRANGING, *NAMING, *LOCAL_LOOKUPS}
    return frozenset(name.removeprefix(CORE) for name in found)
