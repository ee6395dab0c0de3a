"""Which files are looked at, by which rules, and which findings a person has accepted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from clusterbook.errors import InvalidInput, Position
from clusterbook.lint import commands, flow, modes, style, variables
from clusterbook.lint.expressions import lines_of
from clusterbook.lint.findings import Finding
from clusterbook.lint.gather import Gatherer

_ACCEPTED = re.compile(r"#\s*noqa(?::\s*([\w, -]+))?\s*$")
_CHECKS = (variables.check, commands.check, modes.check, flow.check, style.check)


@dataclass(frozen=True)
class Files:
    """What is read together: playbooks with all that they reach, folders of roles, files that set hosts' variables."""

    playbooks: tuple[Path, ...] = ()
    roles: tuple[Path, ...] = ()
    inventories: tuple[Path, ...] = ()


def lint(chosen: Files, project: Files, known: Iterable[str] = ()) -> list[Finding]:
    """What the rules find in the chosen files, file by file in the order of lines.

    project: where they belong; what it sets and reads counts, its own findings do not. known: names that something
    else sets (a cluster, extra vars).
    """
    gatherer = Gatherer()
    _read(gatherer, chosen)
    problems, wanted = list(gatherer.problems), gatherer.places()
    _read(gatherer, project)
    material = gatherer.material(known)
    found = [_invalid(problem) for problem in problems]
    found += [finding for check in _CHECKS for finding in check(material) if _inside(finding, wanted)]
    return sorted((finding for finding in dict.fromkeys(found) if not _accepted(finding)), key=_place)


def _read(gatherer: Gatherer, files: Files) -> None:
    for path in files.inventories:
        gatherer.inventory(path)
    for path in files.playbooks:
        gatherer.playbook(path)
    for path in files.roles:
        gatherer.role(path)


def _inside(finding: Finding, wanted: Iterable[str]) -> bool:
    return any(finding.where.file == place or finding.where.file.startswith(f"{place}/") for place in wanted)


def _invalid(problem: InvalidInput) -> Finding:
    return Finding("invalid", problem.message, problem.where or Position(""), problem.next_step)


def _place(finding: Finding) -> tuple[str, int, int, str]:
    return finding.where.file, finding.where.line, finding.where.column, finding.rule


def _accepted(finding: Finding) -> bool:
    """A `# noqa` at the end of the line, or of the line where the list item around it starts; alone it means all."""
    return any(not rules or finding.rule in rules for rules in _comments(finding.where))


def _comments(where: Position) -> Iterator[set[str]]:
    lines = lines_of(where.file)
    for number in range(min(where.line, len(lines)), 0, -1):
        line = lines[number - 1]
        starts = line.lstrip().startswith("- ") and len(line) - len(line.lstrip()) < where.column
        if number == where.line or starts:
            found = _ACCEPTED.search(line)
            if found:
                yield {name.strip() for name in (found.group(1) or "").split(",") if name.strip()}
        if starts:
            return
