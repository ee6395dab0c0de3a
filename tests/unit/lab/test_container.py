"""How a host is booted."""

from __future__ import annotations

from pathlib import Path

import pytest

from clusterbook.errors import Failed, InvalidInput
from clusterbook.lab import container, record, rootfs
from clusterbook.lab.spec import LabHost, LabSpec

SPEC = LabSpec("lab", (LabHost("cp-1", "10.77.0.11"),))


def test_the_root_is_an_overlay_and_var_lib_a_plain_directory() -> None:
    argv = container.argv(SPEC, "cp-1", Path("/hosts/cp-1"), Path("/bases/x"))
    assert "lowerdir=/bases/x,upperdir=/hosts/cp-1/upper,workdir=/hosts/cp-1/work" in argv
    assert "--bind=/hosts/cp-1/var-lib:/var/lib" in argv


def test_mounts_are_made_in_a_namespace_of_the_host_s_own() -> None:
    assert container.argv(SPEC, "cp-1", Path("/h"), Path("/b"))[:4] == ["unshare", "--mount", "--propagation", "slave"]


def test_the_host_gets_the_machine_s_layout_of_control_groups_as_nspawn_finds_it() -> None:
    assert "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY" not in container.environment()


def test_variables_reach_the_host_s_first_process() -> None:
    argv = container.argv(SPEC, "cp-1", Path("/h"), Path("/b"), {"A": "1"})
    assert "--setenv=A=1" in argv


def test_how_a_host_was_made_reads_back_the_same(tmp_path: Path) -> None:
    settings = record.Settings(SPEC, "cp-1", Path("/bases/x"), tmp_path, {"A": "1"})
    record.write_settings(settings)
    assert record.read_settings(tmp_path) == settings


def test_a_half_made_host_is_told(tmp_path: Path) -> None:
    with pytest.raises(Failed, match="is not whole") as failed:
        record.read_settings(tmp_path)
    assert failed.value.next_step == "Bring the lab up again."


def test_a_lab_that_is_not_there_is_answered_with_those_that_are(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "spec.json").write_text("{}")
    with pytest.raises(InvalidInput) as refused:
        record.read_spec("lab", tmp_path)
    assert refused.value.message == "there is no lab lab on this machine (there are: other)"


def test_a_base_is_named_by_everything_that_decides_what_it_holds() -> None:
    assert rootfs.recipe("debian-12", "a") != rootfs.recipe("debian-12", "b")
    assert rootfs.recipe("debian-12", "a") != rootfs.recipe("debian-13", "a")


def test_hosts_do_not_bring_what_the_playbooks_install() -> None:
    assert not {"conntrack", "iptables", "nftables", "socat", "runc", "containerd"} & set(rootfs.PACKAGES)
