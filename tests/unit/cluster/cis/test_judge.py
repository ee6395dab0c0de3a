"""A host is judged by real files of this machine, and by the arguments that its programs were given."""

from __future__ import annotations

import os
import pwd
from pathlib import Path
from typing import Any

import pytest
import testinfra

from clusterbook.cluster.cis.controls import Control
from clusterbook.cluster.cis.judge import Judge

OWNER = f"{pwd.getpwuid(os.getuid()).pw_name}:{pwd.getpwuid(os.getuid()).pw_name}"


def wrong(variables: dict[str, Any] | None = None, **rules: Any) -> str:
    """What is wrong on this machine by one control."""
    control = Control(id="1", title="one", hosts="node", **rules)
    return Judge(testinfra.get_host("local://"), variables or {}).wrong(control)


def given(arguments: dict[str, str], **rules: Any) -> str:
    """What is wrong when a unit's program was given these arguments."""
    judge = Judge(testinfra.get_host("local://"), {})
    judge._arguments["api"] = arguments
    return judge.wrong(Control(id="1", title="one", hosts="node", unit="api", **rules))


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    """A file that its owner alone may read, with a name that a shell would part."""
    file = tmp_path / "a b.key"
    file.write_text("x")
    file.chmod(0o600)
    return file


def test_a_file_with_no_more_than_the_mode_is_well(closed: Path) -> None:
    assert wrong(files=[str(closed)], mode="600") == ""
    assert wrong(files=[str(closed)], mode="644") == ""
    assert wrong(files=[str(closed.parent / "*.key")], mode="600") == ""
    assert wrong({"folder": str(closed.parent)}, files=["{folder}/*.key"], mode="600") == ""


def test_a_file_that_is_more_open_is_told_with_mode_and_owner(closed: Path) -> None:
    closed.chmod(0o640)
    assert wrong(files=[str(closed)], mode="600") == f"{closed} is 640 {OWNER}"
    assert wrong(files=[str(closed)], owner="nobody:nogroup") == f"{closed} is 640 {OWNER}"
    assert wrong(files=[str(closed)], owner=OWNER) == ""


def test_of_many_open_files_some_are_named_and_the_others_counted(tmp_path: Path) -> None:
    for number in range(5):
        (tmp_path / f"{number}.key").write_text("x")
        (tmp_path / f"{number}.key").chmod(0o644)
    assert wrong(files=[f"{tmp_path}/*.key"], mode="600").endswith(f"2.key is 644 {OWNER}; and 2 more")


def test_a_file_that_is_not_there_is_wrong(tmp_path: Path) -> None:
    assert wrong(files=[f"{tmp_path}/*.key"], mode="600") == f"{tmp_path}/*.key: not there"
    assert wrong(file=f"{tmp_path}/x", settings={"a": 1}) == f"{tmp_path}/x: not there"
    assert wrong(file=f"{tmp_path}/x", lines=["a"]) == f"{tmp_path}/x has no line 'a'"
    assert wrong(differ=[f"{tmp_path}/x", f"{tmp_path}/y"]) == f"{tmp_path}/x or {tmp_path}/y: not there"


def test_settings_are_found_by_their_way_and_compared_with_their_kind(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("authentication:\n  anonymous:\n    enabled: false\nport: 0\nlimit: 40\n")
    assert wrong(file=str(file), settings={"authentication.anonymous.enabled": False, "port": 0}) == ""
    assert wrong(file=str(file), settings={"authentication.anonymous.enabled": True}).endswith("enabled is False")
    assert wrong(file=str(file), settings={"port": False}) == "port is 0"
    assert wrong(file=str(file), settings={"authentication.webhook": 1}) == "authentication.webhook is not set"
    assert wrong(file=str(file), least={"limit": 40}) == ""
    assert wrong(file=str(file), least={"limit": 41}) == "limit is 40"
    assert wrong(file=str(file), lines=["^port: 0$"]) == ""


def test_a_file_of_a_host_is_data_and_makes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(f"a: !!python/object/apply:os.mkdir [{tmp_path}/made]\n")
    assert wrong(file=str(file), settings={"a": 1}) == f"{file}: not there"
    assert not (tmp_path / "made").exists()


def test_two_files_must_differ(tmp_path: Path, closed: Path) -> None:
    (tmp_path / "same").write_text("x")
    (tmp_path / "other").write_text("y")
    assert wrong(differ=[str(closed), str(tmp_path / "other")]) == ""
    assert wrong(differ=[str(closed), str(tmp_path / "same")]) == f"{closed} and {tmp_path}/same are the same"


@pytest.mark.parametrize(
    ("rules", "found"),
    [
        ({"present": ["--audit", "--key"]}, "--key is not given"),
        ({"absent": ["--token", "--audit"]}, "--audit is given"),
        ({"equals": {"--audit": "/log", "--profiling": "false"}}, "--profiling is true"),
        ({"equals": {"--key": "x"}}, "--key is not given"),
        ({"least": {"--age": 30}}, "--age is 29"),
        ({"least": {"--size": 1}}, "--size is not given"),
        ({"includes": {"--mode": ["RBAC", "Web"]}}, "--mode has no Web"),
        ({"excludes": {"--mode": ["Node"], "--other": ["x"]}}, "--mode has Node"),
        ({"absent": ["--token"], "least": {"--age": 29}, "includes": {"--mode": ["RBAC"]}}, ""),
    ],
)
def test_arguments_are_judged_by_each_rule(rules: dict[str, Any], found: str) -> None:
    arguments = {"--audit": "/log", "--profiling": "true", "--age": "29", "--mode": "Node,RBAC"}
    assert given(arguments, **rules) == found


def test_a_unit_that_does_not_run_fails_every_control() -> None:
    assert given({}, absent=["--token"]) == "api does not run"
