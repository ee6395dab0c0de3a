"""docs/modules.md is what the modules' tables and the playbook of examples say."""

from __future__ import annotations

from pathlib import Path

from clusterbook import project
from clusterbook.compile import Selection, compile_plan
from clusterbook.inventory import load, matcher
from clusterbook.modules import registry
from clusterbook.schema.documentation import examples, page

DOCS = Path(__file__).parents[3] / "docs"
PLAYBOOK = DOCS / "examples/modules.yml"


def test_the_reference_is_up_to_date() -> None:
    assert (DOCS / "modules.md").read_text() == page(PLAYBOOK.read_text())


def test_every_module_has_its_section() -> None:
    lines = page(PLAYBOOK.read_text()).splitlines()
    assert [line[3:] for line in lines if line.startswith("## ")] == ["Results", *registry.names(), "Not supported"]
    told = {line.split("`")[1] for line in lines[lines.index("## Not supported"):] if line.startswith("| `")}
    assert told == set(registry.REFUSED)


def test_every_module_has_an_example() -> None:
    assert sorted(set(registry.names()) - set(examples(PLAYBOOK.read_text()))) == []


def test_the_examples_are_a_playbook_that_compiles(tmp_path: Path) -> None:
    inventory = tmp_path / "hosts.ini"
    inventory.write_text("new\n")
    hosts = load(inventory)
    plan = compile_plan(project.load(PLAYBOOK, PLAYBOOK.parent), hosts, Selection(), matcher(hosts, ""))
    assert len(plan.plays) == 2
