"""docs/compatibility.md, made from the results in the cache."""

from __future__ import annotations

import platform
import re
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from tests.targets import suite
from tests.targets.host import Result
from tests.targets.selection import NOT_LOOKED_AT, Reasons, chosen

DOCUMENT = suite.ROOT / "docs" / "compatibility.md"
NOT_RUN = "not run"
_ROW = re.compile(r"^\| ([\w-]+) \| (\w+) \| (pass|fail|timeout|not run) \| (.*) \|$", re.MULTILINE)
_RUN = re.compile(r"^- clusterbook: commit .*?;", re.MULTILINE)
Results = Mapping[tuple[str, str], Result]
_HEAD = """# Compatibility with Ansible's own tests
<!-- made by `make targets`; do not edit -->

ansible-core {release} brings integration targets: the tests by which Ansible is released. Each target here was run on a
Debian 12 host of the lab by `ansible-playbook` {release} and then, from the same state of the host, by
`clusterbook-playbook`. A target passes as a whole or not at all.

{run} a row stays until its target is run again.
- `ansible-playbook` was given {tried} targets and passes {oracle} of them there (the others need the internet or a host
  that this is not); of these **{ours} pass with `clusterbook-playbook`**.
- {left} targets are not run; the last table says why.

What each module returns, and what Ansible's returns beside that, is in [Modules](modules.md#results).

Run it yourself: `make targets` (hours; results are kept in `~/.cache/clusterbook/targets/results`, so a second run
repeats only ours), `python -m tests.targets 'lookup_*'` for some. `make test` runs ten of them.

## Results
| target | ansible-playbook | clusterbook-playbook | why |
|---|---|---|---|
"""


@dataclass(frozen=True)
class Row:
    """One target. oracle, ours: how it ended with each tool; why: it fails."""

    name: str
    oracle: str
    ours: str
    why: str = ""

    def line(self) -> str:
        """The row as the document has it."""
        return f"| {self.name} | {self.oracle} | {self.ours} | {self.why} |"


def write(results: Results, reasons: Reasons) -> None:
    """Write the document; the section of `python -m tests.community` at its end stays."""
    targets, title, others = DOCUMENT.read_text().partition("\n## Roles of others\n")
    DOCUMENT.write_text(text(results, reasons, targets) + title + others)


def text(results: Results, reasons: Reasons, before: str = "") -> str:
    """The document. before: as it was; a row stays where there is no newer result, the line of the run without any."""
    kept = {name: Row(name, *rest) for name, *rest in _ROW.findall(before)}
    names = [one.name for one in chosen(reasons) if ("oracle", one.name) in results or one.name in kept]
    rows = [_row(results, reasons, kept.get(name, Row(name, "", NOT_RUN))) for name in sorted(names)]
    good = [row.ours for row in rows if row.oracle == "pass"]
    left = [one.name for one in suite.targets() if reasons.why_left_out(one.name)]
    run = _RUN.search(before) if not results else None
    head = _HEAD.format(
        release=suite.RELEASE, run=run.group() if run else _this_run(), tried=len(rows), oracle=len(good),
        ours=good.count("pass"), left=len(left),
    )
    lines = "".join(row.line() + "\n" for row in rows)
    return head + lines + "\n## Not run\n| targets | why |\n|---|---|\n" + "".join(_left_out(reasons, left))


def _row(results: Results, reasons: Reasons, kept: Row) -> Row:
    oracle, ours = results.get(("oracle", kept.name)), results.get(("ours", kept.name))
    ended = Row(kept.name, oracle.status if oracle else kept.oracle, ours.status if ours else kept.ours)
    if ended.oracle != "pass":
        return replace(ended, why="ansible-playbook does not pass it on this host")
    if ended.ours in ("pass", NOT_RUN):
        return ended
    known = reasons.why_failing(kept.name, ours.output if ours else "")
    unknown = ours is None and known.startswith(NOT_LOOKED_AT)
    return replace(ended, why=kept.why if unknown else known.replace("|", "\\|"))


def _left_out(reasons: Reasons, names: list[str]) -> Iterator[str]:
    by_reason: dict[str, list[str]] = {}
    for name in names:
        by_reason.setdefault(reasons.why_left_out(name), []).append(name)
    for reason, found in by_reason.items():
        yield f"| {', '.join(found)} | {reason} |\n"


def _this_run() -> str:
    return f"- clusterbook: commit `{_commit()}`, {time.strftime('%Y-%m-%d')}, Python {platform.python_version()};"


def _commit() -> str:
    words = ["git", "-C", str(suite.ROOT), "rev-parse", "--short", "HEAD"]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
