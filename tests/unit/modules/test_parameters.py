"""Arguments: types, aliases, rules and the words of what is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from clusterbook.modules import registry
from clusterbook.modules.contract import ModuleFailed, Parameter
from clusterbook.modules.mode import mode_text, parse_mode
from clusterbook.modules.parameters import coerce, convert, problems


@pytest.mark.parametrize(
    ("kind", "given", "meant"),
    [
        ("bool", "yes", True), ("bool", "off", False), ("bool", 1, True), ("bool", "T", True), ("int", "12", 12),
        ("int", 3.0, 3), ("str", 5, "5"), ("str", True, "True"), ("str", [1], "[1]"), ("list", "a, b", ["a", "b"]),
        ("list", 3, ["3"]), ("dict", "a=1 b=2", {"a": "1", "b": "2"}), ("dict", '{"a": 1}', {"a": 1}),
        ("float", "1.5", 1.5), ("raw", {"a": 1}, {"a": 1}), ("path", "/a/b", "/a/b"),
    ],
)
def test_values_become_their_type(kind: str, given: Any, meant: Any) -> None:
    assert convert(Parameter(kind, ""), given) == meant


@pytest.mark.parametrize(
    ("module", "arguments", "message"),
    [
        ("service", {"name": "x", "enable": True, "state": "started"},
         "unknown parameter 'enable' in module 'ansible.builtin.service'"),
        ("file", {"state": "directory"}, "ansible.builtin.file: parameter 'path' is missing"),
        ("file", {"path": "/x", "state": "dir"},
         "state is 'dir', expected one of absent, directory, file, hard, link, touch"),
        ("wait_for", {"port": "http"}, "port is 'http', expected a whole number"),
        ("uri", {"url": "http://x", "headers": "abc"}, "headers is 'abc', expected a mapping"),
        ("systemd", {"name": "x", "enabled": "perhaps"}, "enabled is 'perhaps', expected true or false"),
        ("copy", {"dest": "/x", "src": "a", "content": "b"}, "src and content exclude each other"),
        ("copy", {"dest": "/x"}, "one of src, content is required"),
        ("sysctl", {"name": "a.b"}, "parameter 'value' is required when state is 'present'"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(module: str, arguments: dict[str, Any], message: str) -> None:
    table = registry.specification(str(registry.canonical(module)))
    assert problems(table, arguments) == [message]
    with pytest.raises(ModuleFailed):
        coerce(table, arguments)


def test_all_problems_are_found_together() -> None:
    table = registry.specification("ansible.builtin.file")
    assert len(problems(table, {"stat": 1, "recurse": "x"})) == 3


def test_a_value_known_only_later_is_not_judged() -> None:
    table = registry.specification("ansible.builtin.file")
    assert problems(table, {"path": "{{ p }}", "recurse": "{{ r }}"}, dynamic=lambda value: "{{" in str(value)) == []


def test_aliases_and_defaults_are_filled_in() -> None:
    ready = coerce(registry.specification("ansible.builtin.file"), {"dest": "/x", "_private": 1})
    assert (ready["path"], ready["recurse"], ready["follow"], ready["_private"]) == ("/x", False, True, 1)


@pytest.mark.parametrize(
    ("written", "now", "directory", "meant"),
    [
        ("0644", 0, False, "0644"), (0o755, 0, False, "0755"), ("1777", 0, False, "1777"),
        ("u=rwX,go=rX", 0o600, False, "0644"), ("u=rwX,go=rX", 0o600, True, "0755"),
        ("u=rwX,go=rX", 0o100, False, "0755"), ("g-w,o=", 0o666, False, "0640"), ("+x", 0o644, False, "0755"),
        ("a+x", 0o644, False, "0755"), ("u+s", 0o755, False, "4755"), ("g=u", 0o700, False, "0770"),
        ("ug+rw-x", 0o711, False, "0661"), ("+t", 0o777, True, "1777"),
    ],
)
def test_modes_are_read_as_chmod_reads_them(written: Any, now: int, directory: bool, meant: str) -> None:
    assert mode_text(parse_mode(written, now, directory, 0o022)) == meant


@pytest.mark.parametrize("written", ["rw", "u=rz", "999", 99999])
def test_a_mode_that_is_none_is_refused(written: Any) -> None:
    with pytest.raises(ModuleFailed):
        parse_mode(written, 0, False, 0)
