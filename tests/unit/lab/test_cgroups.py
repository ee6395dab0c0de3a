"""Which control group hierarchies a machine has, on either version."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from clusterbook.lab import cgroups

HYBRID = """\
tmpfs /sys/fs/cgroup tmpfs rw,relatime,mode=755 0 0
cgroup /sys/fs/cgroup/cpu cgroup rw,relatime,cpu 0 0
cgroup /sys/fs/cgroup/systemd cgroup rw,relatime,name=systemd 0 0
cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0
"""
UNIFIED = "cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid,nodev,noexec,relatime,nsdelegate 0 0\n"


def test_every_hierarchy_of_a_hybrid_machine_is_found() -> None:
    found = cgroups.parse(HYBRID)
    assert [(str(one.path), one.version) for one in found] == [
        ("/sys/fs/cgroup/cpu", 1),
        ("/sys/fs/cgroup/systemd", 1),
        ("/sys/fs/cgroup/unified", 2),
    ]
    assert cgroups.legacy(found)


def test_a_machine_with_version_two_alone_is_told_apart() -> None:
    found = cgroups.parse(UNIFIED)
    assert [(str(one.path), one.version) for one in found] == [("/sys/fs/cgroup", 2)]
    assert not cgroups.legacy(found)


def test_a_new_cpuset_takes_its_parent_s_processors_and_memory(tmp_path: Path) -> None:
    parent, child = tmp_path, tmp_path / "clusterbook"
    child.mkdir()
    for name in ("cpuset.effective_cpus", "cpuset.effective_mems"):
        (parent / name).write_text("0-1\n")
    (child / "cpuset.cpus").write_text("\n")
    (child / "cpuset.mems").write_text("7\n")
    cgroups.create("clusterbook", (cgroups.Hierarchy(tmp_path, 1, frozenset({"cpuset"})),))
    assert (child / "cpuset.cpus").read_text() == "0-1\n"
    assert (child / "cpuset.mems").read_text() == "7\n"


def test_version_two_controllers_are_handed_down_to_the_group(tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").write_text("cpu memory\n")
    (tmp_path / "cgroup.subtree_control").write_text("cpu\n")
    cgroups.create("clusterbook", (cgroups.Hierarchy(tmp_path, 2, frozenset()),))
    assert (tmp_path / "cgroup.subtree_control").read_text() == "+memory"


def test_a_program_is_started_inside_its_group(tmp_path: Path) -> None:
    group = tmp_path / "clusterbook" / "lab"
    group.mkdir(parents=True)
    command = cgroups.inside("clusterbook/lab", (cgroups.Hierarchy(tmp_path, 1, frozenset()),), ["echo", "a b", "--"])
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "a b --\n"
    assert (group / "cgroup.procs").read_text() == "0\n"


def test_members_are_read_from_the_group_and_all_below(tmp_path: Path) -> None:
    below = tmp_path / "clusterbook" / "lab" / "machine"
    below.mkdir(parents=True)
    (below.parent / "cgroup.procs").write_text("11\n0\n")
    (below / "cgroup.procs").write_text("12\n13\n")
    assert cgroups.members("clusterbook", (cgroups.Hierarchy(tmp_path, 1, frozenset()),)) == {11, 12, 13}


def test_removing_a_group_removes_what_is_below_and_parents_that_became_empty(tmp_path: Path) -> None:
    (tmp_path / "clusterbook" / "lab" / "machine" / "kubepods").mkdir(parents=True)
    (tmp_path / "other").mkdir()
    cgroups.remove("clusterbook/lab", (cgroups.Hierarchy(tmp_path, 1, frozenset()),))
    assert os.listdir(tmp_path) == ["other"]


def test_parents_that_hold_other_groups_stay(tmp_path: Path) -> None:
    (tmp_path / "clusterbook" / "lab" / "a").mkdir(parents=True)
    (tmp_path / "clusterbook" / "lab" / "b").mkdir()
    cgroups.remove("clusterbook/lab/a", (cgroups.Hierarchy(tmp_path, 1, frozenset()),))
    assert os.listdir(tmp_path / "clusterbook" / "lab") == ["b"]


def _weights(top: Path, name: str, **labs: int) -> None:
    """Groups as the kernel makes them: each with its default weight."""
    for lab in ("", *labs):
        (top / "clusterbook" / lab).mkdir(parents=True, exist_ok=True)
        (top / "clusterbook" / lab / name).write_text(f"{labs.get(lab, 1)}\n")


def test_a_lab_weighs_as_its_hosts_and_all_labs_as_all_hosts(tmp_path: Path) -> None:
    for version, name, one in ((1, "cpu.shares", 1024), (2, "cpu.weight", 100)):
        top = tmp_path / str(version)
        _weights(top, name, two=2 * one, five=one)
        hierarchies = (cgroups.Hierarchy(top, version, frozenset()), cgroups.Hierarchy(tmp_path, 1, frozenset()))
        cgroups.weigh("clusterbook/five", 5, hierarchies)
        assert (top / "clusterbook" / "five" / name).read_text() == str(5 * one)
        assert (top / "clusterbook" / name).read_text() == str(7 * one)


def test_a_lab_that_is_gone_weighs_nothing(tmp_path: Path) -> None:
    _weights(tmp_path, "cpu.shares", two=2048)
    cgroups.weigh("clusterbook/gone", 0, (cgroups.Hierarchy(tmp_path, 1, frozenset()),))
    assert (tmp_path / "clusterbook" / "cpu.shares").read_text() == "2048"
