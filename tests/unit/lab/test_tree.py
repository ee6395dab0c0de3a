"""A host's tree shows whatever changed on its disk, and nothing else."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from clusterbook.lab import tree
from clusterbook.lab.record import Settings, host_directory, write_settings
from clusterbook.lab.spec import LabHost, LabSpec


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LabSpec:
    monkeypatch.setattr("clusterbook.lab.spec.STATE", tmp_path / "labs")
    made = LabSpec("small", (LabHost("a", "10.99.0.11"),), "10.99.0.0/24")
    base = tmp_path / "base"
    (base / "etc").mkdir(parents=True)
    (base / "etc" / "motd").write_text("hello\n")
    directory = host_directory(made, "a")
    for part in ("upper/etc", "upper/var/log", "var-lib/dpkg", "var-lib/clusterbook"):
        (directory / part).mkdir(parents=True)
    (directory / "upper/etc/hosts").write_text("127.0.0.1 localhost\n")
    write_settings(Settings(made, "a", base, directory))
    return made


def upper(spec: LabSpec) -> Path:
    return host_directory(spec, "a") / "upper"


def changes(spec: LabSpec, change: object) -> list[str]:
    before = tree.read(spec)
    assert callable(change)
    change()
    after = tree.read(spec)
    found = tree.differences(before, after)
    assert bool(found) == (tree.digest(before) != tree.digest(after))
    return [line.removeprefix("a: ") for line in found if not line.endswith("written again, same bytes")]


def test_a_host_that_nobody_touches_stays_the_same(spec: LabSpec) -> None:
    assert tree.differences(tree.read(spec), tree.read(spec)) == []


def test_new_changed_and_removed_files_show(spec: LabSpec) -> None:
    hosts = upper(spec) / "etc/hosts"
    assert changes(spec, lambda: hosts.write_text("127.0.0.2 localhost\n")) == ["/etc/hosts: content, changed"]
    assert changes(spec, lambda: (upper(spec) / "etc/new").touch()) == ["/etc/new: new file"]
    assert changes(spec, hosts.unlink) == ["/etc/hosts: file is gone"]


def test_a_mode_shows(spec: LabSpec) -> None:
    assert changes(spec, lambda: (upper(spec) / "etc/hosts").chmod(0o600)) == ["/etc/hosts: mode"]


def test_writing_the_same_bytes_again_shows(spec: LabSpec) -> None:
    hosts = upper(spec) / "etc/hosts"
    before = tree.read(spec)
    os.utime(hosts, ns=(1, 1))
    assert tree.differences(before, tree.read(spec)) == ["a: /etc/hosts: written again, same bytes"]


def test_a_file_that_is_copied_up_unchanged_is_still_the_images(spec: LabSpec) -> None:
    base = tree.read_settings(host_directory(spec, "a")).base / "etc/motd"

    def copy_up() -> None:
        copy, status = upper(spec) / "etc/motd", base.stat()
        copy.write_bytes(base.read_bytes())
        copy.chmod(status.st_mode)
        os.utime(copy, ns=(status.st_atime_ns, status.st_mtime_ns))

    assert changes(spec, copy_up) == []


def test_what_is_left_out_does_not_show(spec: LabSpec) -> None:
    directory = host_directory(spec, "a")
    assert changes(spec, lambda: (directory / "upper/var/log/syslog").touch()) == []
    assert changes(spec, lambda: (directory / "var-lib/clusterbook/cache").touch()) == []
    assert changes(spec, lambda: (directory / f"upper/etc/{tree.STAMP}").touch()) == []
    assert changes(spec, lambda: (directory / "var-lib/dpkg/status").touch()) == ["/var/lib/dpkg/status: new file"]


def test_further_folders_can_be_left_out(spec: LabSpec) -> None:
    before = tree.read(spec, ["a"], apart=("/var/lib/dpkg",))
    (host_directory(spec, "a") / "var-lib/dpkg/status").touch()
    assert tree.differences(before, tree.read(spec, ["a"], apart=("/var/lib/dpkg",))) == []


def test_an_entry_says_what_became_of_it() -> None:
    file = tree.Entry("file", 0o644, 0, 0, "x", 1)
    before = {"a": {"/f": file, "/g": file, "/h": file}}
    after = {"a": {"/f": replace(file, owner=1), "/g": tree.Entry("removed"), "/i": file}}
    assert tree.differences(before, after) == [
        "a: /f: owner", "a: /g: file became removed", "a: /h: file is gone", "a: /i: new file",
    ]  # fmt: skip
