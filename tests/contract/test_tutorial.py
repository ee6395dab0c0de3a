"""The tutorial's commands are understood, and its upgrade is one that can be had; a lab types the whole page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from invoke.parser import Parser

from clusterbook.cli.main import passed_on
from clusterbook.cli.namespace import collection
from clusterbook.cluster.artifacts.catalog import load as load_catalog
from tests.lab.page import Command, Shell, commands, type_in

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "tutorial.md"
STEPS = [step for steps in commands(PAGE).values() for step in steps]
TASKS = [step for step in STEPS if step.line.startswith("invoke ")]


@pytest.mark.parametrize("step", TASKS, ids=lambda step: step.line)
def test_each_task_of_the_page_is_understood_as_it_is_typed(step: Command) -> None:
    argv = passed_on(["invoke", *step.words])
    Parser(contexts=collection(argv[1:]).to_contexts()).parse_argv(argv[1:])


def test_the_upgrade_goes_from_a_locked_version_to_the_one_that_a_cluster_gets_by_itself() -> None:
    kubernetes = load_catalog().components["kubernetes"]
    lock = yaml.safe_load((ROOT / "clusterbook/cluster/artifacts/lock.yaml").read_text())["builds"]
    (older,) = re.findall(r"```yaml\nkubernetes_version: (\S+)\n```", PAGE.read_text())
    assert older != kubernetes["default"] and f"kubernetes/{older}/amd64" in lock
    assert {to for step in STEPS for to in re.findall(r"upgrade --to (\S+)", step.line)} == {kubernetes["default"]}
    assert {*re.findall(r"v(\d+\.\d+\.\d+)", PAGE.read_text())} == {older, kubernetes["default"]}


def test_a_command_that_goes_on_until_ctrl_c_is_interrupted_and_the_next_one_is_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.lab.page.INTERRUPT_SECONDS", 0.2)
    (tmp_path / "notes").write_text("words\n")
    (tmp_path / "page.md").write_text("## A\n```console\n$ tail -f notes\nwords\n^C\n$ echo next\nnext\n```\n")
    steps, shell = commands(tmp_path / "page.md")["A"], Shell({"PATH": "/usr/bin:/bin"}, tmp_path)
    try:
        type_in(steps, shell)
    finally:
        shell.close()
    assert [step.interrupted for step in steps] == [True, False]
