"""The catalog says everything about a component, and nothing that its schema does not know."""

from __future__ import annotations

import re

import pytest
import yaml

from clusterbook.cluster.artifacts import lock
from clusterbook.cluster.artifacts.catalog import HERE, GoRecipe, load
from clusterbook.cluster.artifacts.publish import COMPONENTS, IMAGES, TEST_IMAGES
from clusterbook.errors import InvalidInput

PLACEHOLDER = re.compile(r"\{[a-z]+\}")


def write(path, change):
    raw = yaml.safe_load((HERE / "catalog.yaml").read_text())
    change(raw)
    path.write_text(yaml.safe_dump(raw))
    return path


def test_every_component_in_every_version_is_complete_for_every_architecture():
    catalog = load()
    for name, entry in catalog.components.items():
        for version in entry["versions"]:
            for architecture in catalog.architectures:
                component = catalog.component(name, version, architecture)
                assert component.files
                assert not PLACEHOLDER.search(str(component.recipe))
                assert component.path == f"{name}/{version}/{architecture}"


def test_the_default_version_of_every_component_is_one_of_its_versions():
    assert all(entry["default"] in entry["versions"] for entry in load().components.values())


def test_every_image_holds_files_of_its_component():
    catalog = load()
    for name in catalog.images:
        image = catalog.image(name)
        assert {*image.files.values(), *([image.tree] if image.tree else [])} <= set(image.component.files)


def test_every_wheel_of_a_python_program_is_pinned_with_its_sum():
    recipe = load().component("kube-web-view").recipe
    lines = [line for line in recipe.requirements.replace(" \\\n", " ").splitlines() if not line.startswith("#")]
    assert len(lines) > 20
    assert all(re.fullmatch(r"[a-z0-9-]+==\S+( +--hash=sha256:[0-9a-f]{64})+", line) for line in lines)


def test_images_carry_the_names_that_their_vendors_give_them():
    catalog = load()
    assert catalog.image("pause").reference == "registry.k8s.io/pause:3.10.2"
    assert catalog.image("coredns").reference == "registry.k8s.io/coredns/coredns:v1.14.6"


def test_what_a_cluster_needs_is_in_the_catalog():
    catalog = load()
    assert set(COMPONENTS) <= set(catalog.components)
    assert {*IMAGES, *TEST_IMAGES} <= set(catalog.images)


def test_no_two_files_share_a_variable_name():
    catalog = load()
    components = [catalog.component(name) for name in catalog.components]
    keys = [component.key(file) for component in components for file in component.files]
    assert len(keys) == len(set(keys))


def test_kubernetes_staging_modules_follow_the_version_that_is_asked_for():
    recipe = load().component("kubernetes", "1.36.3").recipe
    assert isinstance(recipe, GoRecipe)
    assert recipe.local_replaces == "v0.36.3"
    assert recipe.stamps["k8s.io/component-base/version.gitMinor"] == "36"


def test_c_is_compiled_only_where_the_catalog_says_so():
    catalog = load()
    assert catalog.component("flannel", architecture="amd64").recipe.cgo
    assert not catalog.component("flannel", architecture="arm64").recipe.cgo


def test_a_vendor_s_own_name_for_an_architecture_is_used_in_its_addresses():
    assert "x86_64" in load().component("crane", architecture="amd64").release.url
    assert "arm64" in load().component("crane", architecture="arm64").release.url


def test_a_property_that_the_schema_does_not_know_is_refused(tmp_path):
    path = write(tmp_path / "catalog.yaml", lambda raw: raw["components"]["etcd"].update(colour="red"))
    with pytest.raises(InvalidInput, match=r"components.etcd: .*'colour' was unexpected"):
        load(path)


def test_an_image_of_an_unknown_component_is_refused(tmp_path):
    path = write(tmp_path / "catalog.yaml", lambda raw: raw["images"]["pause"].update(component="paws"))
    with pytest.raises(InvalidInput, match="the image pause is made of 'paws', which is no component"):
        load(path)


def test_an_unknown_component_is_answered_with_those_there_are():
    with pytest.raises(InvalidInput, match="no component kubernetse") as caught:
        load().component("kubernetse")
    assert "kubernetes, etcd" in caught.value.next_step


def test_an_unknown_version_is_answered_with_those_there_are():
    with pytest.raises(InvalidInput, match=r"etcd has no version 9.9.9") as caught:
        load().component("etcd", "9.9.9")
    assert "3.7.3" in caught.value.next_step


def test_versions_are_text_even_where_they_look_like_numbers(tmp_path):
    path = tmp_path / "catalog.yaml"
    path.write_text((HERE / "catalog.yaml").read_text().replace("go: 1.26.8", "go: 1.26"))
    with pytest.raises(InvalidInput, match=r"go: '1\.26' does not match"):
        load(path)


def test_the_committed_lock_is_allowed_by_its_schema_and_covers_what_a_cluster_needs():
    catalog, locked = load(), lock.load()
    for name in COMPONENTS:
        assert locked.any(catalog.component(name, architecture="amd64")), name
