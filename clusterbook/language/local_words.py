"""Filters and tests that the local machine evaluates: they need a library that hosts lack, or its files.

A host asks for the value. What only computes is always answered; what reads the local machine (its files, its
environment) is answered when the compiled play itself makes that call.
"""

from __future__ import annotations

from typing import Any, Callable, Mapping, Sequence

from clusterbook.language.filters.passwords import hashed_here

# Filter -> what it gives, for the documentation. They compute only.
COMPUTING_FILTERS = {
    "from_yaml": "The data of YAML.",
    "from_yaml_all": "The data of each document of a YAML text.",
    "password_hash": "The password as /etc/shadow and web servers hold it.",
    "to_nice_yaml": "YAML for people: indented, never in braces.",
    "to_yaml": "YAML.",
    "unvault": "The text that ansible-vault encrypted; a password is the argument.",
    "vault": "The text as ansible-vault encrypts it; a password is the argument.",
    "community.general.json_query": "What a JMESPath query finds in the data.",
    "community.general.to_nice_yaml": "YAML for people, indented by two.",
    "community.general.to_yaml": "YAML.",
}
# These read the local machine.
READING_FILTERS = {
    "expanduser": "A path with ~ replaced by the home directory on the local machine.",
    "expandvars": "A text with $NAME replaced from the local machine's environment.",
    "fileglob": "The files of the local machine that match a pattern.",
    "realpath": "The path with links of the local machine followed.",
}
READING_TESTS = {
    "directory": "The path is a directory of the local machine.",
    "exists": "The path exists on the local machine.",
    "file": "The path is a file of the local machine.",
    "link": "The path is a symbolic link of the local machine.",
    "link_exists": "The path exists on the local machine, a link need not lead anywhere.",
    "mount": "The path is a mount point of the local machine.",
    "same_file": "Both paths are the same file of the local machine.",
    "vaulted_file": "The file of the local machine is one that ansible-vault encrypted.",
}
TEST_ALIASES = {"is_dir": "directory", "is_file": "file", "is_link": "link", "is_mount": "mount",
                "is_same_file": "same_file"}

# The default of the lookup `env` where a play gives an undefined one: the environment holds texts alone.
NOT_SET = False

# local(kind, name, arguments, options) -> value; kind: filter, test or lookup
Local = Callable[[str, str, Sequence[Any], Mapping[str, Any]], Any]


class NoLocalMachine(Exception):
    """An expression needs the local machine where none can be asked."""


def nobody(kind: str, name: str, arguments: Sequence[Any], options: Mapping[str, Any]) -> Any:
    """A Local that cannot answer."""
    raise NoLocalMachine(f"the {kind} {name!r} needs the local machine, which cannot be asked here")


def local_filters(local: Local) -> dict[str, Callable[..., Any]]:
    """The filters as functions that ask."""
    found = {name: _asking(local, "filter", name) for name in (*COMPUTING_FILTERS, *READING_FILTERS)}
    found["password_hash"] = _password_hash(local)
    return found


def local_tests(local: Local) -> dict[str, Callable[..., Any]]:
    """The tests as functions that ask."""
    found = {name: _asking(local, "test", name) for name in READING_TESTS}
    found.update({alias: found[name] for alias, name in TEST_ALIASES.items()})
    return found


def _asking(local: Local, kind: str, name: str) -> Callable[..., Any]:
    def ask(*arguments: Any, **options: Any) -> Any:
        return local(kind, name, arguments, options)

    return ask


def _password_hash(local: Local) -> Callable[..., Any]:
    def password_hash(*arguments: Any, **options: Any) -> Any:
        found = hashed_here(*arguments, **options)
        return local("filter", "password_hash", arguments, options) if found is None else found

    return password_hash
