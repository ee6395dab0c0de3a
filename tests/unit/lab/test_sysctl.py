"""Settings of the machine are raised while a lab is up and put back afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest

from clusterbook.lab import sysctl


@pytest.fixture
def machine(tmp_path: Path) -> sysctl.Machine:
    """A machine with settings of its own, in a directory."""
    settings = tmp_path / "sys"
    values = {"fs/inotify/max_user_instances": "128", "fs/inotify/max_user_watches": "2000000",
              "net/ipv4/ip_forward": "0", "kernel/panic": "0"}  # fmt: skip
    for name, value in values.items():
        (settings / name).parent.mkdir(parents=True, exist_ok=True)
        (settings / name).write_text(f"{value}\n")
    return sysctl.Machine(settings, tmp_path)


def test_only_what_is_too_low_is_raised_and_it_is_said(machine: sysctl.Machine) -> None:
    said: list[str] = []
    assert sysctl.raise_settings(said.append, machine) == ["fs.inotify.max_user_instances", "net.ipv4.ip_forward"]
    assert machine.read("fs.inotify.max_user_instances") == "8192"
    assert machine.read("fs.inotify.max_user_watches") == "2000000"
    assert said[0] == "fs.inotify.max_user_instances: 128 -> 8192 until the lab goes down"


def test_a_second_lab_changes_nothing_and_does_not_forget_the_machine_s_values(machine: sysctl.Machine) -> None:
    sysctl.raise_settings(lambda line: None, machine)
    assert sysctl.raise_settings(lambda line: None, machine) == []
    sysctl.put_back(lambda line: None, machine)
    assert machine.read("fs.inotify.max_user_instances") == "128"


def test_what_a_kubelet_changed_is_put_back_too(machine: sysctl.Machine) -> None:
    sysctl.raise_settings(lambda line: None, machine)
    machine.write("kernel.panic", "10")
    changed = sysctl.put_back(lambda line: None, machine)
    assert changed == ["fs.inotify.max_user_instances", "net.ipv4.ip_forward", "kernel.panic"]
    assert machine.read("kernel.panic") == "0"


def test_without_a_lab_there_is_nothing_to_put_back(machine: sysctl.Machine) -> None:
    assert sysctl.put_back(lambda line: None, machine) == []
