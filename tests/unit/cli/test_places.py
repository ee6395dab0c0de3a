"""Where playbooks and inventories are found."""

from __future__ import annotations

from pathlib import Path

import pytest

from clusterbook.cli import places
from clusterbook.errors import Failed, InvalidInput


def test_a_project_of_ones_own_comes_first(tmp_path: Path) -> None:
    (tmp_path / "playbooks").mkdir()
    mine = tmp_path / "playbooks" / "site.yml"
    mine.write_text("[]")
    assert places.playbook("site", tmp_path) == mine


def test_what_the_project_lacks_comes_from_clusterbook(tmp_path: Path) -> None:
    assert places.playbook("site", tmp_path) == places.brought() / "playbooks" / "site.yml"
    assert places.inventory("lab", tmp_path) == places.brought() / "inventory" / "lab.yml"


def test_a_path_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "mine.yml").write_text("[]")
    assert places.playbook("mine.yml", tmp_path) == tmp_path / "mine.yml"


def test_a_project_is_found_from_below(tmp_path: Path) -> None:
    (tmp_path / "inventory").mkdir()
    (tmp_path / "inventory" / "metal.yml").write_text("all:")
    (tmp_path / "deep" / "er").mkdir(parents=True)
    assert places.inventory("metal", tmp_path / "deep" / "er") == tmp_path / "inventory" / "metal.yml"


def test_an_unknown_name_is_refused_with_the_nearest_one(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="there is no playbook 'sit'; did you mean 'site'") as refused:
        places.playbook("sit", tmp_path)
    assert "reset" in refused.value.next_step


def project_with(tmp_path: Path, *names: str) -> Path:
    (tmp_path / "inventory" / "group_vars").mkdir(parents=True)
    for name in names:
        (tmp_path / "inventory" / name).write_text("all:")
    return tmp_path


def test_the_only_inventory_of_a_project_is_meant_when_none_is_named(tmp_path: Path) -> None:
    project = project_with(tmp_path, "here.yml", "metal.yml")
    assert places.inventory("", project) == project / "inventory" / "metal.yml"


def test_of_several_inventories_none_is_guessed(tmp_path: Path) -> None:
    project = project_with(tmp_path, "here.yml", "vagrant.yml", "staging.yml", "production.ini")
    with pytest.raises(InvalidInput, match="this project has several inventories: production, staging") as refused:
        places.inventory("", project)
    assert "--inventory NAME, or for every command: export CLUSTERBOOK_INVENTORY=NAME" in refused.value.next_step


def test_a_project_without_an_inventory_means_the_lab(tmp_path: Path) -> None:
    assert places.default_inventory(project_with(tmp_path)) == "lab"


def test_a_project_with_an_inventory_of_its_own_called_lab_has_several(tmp_path: Path) -> None:
    project = project_with(tmp_path, "here.yml", "metal.yml", "lab.yml")
    assert places.inventory("", project) == project / "inventory" / "lab.yml"


def test_the_environment_names_the_inventory_that_is_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLUSTERBOOK_INVENTORY", "staging")
    assert places.default_inventory(project_with(tmp_path, "staging.yml", "production.yml")) == "staging"


def test_in_a_clone_the_lab_is_meant() -> None:
    assert places.default_inventory(places.brought()) == "lab"


def test_where_the_program_is_nowhere_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/nowhere/python3")
    monkeypatch.setattr("shutil.which", lambda _: None)
    with pytest.raises(Failed, match="the program clusterbook is not on the path, so nothing else can be told to"):
        places.installed_program()
