"""A bundle is written whole or not at all, always as the same bytes, and an altered one is refused by name and sum."""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import tarfile

import pytest

from clusterbook.cluster.bundle.archive import MANIFEST, SBOM, SUFFIXES, check_name, unpack, write
from clusterbook.errors import Failed, InvalidInput
from tests import tars
from tests.unit.cluster.bundle.conftest import CONTENTS

KUBELET = "files/kubernetes/1.37.2/amd64/kubelet"


def silent(done: int, total: int) -> None:
    """Nobody watches."""


@pytest.fixture
def bundle(tmp_path, small):
    target = tmp_path / "a.tar"
    write(target, {"kubernetes": "1.37.2"}, b"{}", small(), silent)
    return target


def rewritten(bundle, change):
    """The same tar with its members, name to content, changed."""
    members = tars.members(bundle)
    change(members)
    return tars.written(bundle.with_name("altered.tar"), members)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_same_parts_give_the_same_bytes_and_come_back_as_they_were(tmp_path, small, suffix):
    first, second = tmp_path / f"one{suffix}", tmp_path / f"two{suffix}"
    sums = [write(target, {"kubernetes": "1.37.2"}, b"{}", small(), silent) for target in (first, second)]
    assert sums[0] == sums[1] == hashlib.sha256(first.read_bytes()).hexdigest()
    opened = unpack(first, tmp_path / "out", silent, expected=sums[0])
    assert opened.manifest["kubernetes"] == "1.37.2"
    assert {name: (tmp_path / "out" / name).read_bytes() for name in CONTENTS} == {
        name: data for name, (_, data) in CONTENTS.items()
    }
    assert (tmp_path / "out/tools/registry").stat().st_mode & 0o777 == 0o755


def test_the_list_of_sums_comes_first_then_the_bill_then_files_by_name_without_times(bundle):
    with tarfile.open(bundle) as tar:
        members = tar.getmembers()
    assert [member.name for member in members] == [MANIFEST, SBOM, *sorted(CONTENTS)]
    assert {(member.mtime, member.uid, member.gid, member.uname) for member in members} == {(0, 0, 0, "")}


def test_a_run_that_is_interrupted_leaves_no_file(tmp_path, small):
    def interrupt(done, total):
        raise KeyboardInterrupt

    for suffix in SUFFIXES:
        with pytest.raises(KeyboardInterrupt):
            write(tmp_path / f"half{suffix}", {}, b"{}", small(), interrupt)
    assert not [path for path in tmp_path.iterdir() if "half" in path.name]


def test_what_a_killed_run_left_is_overwritten(tmp_path, small, bundle):
    (tmp_path / ".b.tar.partial").write_bytes(b"left" * 100000)
    write(tmp_path / "b.tar", {"kubernetes": "1.37.2"}, b"{}", small(), silent)
    assert (tmp_path / "b.tar").read_bytes() == bundle.read_bytes()


def test_two_runs_do_not_write_the_same_file(tmp_path, small):
    with (tmp_path / ".b.tar.partial").open("wb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(Failed, match=r"another run writes b\.tar"):
            write(tmp_path / "b.tar", {}, b"{}", small(), silent)


def test_an_altered_file_is_refused_by_its_name_and_both_sums(tmp_path, bundle):
    good, bad = (hashlib.sha256(data).hexdigest() for data in (b"kubelet" * 1000, b"Kubelet" * 1000))
    altered = rewritten(bundle, lambda members: members.update({KUBELET: b"Kubelet" * 1000}))
    with pytest.raises(Failed, match=f"altered: {KUBELET} has the SHA-256 {bad}, not {good}"):
        unpack(altered, tmp_path / "out", silent)


def test_an_altered_bill_of_materials_is_refused(tmp_path, bundle):
    altered = rewritten(bundle, lambda members: members.update({SBOM: b"[]"}))
    with pytest.raises(Failed, match=f"altered: {SBOM} has the SHA-256"):
        unpack(altered, tmp_path / "out", silent)


@pytest.mark.parametrize("name", ["files/more", "../../etc/passwd", "/etc/passwd"])
def test_a_file_that_the_list_does_not_have_is_refused(tmp_path, bundle, name):
    altered = rewritten(bundle, lambda members: members.update({name: b"more"}))
    with pytest.raises(Failed, match="is not what its list of files says"):
        unpack(altered, tmp_path / "out", silent)
    assert not (tmp_path / "out" / name).exists() or name == "/etc/passwd"


def test_a_missing_file_is_refused(tmp_path, bundle):
    altered = rewritten(bundle, lambda members: members.pop(KUBELET))
    with pytest.raises(Failed, match=f"{KUBELET} is missing"):
        unpack(altered, tmp_path / "out", silent)


@pytest.mark.parametrize("name", ["../outside", "/outside", "a/../../outside", "a//b", ""])
def test_a_list_that_names_a_place_outside_is_refused(tmp_path, bundle, name):
    def point_outside(members):
        manifest = json.loads(members[MANIFEST])
        manifest["files"][name] = {"sha256": hashlib.sha256(b"x").hexdigest(), "size": 1}
        members[MANIFEST] = json.dumps(manifest).encode()

    with pytest.raises(Failed, match=f"its {MANIFEST} cannot be read"):
        unpack(rewritten(bundle, point_outside), tmp_path / "out", silent)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_bundle_that_was_cut_off_is_refused(tmp_path, small, suffix):
    whole, half = tmp_path / f"whole{suffix}", tmp_path / f"half{suffix}"
    write(whole, {}, b"{}", small(), silent)
    half.write_bytes(whole.read_bytes()[: whole.stat().st_size // 3])
    with pytest.raises(Failed, match=r"is cut off or damaged|is missing"):
        unpack(half, tmp_path / "out", silent)


def test_another_bundle_than_the_one_that_was_meant_is_refused_before_it_is_opened(tmp_path, bundle):
    with pytest.raises(Failed, match="not the bundle that was meant"):
        unpack(bundle, tmp_path / "out", silent, expected="0" * 64)
    assert not (tmp_path / "out").exists()


def test_a_file_that_is_no_bundle_is_refused(tmp_path):
    other = tmp_path / "other.tar"
    with tarfile.open(other, "w") as tar:
        tar.addfile(tarfile.TarInfo("readme"), io.BytesIO())
    with pytest.raises(Failed, match=f"does not begin with {MANIFEST}"):
        unpack(other, tmp_path / "out", silent)
    with pytest.raises(InvalidInput, match="there is no file"):
        unpack(tmp_path / "none.tar", tmp_path / "out", silent)


def test_a_bundle_of_another_format_names_what_to_use(tmp_path, bundle):
    def later(members):
        members[MANIFEST] = json.dumps({**json.loads(members[MANIFEST]), "format": 9}).encode()

    with pytest.raises(Failed, match="has the format 9, and this version reads 1"):
        unpack(rewritten(bundle, later), tmp_path / "out", silent)


def test_a_name_says_how_to_pack(tmp_path):
    with pytest.raises(InvalidInput, match="does not say how to pack it"):
        check_name(tmp_path / "bundle.zip")
    with pytest.raises(InvalidInput, match="there is no folder"):
        check_name(tmp_path / "none" / "bundle.tar")
