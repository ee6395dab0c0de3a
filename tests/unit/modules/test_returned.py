"""Each value that the reference lists is one that the module returns: here every one of the most used modules is seen.

That none is returned which is not listed is looked at wherever these tests run a module (conftest.py).
"""

from __future__ import annotations

import re
import tarfile
from pathlib import Path
from typing import Any

import pytest

from clusterbook.modules import registry
from clusterbook.modules.contract import Outcome
from clusterbook.schema.returned import COMMON, LACKING, RETURNED
from tests.unit.modules.conftest import Do, Web

Case = dict[str, Any]
CREATED = {"creates": "/"}


def cases(place: Path, sources: Path, address: str) -> dict[str, list[Case]]:
    """Module -> arguments of steps that together return everything; {} of a step is what went before."""
    file, tree = str(place / "file"), str(place / "tree")
    copied = {"dest": file, "backup": True}
    text = {"path": str(place / "text"), "create": True, "backup": True}
    fetched = {"dest": str(place / "got"), "force": True, "backup": True}
    key = "h ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEBQ4CdCxzKt9MFpHcQ9CvcdvxNf3m2Dz1x0i6Ks3mT5"
    pieces = {"src": tree, "dest": str(place / "all"), "backup": True}
    ini = {"path": str(place / "ini"), "section": "s", "option": "o", "backup": True}
    return {
        "command": [{"cmd": "true"}], "shell": [{"cmd": "true"}], "raw": [{"_raw_params": "true"}],
        "script": [{"cmd": "script"}],
        "copy": [{"content": "a", **copied}, {"content": "a", **copied}, {"content": "b", **copied}],
        "template": [{"src": "t", "_content": text, **copied} for text in ("a", "a", "c")],
        "file": [{"path": tree, "state": "directory"}, {"path": f"{tree}/a", "state": "touch"},
                 {"path": f"{tree}/link", "src": "a", "state": "link"}],
        "assemble": [pieces, pieces, {**pieces, "delimiter": "x", "src": str(sources)}],
        "blockinfile": [{**text, "block": "a"}, {**text, "block": "b"}, {"path": str(place), "block": "a"}],
        "lineinfile": [{**text, "line": "a"}, {**text, "line": "a", "state": "absent"},
                       {"path": str(place), "line": "a"}],
        "replace": [{"path": text["path"], "regexp": "b", "replace": "c", "backup": True}],
        "ini_file": [{**ini, "value": "a"}, {**ini, "value": "b"}],
        "stat": [{"path": file}], "find": [{"paths": tree}], "slurp": [{"src": file}, {"src": f"{file}.none"}],
        "tempfile": [{"path": str(place)}],
        "get_url": [{"url": f"{address}/a", **fetched}, {"url": f"{address}/b", **fetched},
                    {"url": f"{address}/none", **fetched}],
        "uri": [{"url": f"{address}/data.json", "return_content": True, "dest": str(place / "body")},
                {"url": f"{address}/a", **CREATED}],
        "unarchive": [{"src": "tree.tar", "dest": str(place), "list_files": True}],
        "archive": [{"path": tree, "dest": str(place / "tree.tgz")}],
        "wait_for": [{"path": file}],
        "known_hosts": [{"name": "h", "key": key, "path": str(place / "known")}],
        "authorized_key": [{"user": "root", "key": key[2:], "path": str(place / "keys")}],
        "getent": [{"database": "passwd", "key": "root"}], "ping": [{}],
        "group": [{"name": "root"}], "user": [{"name": "root"}],
    }


# What only a step returns that makes an account; their own tests run in a lab.
ELSEWHERE = {
    "user": {"create_home", "system", "groups", "password", "force", "remove", "ssh_key_file", "ssh_public_key",
             "ssh_fingerprint"},
    "uri": {"HEADER"},
}  # fmt: skip
MODULES = sorted(cases(Path(), Path(), ""))


@pytest.fixture
def prepared(place: Path, sources: Path, web: Web) -> dict[str, list[Case]]:
    """What the steps need: files of the local machine, of the host and of the server."""
    for name, content in (("a", "a"), ("b", "b"), ("data.json", "{}")):
        (web.root / name).write_text(content)
    (sources / "script").write_text("#!/bin/sh\n")
    (place / "tree").mkdir()
    (place / "tree/1").write_text("1")
    with tarfile.open(sources / "tree.tar", "w") as archive:
        archive.add(place / "tree", "tree")
    for name in ("file", "text"):
        (place / name).write_text("b\n")
    return cases(place, sources, web.address)


@pytest.mark.parametrize("name", MODULES)
def test_a_module_returns_every_value_that_is_listed(name: str, do: Do, prepared: dict[str, list[Case]]) -> None:
    done = [do(name, **arguments) for arguments in prepared[name]]
    listed = set(RETURNED[registry.canonical(name) or ""]) - ELSEWHERE.get(name, set())
    assert listed - returned(done) == set(), [one.message for one in done]


def returned(done: list[Outcome]) -> set[str]:
    """All that several steps return."""
    return {name for outcome in done for name in outcome.values}


def test_all_that_is_known_of_a_path_is_named(do: Do, place: Path) -> None:
    (place / "file").write_text("")
    (place / "link").symlink_to("file")
    found = {name for path in ("file", "link") for name in do("stat", path=str(place / path)).values["stat"]}
    options = {"get_mime", "get_attributes"}
    assert set(re.findall("`([a-z_]+)`", RETURNED["ansible.builtin.stat"]["stat"].description)) - options == found


def test_every_module_is_listed_and_no_other() -> None:
    assert set(RETURNED) == set(registry.names()) and set(LACKING) <= set(RETURNED)


def test_what_is_lacking_is_not_listed() -> None:
    assert [(name, key) for name, keys in LACKING.items() for key in keys if key in RETURNED[name]] == []


def test_what_every_result_has_is_listed_once() -> None:
    own = {name: set(values) & set(COMMON) for name, values in RETURNED.items()}
    assert {name: found for name, found in own.items() if found} == {
        name: {"results"} if "dnf" in name or name.endswith(("yum", "package")) else {"diff"}
        for name in own if own[name]
    }  # fmt: skip
