"""The one precedence table, and who set what."""

from __future__ import annotations

from pathlib import Path

from clusterbook.inventory import load as load_inventory
from clusterbook.project import load as load_project
from clusterbook.source import load_text
from clusterbook.variables import PRECEDENCE, Layer, explain, merge, project_layers


def test_later_layers_win() -> None:
    assert merge([Layer("cluster", "", {"a": 1, "b": 1}), Layer("inventory host", "h", {"a": 2})]) == {"a": 2, "b": 1}


def test_an_explanation_lists_every_place_with_the_winner_first() -> None:
    low = Layer("role defaults", "web", load_text("port: 80", "roles/web/defaults/main.yml"))
    high = Layer("inventory host", "cp-1", load_text("\nport: 8080", "lab.yml"))
    found = explain("port", [high, low])
    assert [(item.value, item.wins, item.layer.title(), str(item.position)) for item in found] == [
        (8080, True, "inventory host cp-1", "lab.yml:2:1"),
        (80, False, "role defaults web", "roles/web/defaults/main.yml:1:1"),
    ]
    assert explain("other", [low]) == []
    assert str(Layer("extra vars", "", {"a": 1}).position("a")) == ""


def test_plays_roles_blocks_and_tasks_are_layers_too(tmp_path: Path) -> None:
    (tmp_path / "roles/web/defaults").mkdir(parents=True)
    (tmp_path / "roles/web/defaults/main.yml").write_text("v: defaults\n")
    (tmp_path / "inventory.yml").write_text("all: {hosts: {h: {v: host}}}")
    (tmp_path / "files.yml").write_text("v: file\n")
    (tmp_path / "play.yml").write_text(
        "- hosts: all\n  vars: {v: play}\n  vars_files: [files.yml]\n  roles: [{role: web, v: parameter}]\n"
        "  tasks:\n  - vars: {v: block}\n    block:\n    - {debug: , vars: {v: task}}\n"
    )
    inventory = load_inventory(tmp_path / "inventory.yml", tmp_path / "play.yml", {"v": "cluster"})
    layers = [*project_layers(load_project(tmp_path / "play.yml")), *inventory.layers["h"]]
    layers.append(Layer("extra vars", "", {"v": "extra"}))
    values = [item.value for item in explain("v", layers)]
    assert values == ["extra", "parameter", "task", "block", "file", "play", "host", "cluster", "defaults"]


def test_what_tasks_set_for_the_rest_of_the_run_is_a_layer_too(tmp_path: Path) -> None:
    (tmp_path / "vars").mkdir()
    (tmp_path / "vars/more.yml").write_text("v: included\n")
    (tmp_path / "more.yml").write_text("- {debug: , vars: {v: further}}\n")
    (tmp_path / "play.yml").write_text(
        "- hosts: all\n  handlers: [{name: h, debug: , vars: {v: handler}}]\n  tasks:\n    - include_vars: more.yml\n"
        "    - set_fact: {v: fact}\n    - {ping: , register: v}\n"
        "    - include_tasks: more.yml\n      vars: {v: given}\n"
    )
    found = explain("v", project_layers(load_project(tmp_path / "play.yml")))
    shown = [(item.value, item.layer.kind, Path(item.position.file).name, item.position.line) for item in found]
    assert shown == [
        ("given", "include parameters", "play.yml", 8),
        ("the result of ansible.builtin.ping", "set_fact and register", "play.yml", 6),
        ("fact", "set_fact and register", "play.yml", 5),
        ("included", "include_vars", "more.yml", 1),
        ("further", "task vars", "more.yml", 1),
        ("handler", "task vars", "play.yml", 2),
    ]


def test_the_table_is_ansibles_with_the_cluster_below_the_inventory() -> None:
    order = [
        "role defaults",
        "cluster",
        "inventory group",
        "inventory host",
        "facts",
        "play vars",
        "role vars",
        "extra vars",
    ]
    assert [kind for kind in PRECEDENCE if kind in order] == order
