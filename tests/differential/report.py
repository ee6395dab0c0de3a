"""What a comparison found: lines while it runs, and the document."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime

from tests.differential.cases import HERE, PHASES, find
from tests.differential.compare import Observed, Verdict
from tests.differential.tools import RELEASE, ROOT
from tests.differential.volatile import VOLATILE


def line(verdict: Verdict) -> str:
    """One case, with all that differs."""
    lines = [f"{'same' if verdict.same else 'UNLIKE':6}  {verdict.case.name}"]
    for phase, aspect, words in verdict.unlike:
        lines += [f"        {phase} {aspect}:", *(f"          {text}" for text in words.splitlines())]
    lines += [f"        {phase} {aspect} is declared to differ, and does not" for phase, aspect in verdict.stale]
    return "\n".join(lines)


def outputs(theirs: Observed, ours: Observed) -> str:
    """What both tools printed."""
    parts = []
    for phase in PHASES:
        parts += [f"--- {phase}: ansible-playbook", theirs[phase]["output"]]
        parts += [f"--- {phase}: clusterbook-playbook", ours[phase]["output"]]
    return "\n".join(parts)


def summary(verdicts: list[Verdict]) -> str:
    """One sentence."""
    unlike = [verdict.case.name for verdict in verdicts if not verdict.same]
    declared = sum(bool(verdict.case.differs) for verdict in verdicts)
    words = f"{len(verdicts)} playbooks: {len(verdicts) - len(unlike)} as they should be, {declared} by declaration"
    return f"{words}; unlike: {', '.join(unlike)}" if unlike else words


def document(verdicts: list[Verdict]) -> str:
    """docs/differential.md."""
    words = ["git", "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    sections: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        sections.setdefault(verdict.case.section, []).append(verdict)
    whole = sum(verdict.same and not verdict.case.differs for verdict in verdicts)
    unlike = [verdict for verdict in verdicts if not verdict.same]
    every = len(find([]))
    part = f" (of {every}; the others were not run this time)" if len(verdicts) < every else ""
    lines = [
        "# The same playbooks under ansible-playbook",
        "",
        f"Written by `make differential` on {datetime.now(UTC):%Y-%m-%d}, commit {commit.stdout.strip()}, against",
        f"ansible-core {RELEASE}: {len(verdicts)} playbooks{part}, {whole} the same in everything, "
        f"{len(verdicts) - whole - len(unlike)} with a difference that is meant, {len(unlike)} with one that is not.",
        "",
        f"In {sum(one.foretold for one in verdicts)} of them ansible-playbook's check mode does not tell what the",
        "run then does, because a step meets what an earlier one would have made; ours tells it. That is counted as",
        "the same: counts and status of our check must be those of the first run of both tools.",
        "",
        "Each tool has a pair of hosts (Debian 12) of its own. A playbook runs on bare hosts in check mode, then twice",
        "for real. After each run these must be the same: the exit status; the counts of the recap (ok, changed,",
        "unreachable, failed, skipped, rescued, ignored); every path of the hosts with kind, mode, owner and content,",
        "and so accounts; units; packages; and what the playbook wrote on the local machine.",
        "",
        "| section | playbooks | the same |", "|---|---|---|",
        *(f"| [{name}](../tests/{HERE.name}/playbooks/{name}) | {len(found)} | "
          f"{sum(one.same and not one.case.differs for one in found)} |" for name, found in sorted(sections.items())),
        "", "## Differences that are meant", "",
        "| playbook | run, aspect | why |", "|---|---|---|",
        *(f"| {verdict.case.name} | {phase}, {aspect} | {why} |"
          for verdict in verdicts for (phase, aspect), why in verdict.case.differs.items()),
    ]  # fmt: skip
    if unlike:
        lines += ["", "## Differences that are not meant", ""]
        lines += [f"- {one.case.name}: " + ", ".join(f"{phase} {aspect}" for phase, aspect, _ in one.unlike)
                  for one in unlike]  # fmt: skip
    lines += ["", "## Paths that are not compared", "", "| pattern | why |", "|---|---|"]
    lines += [f"| `{pattern.replace('|', ' or ')}` | {why} |" for pattern, why in VOLATILE]
    lines += ["", "## Playbooks", "", "| playbook | what it shows | |", "|---|---|---|"]
    lines += [f"| {one.case.name} | {one.case.about} | {_word(one)} |" for one in verdicts]
    return "\n".join(lines) + "\n"


def _word(verdict: Verdict) -> str:
    return "unlike" if not verdict.same else "declared" if verdict.case.differs else "same"
