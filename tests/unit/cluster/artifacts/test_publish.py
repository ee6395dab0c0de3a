"""What a mirror shows and what hosts are told agree, and nothing is built in vain."""

from __future__ import annotations

import hashlib
import shutil

import pytest
import yaml

from clusterbook.cluster.artifacts import lock as locks
from clusterbook.cluster.artifacts.lock import Lock
from clusterbook.cluster.artifacts.publish import Collection, collect, mirrored, publish, variables
from clusterbook.cluster.artifacts.supply import Supplied, expected
from clusterbook.errors import Failed
from tests.unit.ports import free_port

CONTENT = b"a plugin"


@pytest.fixture
def collection(settings):
    """One file of one component, as it comes out of the cache."""
    component = settings.catalog.component("cni-plugins", architecture="amd64")
    with settings.cache.workspace() as folder:
        (folder / "file").write_bytes(CONTENT)
        sha256 = settings.cache.add(folder / "file")
    sums = dict.fromkeys(component.files, sha256)
    return Collection((Supplied(component, "cache", sums, dict.fromkeys(sums, settings.cache.find(sha256))),), ())


def test_every_address_that_hosts_are_told_is_a_file_of_the_folder(collection, tmp_path):
    folder = tmp_path / "files"
    publish(collection, folder)
    told = variables(collection, "http://mirror", "http://registry")
    assert told["image_mirror"] == "http://registry"
    for artifact in told["artifacts"].values():
        path = folder / artifact["url"].removeprefix("http://mirror/")
        assert hashlib.sha256(path.read_bytes()).hexdigest() == artifact["sha256"]


def test_variable_names_are_those_that_roles_use(collection):
    told = variables(collection, "http://mirror", "http://registry")["artifacts"]
    assert {"cni_bridge", "cni_host_local", "cni_loopback", "cni_portmap"} <= set(told)
    assert told["cni_host_local"]["file"] == "host-local"


def test_publishing_twice_changes_nothing(collection, tmp_path):
    assert publish(collection, tmp_path / "files") == len(collection.components[0].files)
    assert publish(collection, tmp_path / "files") == 0


def test_a_copy_on_another_file_system_is_not_made_again(collection, tmp_path):
    publish(collection, tmp_path / "files")
    target = tmp_path / "files/cni-plugins/1.9.1/amd64/bridge"
    copy = target.with_name("copy")
    shutil.copyfile(target, copy)
    copy.replace(target)
    assert publish(collection, tmp_path / "files") == 0


def test_a_file_that_was_changed_is_put_right(collection, tmp_path):
    publish(collection, tmp_path / "files")
    target = tmp_path / "files/cni-plugins/1.9.1/amd64/bridge"
    target.unlink()
    target.write_bytes(b"something else")
    assert publish(collection, tmp_path / "files") == 1
    assert target.read_bytes() == CONTENT


def test_what_is_not_locked_is_refused_before_anything_is_fetched(settings, served):
    component = settings.catalog.component("etcd", architecture="amd64")
    sums = dict.fromkeys(component.files, "0" * 64)
    locks.save(Lock().with_release(component, sums, {"https://vendor.example/etcd": "0" * 64}), settings.lock_path)
    assert expected(settings, component) == "release"
    with pytest.raises(Failed, match=r"containerd/2.4.2/amd64 is not to be had"):
        collect(settings, ("etcd", "containerd"), (), architecture="amd64")
    assert not (settings.cache.root / "downloads").exists()


def test_the_index_of_a_mirror_elsewhere_is_believed_only_as_far_as_the_lock_goes(monkeypatch):
    entry = {"files": {"etcd": "a" * 64}}
    lock = Lock(releases={"etcd/1/amd64": entry}, builds={})
    texts = {"etcd": "a" * 64}
    monkeypatch.setattr("clusterbook.cluster.artifacts.publish.text", lambda url: yaml.safe_dump(
        {"artifacts": {name: {"sha256": total} for name, total in texts.items()}, "images": {}}))  # fmt: skip
    assert mirrored("http://mirror/", lock)["artifacts"]["etcd"]["sha256"] == "a" * 64
    texts["kubelet"] = "b" * 64
    with pytest.raises(Failed, match="offers kubelet with a SHA-256 that the lock does not have"):
        mirrored("http://mirror/", lock)
    monkeypatch.setattr("clusterbook.cluster.artifacts.publish.text", lambda url: "hello")
    with pytest.raises(Failed, match="has no index of a mirror"):
        mirrored("http://mirror/", lock)


def test_a_mirror_elsewhere_that_does_not_answer_is_named_with_the_variable_that_chose_it():
    port = free_port()
    with pytest.raises(Failed) as told:
        mirrored(f"http://127.0.0.1:{port}", Lock())
    assert told.value.message == (
        f"the mirror does not answer: http://127.0.0.1:{port}/index.yml cannot be fetched: connection refused"
    )
    assert told.value.next_step == "Start the web server there, or correct CLUSTERBOOK_MIRROR."
