"""What a comparison found: lines while it runs, and the document."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.differential.cases import HERE, PHASES, Case, find
from tests.differential.compare import Observed, Verdict
from tests.differential.results import Result
from tests.differential.tools import RELEASE
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


def document(found: list[tuple[Case, Result]]) -> str:
    """docs/differential.md."""
    sections: dict[str, list[tuple[Case, Result]]] = {}
    for case, result in found:
        sections.setdefault(case.section, []).append((case, result))
    whole = sum(_word(*pair) == "same" for pair in found)
    unlike = [(case, result) for case, result in found if not result.same]
    every = len(find([]))
    part = f" (of {every}; the others have not been compared yet)" if len(found) < every else ""
    lines = [
        "# The same playbooks under ansible-playbook",
        "",
        f"Written by `make differential` on {datetime.now(UTC):%Y-%m-%d}, against ansible-core {RELEASE}: {len(found)}",
        f"playbooks{part}, {whole} the same in everything, "
        f"{len(found) - whole - len(unlike)} with a difference that is meant, {len(unlike)} with one that is not.",
        "The last table says on which day each was compared.",
        "",
        "Where ansible-playbook's check mode does not tell what the run then does, because a step meets what an",
        "earlier one would have made, and ours tells it, that is counted as the same: counts and status of our check",
        "must be those of the first run of both tools.",
        "",
        "Each tool has a pair of hosts (Debian 12) of its own. A playbook runs on bare hosts in check mode, then twice",
        "for real. After each run these must be the same: the exit status; the counts of the recap (ok, changed,",
        "unreachable, failed, skipped, rescued, ignored); every path of the hosts with kind, mode, owner and content,",
        "and so accounts; units; packages; and what the playbook wrote on the local machine.",
        "",
        "| section | playbooks | the same |", "|---|---|---|",
        *(f"| [{name}](../tests/{HERE.name}/playbooks/{name}) | {len(own)} | "
          f"{sum(_word(*pair) == 'same' for pair in own)} |" for name, own in sorted(sections.items())),
        "", "## Differences that are meant", "",
        "| playbook | run, aspect | why |", "|---|---|---|",
        *(f"| {case.name} | {phase}, {aspect} | {why} |"
          for case, _ in found for (phase, aspect), why in case.differs.items()),
    ]  # fmt: skip
    if unlike:
        lines += ["", "## Differences that are not meant", ""]
        lines += [f"- {case.name}: " + ", ".join((*result.unlike, *result.stale)) for case, result in unlike]
    lines += ["", "## What is not compared", "", "The day of a password's change in /etc/shadow; the line in which "
              "crontab(1) says from which file it made a table, and when; and these paths:",
              "", "| pattern | why |", "|---|---|"]
    lines += [f"| `{pattern.replace('|', ' or ')}` | {why} |" for pattern, why in VOLATILE]
    lines += ["", "## Playbooks", "", "| playbook | what it shows | | compared |", "|---|---|---|---|"]
    lines += [f"| {case.name} | {case.about} | {_word(case, result)} | {result.day} |" for case, result in found]
    return "\n".join(lines) + "\n"


def _word(case: Case, result: Result) -> str:
    return "unlike" if not result.same else "declared" if case.differs else "same"
