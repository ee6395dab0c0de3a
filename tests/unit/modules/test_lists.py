"""cron, known_hosts, authorized_key, mount and sysctl: files that are lists of entries."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from clusterbook.modules import cron, known_hosts, registry
from clusterbook.modules.parameters import coerce
from tests.unit.modules.conftest import Do

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHqrjuiY+jRcSEvTIUjjCLF3GYWDGnS3+wlphd4+fWOg"
OTHER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
JOB = "#Ansible: j\n5 * * * * root true\n"
CRON: list[tuple[str, dict[str, Any], str]] = [
    ("", {"name": "j", "job": "true", "minute": "5"}, JOB),
    (JOB, {"name": "j", "job": "true", "minute": "5"}, JOB),
    (JOB, {"name": "j", "job": "false", "special_time": "daily"}, "#Ansible: j\n@daily root false\n"),
    (JOB, {"name": "j", "job": "true", "minute": "5", "disabled": True}, "#Ansible: j\n#5 * * * * root true\n"),
    (f"# mine\n{JOB}0 0 * * * root x\n", {"name": "j", "state": "absent"}, "# mine\n0 0 * * * root x\n"),
    (JOB, {"name": "MAILTO", "job": "me", "env": True}, f'MAILTO="me"\n{JOB}'),
    (f'A="1"\n{JOB}', {"name": "A", "env": True, "state": "absent"}, JOB),
]


@pytest.mark.parametrize(("before", "arguments", "after"), CRON)
def test_a_crontab_becomes_what_is_wanted(before: str, arguments: dict[str, Any], after: str) -> None:
    ready = coerce(registry.specification("ansible.builtin.cron"), {**arguments, "user": "root", "cron_file": "x"})
    assert cron.edited(ready, before) == after and cron.edited(ready, after) == after


def test_a_job_in_a_file_is_written_once_and_removed_with_the_file(do: Do) -> None:
    name = f"clusterbook-test-{os.getpid()}"
    path = Path("/etc/cron.d") / name
    path.parent.mkdir(exist_ok=True)
    try:
        assert do("cron", name="j", job="true", user="root", cron_file=name).changed
        assert path.read_text() == "#Ansible: j\n* * * * * root true\n"
        assert not do("cron", name="j", job="true", user="root", cron_file=name).changed
        assert do("cron", name="j", state="absent", cron_file=name).changed and not path.exists()
    finally:
        path.unlink(missing_ok=True)


def test_a_hosts_key_is_kept_replaced_and_removed(do: Do, place: Path) -> None:
    path = place / "known_hosts"
    assert do("known_hosts", path=str(path), name="a", key=f"a {KEY}").changed
    assert not do("known_hosts", path=str(path), name="a", key=f"a {KEY}").changed
    assert do("known_hosts", path=str(path), name="a", key=f"a {OTHER}").changed
    assert path.read_text() == f"a {OTHER}\n"
    assert do("known_hosts", path=str(path), name="a", state="absent").changed and path.read_text() == ""


def test_a_hidden_name_is_found_again(do: Do, place: Path) -> None:
    path = place / "known_hosts"
    assert do("known_hosts", path=str(path), name="a", key=f"a {KEY}", hash_host=True).changed
    line = path.read_text()
    assert line.startswith("|1|") and known_hosts.names_host(line, "a") and not known_hosts.names_host(line, "b")
    assert not do("known_hosts", path=str(path), name="a", key=f"a {KEY}", hash_host=True).changed


def test_an_authorized_key_is_added_changed_and_alone_when_exclusive(do: Do, place: Path) -> None:
    path = place / "keys"
    common = {"user": "root", "path": str(path), "manage_dir": False}
    path.write_text("# mine\n")
    assert do("authorized_key", key=f"{KEY} me@x", **common).changed
    assert not do("authorized_key", key=f"{KEY} me@x", **common).changed
    assert do("authorized_key", key=f"{KEY} me@x", key_options='command="a b",no-pty', **common).changed
    assert path.read_text() == f'# mine\ncommand="a b",no-pty {KEY} me@x\n'
    assert do("authorized_key", key=OTHER, exclusive=True, **common).changed
    assert path.read_text() == f"# mine\n{OTHER}\n"
    assert do("authorized_key", key=OTHER, state="absent", **common).changed


def test_the_directory_of_authorized_keys_is_private_to_the_user(do: Do, place: Path) -> None:
    path = place / ".ssh/authorized_keys"
    do("authorized_key", user="nobody", path=str(path), key=KEY)
    assert (stat.S_IMODE(path.parent.stat().st_mode), path.parent.stat().st_uid) == (0o700, 65534)
    assert (stat.S_IMODE(path.stat().st_mode), path.stat().st_uid) == (0o600, 65534)


def test_what_is_no_key_is_refused(do: Do, place: Path) -> None:
    outcome = do("authorized_key", user="root", path=str(place / "k"), key="-----BEGIN OPENSSH PRIVATE KEY-----")
    assert outcome.message == "key is '-----BEGIN OPENSSH PRIVATE KEY-----', which is no public key"


def test_a_line_of_fstab_is_set_replaced_and_removed(do: Do, place: Path) -> None:
    fstab = place / "fstab"
    fstab.write_text("# mine\n/dev/a / ext4 defaults 0 1\n")
    common = {"path": "/data set", "fstab": str(fstab)}
    assert do("mount", src="/dev/b", fstype="ext4", state="present", **common).changed
    assert not do("mount", src="/dev/b", fstype="ext4", state="present", **common).changed
    assert do("mount", src="/dev/c", fstype="xfs", opts="ro", state="present", **common).changed
    assert fstab.read_text().splitlines()[-1] == r"/dev/c /data\040set xfs ro 0 0"
    assert do("mount", state="absent", **common).changed
    assert fstab.read_text() == "# mine\n/dev/a / ext4 defaults 0 1\n"


def test_a_kernel_setting_is_kept_in_its_file(do: Do, place: Path) -> None:
    path = place / "sysctl.conf"
    path.write_text("# mine\nnet.ipv4.ip_forward = 0\nkernel.x=1\nnet.ipv4.ip_forward=0\n")
    common = {"sysctl_file": str(path), "reload": False, "name": "net.ipv4.ip_forward"}
    assert do("sysctl", value=True, **common).changed
    assert path.read_text() == "# mine\nnet.ipv4.ip_forward=1\nkernel.x=1\n"
    assert not do("sysctl", value="1", **common).changed
    assert do("sysctl", state="absent", **common).changed and path.read_text() == "# mine\nkernel.x=1\n"


def test_a_kernel_setting_that_does_not_exist_is_named(do: Do, place: Path) -> None:
    outcome = do("sysctl", name="net.no.such", value=1, sysctl_set=True, sysctl_file=str(place / "s"))
    assert outcome.message == "name is 'net.no.such', which this kernel does not have"
    assert not (place / "s").exists()  # neither half of it is done


def test_what_is_mounted_is_told_by_the_kernel_and_by_files(do: Do, place: Path) -> None:
    fstab = place / "fstab"
    lines = ("# mine", "/dev/a /data\\040set ext4 defaults 0 2", "tmpfs /t tmpfs size=1m", "short",
             "/dev/b /t xfs ro 0 0")
    fstab.write_text("\n".join(lines))
    facts = do("mount_facts", sources=[str(fstab)], include_aggregate_mounts=True).values["ansible_facts"]
    assert [(item["device"], item["passno"]) for item in facts["aggregate_mounts"]] == [
        ("/dev/a", 2), ("tmpfs", 0), ("/dev/b", 0)]
    assert facts["mount_points"]["/data set"]["fstype"] == "ext4" and facts["mount_points"]["/t"]["device"] == "tmpfs"
    assert list(do("mount_facts", sources=[str(fstab)], fstypes=["ext*"]).values["ansible_facts"]["mount_points"]) == [
        "/data set"]
    assert "/proc" in do("mount_facts").values["ansible_facts"]["mount_points"]
    assert do("mount_facts", sources=["fstab"]).failed
