"""The page of what is supported says what the code says: versions, systems, choices, forms, and tests that exist."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest
import yaml

from clusterbook.cluster.artifacts.catalog import load as load_catalog
from clusterbook.cluster.dashboard import PROVIDERS
from tests import pythons
from tests.lab.forms import FORMS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "supported.md").read_text()
CATALOG = load_catalog()
LOCKED = yaml.safe_load((ROOT / "clusterbook/cluster/artifacts/lock.yaml").read_text())
KEYS = json.loads((ROOT / "schemas" / "cluster.schema.json").read_text())["properties"]


def rows(section: str) -> dict[str, list[str]]:
    """First cell -> the others, of all tables of a section."""
    body = PAGE.partition(f"## {section}\n")[2].partition("\n## ")[0]
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in body.splitlines() if line[:2] == "| "]
    return {first: rest for first, *rest in lines}


def locked(name: str) -> set[str]:
    """Versions whose files have sums in the lock."""
    return {path.split("/")[1] for part in LOCKED.values() for path in part if path.startswith(f"{name}/")}


def test_pythons_of_this_machine_are_those_that_the_package_takes_and_the_tests_try() -> None:
    told = tuple(re.findall(r"\d\.\d+", rows("This machine")["Python"][0].partition(":")[0]))
    assert told == pythons.HERE
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == f">={told[0]}"


def test_pythons_of_hosts_are_those_that_the_tests_try_where_they_are_found() -> None:
    proved, _, not_run = rows("Hosts")["Python"]
    assert (*proved.split(", "), *re.findall(r"^3\.\d+", not_run)) == pythons.HOSTS


def test_systems_are_those_that_the_roles_do_not_refuse() -> None:
    systems = yaml.safe_load((ROOT / "roles/base/defaults/main.yml").read_text())["base_supported_systems"]
    assert rows("Hosts")["system"][0].startswith(f"{', '.join(systems)}, ")


def test_architectures_are_proved_where_files_are_locked_and_else_said_to_be_known() -> None:
    with_files = {path.split("/")[2] for part in LOCKED.values() for path in part}
    proved, _, known = rows("Hosts")["architecture"]
    assert set(re.findall(r"\w+64", proved)) == with_files
    assert set(re.findall(r"\w+64", f"{proved} {known}")) == {*CATALOG.architectures}


@pytest.mark.parametrize("name", sorted(CATALOG.components))
def test_each_component_has_the_catalog_s_versions_and_says_which_are_locked(name: str) -> None:
    about = CATALOG.components[name]
    used, also, others = rows("Kubernetes and its parts")[name]
    more = [version for version in about["versions"] if version != about["default"]]
    assert used.partition(", ")[0] == about["default"]
    assert also == ", ".join(version for version in more if version in locked(name))
    assert others == ", ".join(version for version in more if version not in locked(name))
    assert about["default"] in locked(name) or "from" in used


def test_the_page_has_no_component_that_the_catalog_lacks() -> None:
    versions = {name for name, cells in rows("Kubernetes and its parts").items() if re.match(r"\d", cells[0])}
    assert versions == set(CATALOG.components)


@pytest.mark.parametrize("key", ["cni", "api_endpoint_mode", "logging_agent"])
def test_each_choice_of_a_key_is_named(key: str) -> None:
    (cells,) = [cells for name, cells in rows("Kubernetes and its parts").items() if f"(`{key}`)" in name]
    assert {word for word in re.findall(r"`([^`]+)`", "|".join(cells)) if "/" not in word} == set(KEYS[key]["enum"])


def test_each_key_that_is_named_exists() -> None:
    assert {*re.findall(r"\(`(\w+)`\)", PAGE)} <= set(KEYS)


def test_each_dashboard_is_named() -> None:
    assert [name for name in PROVIDERS if name not in "".join(rows("Kubernetes and its parts")["dashboard"])] == []


def test_each_form_that_the_lab_raises_is_named() -> None:
    told = {name: cells[0] for name, cells in rows("Forms").items()}
    assert {name for name, test in told.items() if test == "`tests/lab/test_forms.py`"} == set(FORMS)


def test_each_test_that_is_named_exists() -> None:
    named = re.findall(r"`(tests/[^`]+\.py)`", PAGE)
    assert len(named) > 15
    assert [name for name in named if not (ROOT / name).is_file()] == []
