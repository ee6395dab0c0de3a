"""Host patterns and --limit."""

from __future__ import annotations

from pathlib import Path

import pytest

from clusterbook.errors import InvalidInput
from clusterbook.inventory import load, match, match_limit, matcher
from clusterbook.inventory.patterns import split
from clusterbook.model import Inventory


@pytest.fixture
def inventory(tmp_path: Path) -> Inventory:
    """Three control planes, two workers, etcd beside the control planes."""
    path = tmp_path / "lab.yml"
    path.write_text(
        "all: {children: {control_plane: {hosts: {'cp-[1:3]': }}, worker: {hosts: {'w-[1:2]': }}, "
        "etcd: {children: {control_plane: }}, empty: }}"
    )
    return load(path)


@pytest.mark.parametrize(
    ("pattern", "hosts"),
    [
        ("all", "cp-1 cp-2 cp-3 w-1 w-2"),
        ("*", "cp-1 cp-2 cp-3 w-1 w-2"),
        ("worker", "w-1 w-2"),
        ("worker:control_plane", "w-1 w-2 cp-1 cp-2 cp-3"),
        ("w-2,cp-1", "w-2 cp-1"),
        ("all:!etcd", "w-1 w-2"),
        ("!worker:all", "cp-1 cp-2 cp-3"),
        ("!cp-1", "cp-2 cp-3 w-1 w-2"),
        ("all:&etcd:!cp-2", "cp-1 cp-3"),
        ("cp-*", "cp-1 cp-2 cp-3"),
        ("work*", "w-1 w-2"),
        ("?-2", "w-2"),
        ("~(w|cp)-2", "cp-2 w-2"),
        ("control_plane[0]", "cp-1"),
        ("control_plane[-1]", "cp-3"),
        ("control_plane[0:1]", "cp-1 cp-2"),
        ("control_plane[0-1]", "cp-1 cp-2"),
        ("control_plane[1:]", "cp-2 cp-3"),
        ("control_plane[7]", ""),
        ("empty", ""),
        ("nothing_like_it", ""),
        ("localhost", "localhost"),
    ],
)
def test_a_pattern_chooses_its_hosts_in_the_order_of_the_pattern(
    inventory: Inventory, pattern: str, hosts: str
) -> None:
    assert match(inventory, pattern) == hosts.split()


def test_an_address_with_colons_is_one_name() -> None:
    assert split("fe80::1") == ["fe80::1"]
    assert split("a:b[0:2]:!c") == ["a", "b[0:2]", "!c"]


def test_a_slip_in_a_name_is_an_error_with_the_nearest_name(inventory: Inventory) -> None:
    with pytest.raises(InvalidInput) as caught:
        match(inventory, "control_plane:wroker")
    assert caught.value.message == "there is no host or group 'wroker' in the inventory; did you mean 'worker'?"
    assert caught.value.next_step == (
        "Groups are: all, control_plane, worker, etcd, empty. Hosts are: cp-1, cp-2, cp-3, w-1, w-2."
    )


def test_a_wrong_regular_expression_is_an_error(inventory: Inventory) -> None:
    with pytest.raises(InvalidInput, match=r"'~\(' is not a regular expression: missing \)"):
        match(inventory, "~(")


def test_every_name_of_a_limit_must_exist(inventory: Inventory) -> None:
    assert match_limit(inventory, "w-1,etcd") == ["w-1", "cp-1", "cp-2", "cp-3"]
    with pytest.raises(InvalidInput, match="there is no host or group 'nothing_like_it'"):
        match_limit(inventory, "nothing_like_it")


def test_a_limit_can_be_read_from_a_file(inventory: Inventory, tmp_path: Path) -> None:
    file = tmp_path / "retry"
    file.write_text("# failed\ncp-2\n\nw-1\n")
    assert match_limit(inventory, f"@{file}") == ["cp-2", "w-1"]
    with pytest.raises(InvalidInput, match="there is no such file"):
        match_limit(inventory, f"@{file}.none")


def test_a_limit_narrows_each_play(inventory: Inventory) -> None:
    chosen = matcher(inventory, "cp-1:w-1")
    assert chosen("worker") == ["w-1"]
    assert chosen("etcd") == ["cp-1"]
    assert matcher(inventory)("worker") == ["w-1", "w-2"]


def test_a_directory_is_no_limit(inventory: Inventory, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="must be a file, not a directory"):
        match_limit(inventory, f"@{tmp_path}")
