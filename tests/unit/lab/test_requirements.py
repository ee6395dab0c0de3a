"""A lab is refused before anything is made, with the command that helps."""

from __future__ import annotations

import pytest

from clusterbook.errors import InvalidInput
from clusterbook.lab import requirements


def test_missing_programs_are_named_by_their_packages() -> None:
    there = {"ip", "ssh", "unshare", "setpriv", "mmdebstrap"}
    assert requirements.missing_packages(there.__contains__) == ["apt-cacher-ng", "nftables", "systemd-container"]


def test_a_machine_without_them_is_refused_with_the_apt_command() -> None:
    with pytest.raises(InvalidInput) as refused:
        requirements.check_programs({"ip", "ssh", "unshare", "setpriv", "mmdebstrap"}.__contains__)
    assert refused.value.message == "the machine lacks nftables, systemd-container"
    assert refused.value.next_step == "Run: apt-get install --no-install-recommends nftables systemd-container"


def test_a_lab_does_without_the_package_cache() -> None:
    requirements.check_programs(lambda name: name != "apt-cacher-ng")


def test_a_user_who_is_not_root_is_refused() -> None:
    with pytest.raises(InvalidInput, match="a lab needs root on this machine") as refused:
        requirements.check_root(1000)
    assert "sudo" in refused.value.next_step


def test_a_kernel_without_overlays_is_refused() -> None:
    requirements.check_kernel("nodev\ttmpfs\nnodev\toverlay\n\text4\n")
    with pytest.raises(InvalidInput, match="the kernel knows no overlay file system") as refused:
        requirements.check_kernel("nodev\ttmpfs\n\text4\n")
    assert refused.value.next_step == "Load it: modprobe overlay"
