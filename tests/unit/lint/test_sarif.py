"""Findings for code hosts, held against the parts of SARIF that those read."""

from __future__ import annotations

from pathlib import Path

from clusterbook.errors import Position
from clusterbook.lint import RULES, Finding
from clusterbook.lint.sarif import sarif


def test_a_finding_names_its_rule_its_file_from_the_project_and_its_place() -> None:
    finding = Finding("missing-name", "this play has no name", Position("/p/playbooks/a.yml", 3, 5), "Name it.")
    (run,) = sarif([finding], Path("/p"), "1.0")["runs"]
    (result,) = run["results"]
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "playbooks/a.yml"
    assert place["region"] == {"startLine": 3, "startColumn": 5}
    assert (result["ruleId"], result["level"]) == ("missing-name", "warning")
    assert result["message"]["text"] == "this play has no name. Name it."


def test_every_rule_is_described_with_its_level() -> None:
    (run,) = sarif([], Path("/p"), "1.0")["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == list(RULES)
    assert {rule["defaultConfiguration"]["level"] for rule in rules} == {"error", "warning"}
