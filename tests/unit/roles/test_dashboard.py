"""The manifests of the dashboard: pinned images, and no right beyond looking."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml

from clusterbook.cluster.artifacts.catalog import load
from clusterbook.cluster.dashboard import NAMESPACE, PAGE, PROVIDERS, SERVICE, VIEWER

ROLE = Path(__file__).parents[3] / "roles" / "dashboard"
IMAGES = yaml.safe_load((ROLE / "vars" / "main.yml").read_text())["_dashboard_images"]
HIDDEN = {"secrets", "configmaps", "pods/log", "pods/exec", "*"}


def text_of(name: str, provider: str) -> str:
    """A template as hosts get it."""
    variables = {"dashboard_provider": provider, "dashboard_replicas": 1, "_dashboard_images": IMAGES}
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined)
    return environment.from_string((ROLE / "templates" / f"{name}.yaml.j2").read_text()).render(variables)


def rendered(name: str, provider: str) -> list[dict[str, Any]]:
    """The objects of a template."""
    return [document for document in yaml.safe_load_all(text_of(name, provider)) if document]


def of_kind(objects: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """The objects of one kind."""
    return [one for one in objects if one["kind"] == kind]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_its_image_is_pinned(provider: str) -> None:
    (deployment,) = rendered(provider, provider)
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["image"] == IMAGES[provider]
    assert container["image"].rpartition(":")[2] not in ("", "latest")


def test_the_image_that_is_made_here_has_the_name_that_the_role_asks_for() -> None:
    for provider, image in PROVIDERS.items():
        if image:
            assert load().image(image).reference == IMAGES[provider]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_both_answer_behind_the_same_service_and_fit_restricted_namespaces(provider: str) -> None:
    (deployment,) = rendered(provider, provider)
    (service,) = of_kind(rendered("access", provider), "Service")
    pod = deployment["spec"]["template"]
    assert service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
    assert pod["spec"]["securityContext"]["runAsNonRoot"]
    assert pod["spec"]["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["spec"]["containers"][0]["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert not pod["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_nobody_may_do_more_than_look(provider: str) -> None:
    objects = rendered("access", provider)
    rules = [rule for one in [*of_kind(objects, "ClusterRole"), *of_kind(objects, "Role")] for rule in one["rules"]]
    assert {verb for rule in rules for verb in rule["verbs"]} == {"get", "list", "watch"}
    assert not HIDDEN & {resource for rule in rules for resource in rule["resources"]}
    bound = {one["roleRef"]["name"] for one in of_kind(objects, "ClusterRoleBinding")}
    assert bound == {"clusterbook:dashboard-view"}


def test_only_the_program_without_logins_looks_with_an_account_of_its_own() -> None:
    for provider, wanted in (("headlamp", {VIEWER}), ("kube-web-view", {VIEWER, "dashboard"})):
        (binding,) = of_kind(rendered("access", provider), "ClusterRoleBinding")
        assert {subject["name"] for subject in binding["subjects"]} == wanted


def test_what_a_cluster_gets_of_headlamp_is_as_it_was_looked_at() -> None:
    """CLUSTERBOOK_WRITE_GOLDEN=1 writes it anew: read the difference before you keep it."""
    path = Path(__file__).parent / "golden" / "headlamp.yaml"
    text = text_of("access", "headlamp") + "\n---\n" + text_of("headlamp", "headlamp") + "\n"
    if "CLUSTERBOOK_WRITE_GOLDEN" in os.environ:
        path.write_text(text)
    assert text == path.read_text()


def test_the_viewer_may_open_the_very_page_that_is_printed() -> None:
    (role,) = of_kind(rendered("access", "kube-web-view"), "Role")
    assert f"/namespaces/{NAMESPACE}/services/{SERVICE}:http/proxy/" in PAGE
    assert f"{SERVICE}:http" in role["rules"][0]["resourceNames"]
