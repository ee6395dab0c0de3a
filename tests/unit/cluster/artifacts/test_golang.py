"""The module that builds others keeps their authors' rules and does not build with another Go."""

from __future__ import annotations

import shutil

import pytest

from clusterbook.cluster.artifacts.catalog import GoRecipe, load
from clusterbook.cluster.artifacts.events import silent
from clusterbook.cluster.artifacts.golang import build, go_mod, natural_name
from clusterbook.errors import Failed

PRIMARY = {
    "Go": "1.26.0",
    "Godebug": [{"Key": "default", "Value": "go1.26"}],
    "Replace": [
        {"Old": {"Path": "k8s.io/api"}, "New": {"Path": "./staging/src/k8s.io/api"}},
        {"Old": {"Path": "example.org/a"}, "New": {"Path": "example.org/b", "Version": "v1.2.3"}},
    ],
}


def recipe(local_replaces):
    return GoRecipe({"k8s.io/kubernetes": "v1.37.2"}, {}, {}, {"example.org/c": "v1.0.0"}, local_replaces, False)


def test_folders_that_a_module_replaces_become_the_version_of_the_recipe():
    assert go_mod("kubernetes", recipe("v0.37.2"), PRIMARY).splitlines() == [
        "module clusterbook.build/kubernetes",
        "go 1.26.0",
        "godebug default=go1.26",
        "require k8s.io/kubernetes v1.37.2",
        "replace k8s.io/api => k8s.io/api v0.37.2",
        "replace example.org/a => example.org/b v1.2.3",
        "replace example.org/c => example.org/c v1.0.0",
    ]


def test_folders_that_a_module_replaces_are_left_to_its_requirements_without_such_a_version():
    assert "k8s.io/api" not in go_mod("etcd", recipe(None), PRIMARY)


@pytest.mark.parametrize(
    ("package", "name"),
    [
        ("k8s.io/kubernetes/cmd/kubelet", "kubelet"),
        ("go.etcd.io/etcd/server/v3", "server"),
        ("github.com/coredns/coredns", "coredns"),
    ],
)
def test_a_program_has_the_name_that_go_gives_it(package, name):
    assert natural_name(package) == name


@pytest.mark.skipif(not shutil.which("go"), reason="needs Go")
def test_a_go_release_that_cannot_be_had_is_named_before_anything_is_built(tmp_path, monkeypatch):
    monkeypatch.setenv("GOPROXY", "off")
    component = load().component("etcd")
    with pytest.raises(Failed, match=r"Go 1\.99\.9 is needed to build the locked bytes") as caught:
        build(component, component.recipe, "1.99.9", tmp_path, silent)
    assert "Install Go 1.99.9" in caught.value.next_step


def test_without_go_one_sentence_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    component = load().component("etcd")
    with pytest.raises(Failed, match=r"go is not installed; it is needed to build etcd 3\.7\.3"):
        build(component, component.recipe, "1.26.8", tmp_path, silent)
