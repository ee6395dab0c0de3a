"""Files come from the first source that may give them, and only as the bytes that are locked."""

from __future__ import annotations

import hashlib
import io
import shutil
import tarfile
from dataclasses import replace

import pytest

from clusterbook.cluster.artifacts import compiler
from clusterbook.cluster.artifacts import lock as locks
from clusterbook.cluster.artifacts.catalog import Release
from clusterbook.cluster.artifacts.lock import Lock
from clusterbook.cluster.artifacts.supply import supply
from clusterbook.errors import Failed

from .conftest import made_component

CONTENT = b"a tool\n" * 100_000


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def release(served, content=CONTENT):
    (served.folder / "tool").write_bytes(content)
    (served.folder / "tool.sha256").write_text(f"{sha256(content)}  tool\n")


def lock_release(settings, served, component, content=CONTENT):
    sums = {"tool": sha256(content)}
    locks.save(Lock().with_release(component, sums, {f"{served.url}/tool": sha256(content)}), settings.lock_path)


def lock_build(settings, component, content=CONTENT):
    locks.save(Lock().with_build(component, "some compiler", {"tool": sha256(content)}), settings.lock_path)


def test_an_unlocked_release_is_refused_with_the_command_that_locks_it(settings, served, component):
    release(served)
    with pytest.raises(Failed, match=r"tool/1.0.0/amd64 is not to be had: no build of it is locked") as caught:
        supply(settings, component)
    assert caught.value.next_step.startswith("To trust what this one gets: invoke artifacts --lock --name tool ")


def test_what_is_locked_for_another_machine_s_compiler_may_come_from_such_a_machine(settings, component):
    lock_build(settings, component)
    with pytest.raises(Failed, match="it is locked for some compiler; this machine has") as caught:
        supply(settings, component)
    assert caught.value.next_step.startswith("Take it from a mirror or a bundle that such a machine made, or trust")


def test_locking_takes_the_sum_that_the_vendor_publishes_and_writes_it_down(settings, served, component):
    release(served)
    found = supply(replace(settings, locking=True), component)
    assert found.source == "release"
    assert found.files["tool"].read_bytes() == CONTENT
    assert settings.lock.release(component) == {"tool": sha256(CONTENT)}


def test_a_locked_release_is_fetched_and_then_comes_from_the_cache(settings, served, component):
    release(served)
    lock_release(settings, served, component)
    assert supply(settings, component).source == "release"
    (served.folder / "tool").unlink()
    assert supply(settings, component).source == "cache"


def test_a_release_with_other_bytes_than_the_lock_says_is_refused(settings, served, component):
    lock_release(settings, served, component)
    release(served, CONTENT + b"and something else")
    with pytest.raises(Failed, match="the lock says"):
        supply(settings, component)
    assert not list((settings.cache.root / "downloads").glob("*"))


def test_a_vendor_s_sum_that_does_not_fit_the_file_is_refused_even_when_locking(settings, served, component):
    release(served)
    (served.folder / "tool.sha256").write_text(f"{sha256(b'other')}  tool\n")
    with pytest.raises(Failed, match="the lock says"):
        supply(replace(settings, locking=True), component)
    assert not settings.lock_path.exists()


def test_a_file_is_taken_out_of_a_released_archive(settings, served):
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        member = tarfile.TarInfo("tool-1.0.0/tool")
        member.size = len(CONTENT)
        tar.addfile(member, io.BytesIO(CONTENT))
    (served.folder / "tool.tgz").write_bytes(archive.getvalue())
    (served.folder / "SUMS").write_text(f"{sha256(archive.getvalue())} *tool.tgz\n{'0' * 64} other.tgz\n")
    component = made_component(Release(f"{served.url}/tool.tgz", f"{served.url}/SUMS", "tool-1.0.0/{file}"))
    found = supply(replace(settings, locking=True), component)
    assert found.files["tool"].read_bytes() == CONTENT
    assert settings.lock.downloads(component) == {f"{served.url}/tool.tgz": sha256(archive.getvalue())}


def test_a_mirror_gives_what_is_locked_as_a_build(settings, served, component):
    lock_build(settings, component)
    folder = served.folder / component.path
    folder.mkdir(parents=True)
    (folder / "tool").write_bytes(CONTENT)
    found = supply(replace(settings, mirror=served.url), component)
    assert found.source == "mirror"
    assert found.files["tool"].read_bytes() == CONTENT


def test_a_mirror_with_wrong_bytes_is_not_used(settings, served, component):
    lock_build(settings, component)
    folder = served.folder / component.path
    folder.mkdir(parents=True)
    (folder / "tool").write_bytes(b"something else")
    with pytest.raises(Failed, match="it is locked for some compiler"):
        supply(replace(settings, mirror=served.url), component)


def test_without_an_answer_from_the_mirror_the_release_is_used(settings, served, component):
    release(served)
    lock_release(settings, served, component)
    assert supply(replace(settings, mirror="http://127.0.0.1:9"), component).source == "release"


def test_files_in_the_cache_are_read_only_programs(settings, served, component):
    release(served)
    found = supply(replace(settings, locking=True), component)
    assert found.files["tool"].stat().st_mode & 0o777 == 0o555


@pytest.mark.skipif(not shutil.which("gcc"), reason="needs a C compiler")
def test_a_toolchain_that_is_not_locked_is_refused_by_name(settings):
    component = made_component(None)
    locks.save(Lock().with_build(component, "gcc-1.0 glibc-1.0-00000000", {"tool": "0" * 64}), settings.lock_path)
    with pytest.raises(Failed) as caught:
        supply(replace(settings, sources=("cache", "build")), component)
    assert "it is locked for gcc-1.0 glibc-1.0-00000000" in caught.value.message
    assert f"this machine has {compiler.identity()}" in caught.value.message
