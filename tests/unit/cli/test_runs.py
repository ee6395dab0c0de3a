"""Options of a run, and a whole run on the local machine with its journal."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from clusterbook import journal
from clusterbook.cli import runs
from clusterbook.cli.main import Clusterbook
from clusterbook.cli.namespace import collection
from clusterbook.cli.runs import Order
from clusterbook.cli.site import Site, open_site
from clusterbook.errors import InvalidInput
from clusterbook.report.style import Style

INVENTORY = "all:\n  hosts:\n    here: {ansible_connection: local, color: blue}\n"
PLAY = """\
- name: Try
  hosts: all
  gather_facts: false
  tasks:
    - name: Write a file
      ansible.builtin.copy: {content: "{{ color }}", dest: "%s", mode: "0644"}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, machine: None) -> Path:
    (tmp_path / "hosts.yml").write_text(INVENTORY)
    (tmp_path / "play.yml").write_text(PLAY % (tmp_path / "result"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLUSTERBOOK_STATE_STORE", f"file://{tmp_path}/store")
    return tmp_path


def call(*words: str) -> int:
    return Clusterbook(namespace=collection(["run"]), name="clusterbook").go(
        ["clusterbook", "run", "play.yml", "--inventory", "hosts", *words]
    )


def order(folder: Path, **options: bool) -> Order:
    return Order(folder / "play.yml", runs.selection(**options), Style(json=True))  # type: ignore[arg-type]


def site() -> Site:
    return open_site("hosts")


def run_events(folder: Path) -> list[dict[str, object]]:
    return journal.read(max((folder / "store" / "hosts" / "runs").iterdir()))


def test_extra_variables_are_texts_yaml_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "vars.yml").write_text("three: [1, 2]\n")
    found = runs.extra_variables(["one=1 two='a b'", "{one: 2}", f"@{tmp_path}/vars.yml"])
    assert found == {"one": 2, "two": "a b", "three": [1, 2]}


def test_an_extra_variable_without_a_value_is_refused() -> None:
    with pytest.raises(InvalidInput, match="'one' in --extra-vars is no NAME=VALUE"):
        runs.extra_variables(["one"])


def test_tags_are_separated_by_commas() -> None:
    assert runs.selection(tags="a, b,", skip_tags="c").tags == ("a", "b")


def test_a_check_says_2_and_writes_nothing_a_run_says_0_and_a_second_one_changes_nothing(folder: Path) -> None:
    assert runs.run(site(), order(folder, check=True)) == 2
    assert not (folder / "result").exists()
    assert runs.run(site(), order(folder)) == 0
    assert (folder / "result").read_text() == "blue"
    assert runs.run(site(), order(folder, check=True)) == 0


def test_every_event_of_a_run_is_in_its_journal(folder: Path) -> None:
    runs.run(site(), order(folder))
    events = run_events(folder)
    assert [events[0]["type"], events[-1]["type"]] == ["run", "summary"]
    assert events[0]["check"] is False
    assert {event["host"] for event in events if event["type"] == "result"} == {"here"}


def test_json_output_is_one_event_a_line(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    runs.run(site(), order(folder))
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert lines[-1]["hosts"]["here"]["changed"] == 1


def test_a_limit_that_chooses_no_host_of_the_play_is_refused(folder: Path) -> None:
    (folder / "play.yml").write_text((folder / "play.yml").read_text().replace("hosts: all", "hosts: all:!here"))
    with pytest.raises(InvalidInput, match=r"no host of the inventory is chosen by play\.yml"):
        runs.run(site(), order(folder))


def test_a_run_is_listed_without_a_host_being_touched(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("--list-hosts", "--list-tasks", "--list-tags") == 0
    assert capsys.readouterr().out == (
        "\nplaybook: play.yml\n\n  play #1 (all): Try\tTAGS: []\n    pattern: ['all']\n    hosts (1):\n      here\n"
        "    tasks:\n      Write a file\tTAGS: []\n      TASK TAGS: []\n"
    )
    assert call("--list-tasks", "--list-hosts", "--list-tags", "--json") == 0
    tasks = [{"name": "Write a file", "tags": []}]
    assert json.loads(capsys.readouterr().out) == [
        {"play": "Try", "pattern": "all", "hosts": ["here"], "tasks": tasks, "tags": []}
    ]
    assert not (folder / "result").exists() and not (folder / "store").exists()


def test_a_run_begins_at_the_task_that_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (folder / "play.yml").open("a") as file:
        file.write(f"    - name: Write another\n      copy: {{content: x, dest: {folder}/other, mode: '0644'}}\n")
    assert call("--start-at-task", "Write ano*") == 0
    assert (folder / "other").read_text() == "x" and not (folder / "result").exists()
    assert call("--start-at-task", "nobody") == 3
    assert "no task is called 'nobody'" in capsys.readouterr().err


def test_an_inventory_without_a_cluster_needs_no_store(folder: Path) -> None:
    assert site().cluster is None
    assert not os.path.exists(folder / "store" / "hosts" / "cluster.yaml")
