"""The lock covers exact bytes of exact recipes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from clusterbook.cluster.artifacts import lock as locks
from clusterbook.cluster.artifacts.catalog import load
from clusterbook.cluster.artifacts.lock import Lock, recipe_digest
from clusterbook.errors import InvalidInput

SUM = "ab" * 32


def test_a_lock_that_was_saved_reads_back_the_same(tmp_path):
    component = load().component("etcd")
    lock = Lock().with_build(component, "go1.26.8", {"etcd": SUM}).with_release(component, {"etcd": SUM}, {"u": SUM})
    locks.save(lock, tmp_path / "lock.yaml")
    assert locks.load(tmp_path / "lock.yaml") == lock


def test_a_lock_file_that_is_not_there_locks_nothing(tmp_path):
    assert locks.load(tmp_path / "lock.yaml").any(load().component("etcd")) == ()


def test_a_build_is_locked_for_its_toolchain_only():
    component = load().component("etcd")
    lock = Lock().with_build(component, "go1.26.8", {"etcd": SUM})
    assert lock.build(component, "go1.26.8") == {"etcd": SUM}
    assert lock.build(component, "go1.26.9") is None


def test_a_build_by_another_recipe_is_not_covered():
    component = load().component("etcd")
    lock = Lock().with_build(component, "go1.26.8", {"etcd": SUM})
    changed = replace(component, recipe=replace(component.recipe, stamps={"main.version": "1"}))
    assert recipe_digest(changed) != recipe_digest(component)
    assert lock.build(changed, "go1.26.8") is None
    assert lock.any(changed) == ()


def test_builds_of_several_toolchains_stand_side_by_side():
    component = load().component("etcd")
    lock = Lock().with_build(component, "a", {"etcd": SUM}).with_build(component, "b", {"etcd": "cd" * 32})
    assert lock.any(component) == ({"etcd": SUM}, {"etcd": "cd" * 32})


def test_a_sum_that_is_no_sha256_is_refused(tmp_path):
    path = tmp_path / "lock.yaml"
    path.write_text("builds: {etcd/3.7.3/amd64: {go1.26.8: {recipe: 0123456789abcdef, files: {etcd: '1234'}}}}\n")
    with pytest.raises(InvalidInput, match="does not match"):
        locks.load(path)
