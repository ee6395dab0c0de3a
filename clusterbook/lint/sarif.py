"""Findings as SARIF 2.1.0, which code hosts show beside the lines of a change."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from clusterbook.lint.findings import RULES, Finding


def sarif(findings: Iterable[Finding], root: Path, version: str) -> dict[str, Any]:
    """One SARIF document. root: files below it are named relative to it."""
    rules = [
        {"id": name, "shortDescription": {"text": rule.about}, "defaultConfiguration": {"level": rule.severity}}
        for name, rule in RULES.items()
    ]
    driver = {"name": "clusterbook lint", "version": version, "rules": rules}
    run = {"tool": {"driver": driver}, "results": [_result(finding, root) for finding in findings]}
    return {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}


def _result(finding: Finding, root: Path) -> dict[str, Any]:
    path = Path(finding.where.file)
    name = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()
    region = {"startLine": max(1, finding.where.line), "startColumn": max(1, finding.where.column)}
    return {
        "ruleId": finding.rule,
        "level": finding.severity,
        "message": {"text": f"{finding.message}. {finding.next_step}"},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": name}, "region": region}}],
    }
