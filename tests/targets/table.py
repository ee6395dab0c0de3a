"""docs/compatibility.md, made from the results in the cache."""

from __future__ import annotations

import platform
import subprocess
import time
from collections.abc import Iterator, Mapping

from tests.targets import suite
from tests.targets.host import Result
from tests.targets.selection import Reasons, chosen

DOCUMENT = suite.ROOT / "docs" / "compatibility.md"
Results = Mapping[tuple[str, str], Result]
_HEAD = """# Compatibility with Ansible's own tests
<!-- made by `make targets`; do not edit -->

ansible-core {release} brings integration targets: the tests by which Ansible is released. Each target here was run on a
Debian 12 host of the lab by `ansible-playbook` {release} and then, from the same state of the host, by
`clusterbook-playbook`. A target passes as a whole or not at all.

- clusterbook: commit `{commit}`, {date}, Python {python}; a target that passed is not run again with each commit.
- `ansible-playbook` was given {tried} targets and passes {oracle} of them there (the others need the internet or a host
  that this is not); of these **{ours} pass with `clusterbook-playbook`**.
- {left} targets are not run; the last table says why.

Run it yourself: `make targets` (hours; results are kept in `~/.cache/clusterbook/targets/results`, so a second run
repeats only ours), `python -m tests.targets 'lookup_*'` for some. `make test` runs ten of them.

## Results
| target | ansible-playbook | clusterbook-playbook | why |
|---|---|---|---|
"""


def write(results: Results, reasons: Reasons) -> None:
    """Write the document; the section of `python -m tests.community` at its end stays."""
    _, title, others = DOCUMENT.read_text().partition("\n## Roles of others\n")
    DOCUMENT.write_text(text(results, reasons) + title + others)


def text(results: Results, reasons: Reasons) -> str:
    """The document."""
    names = [one.name for one in chosen(reasons) if ("oracle", one.name) in results]
    good = [name for name in names if results["oracle", name].status == "pass"]
    both = [name for name in good if _status(results, "ours", name) == "pass"]
    left = [one.name for one in suite.targets() if reasons.why_left_out(one.name)]
    head = _HEAD.format(
        release=suite.RELEASE, commit=_commit(), date=time.strftime("%Y-%m-%d"), python=platform.python_version(),
        tried=len(names), oracle=len(good), ours=len(both), left=len(left),
    )
    rows = "".join(_row(results, reasons, name) + "\n" for name in sorted(names))
    return head + rows + "\n## Not run\n| targets | why |\n|---|---|\n" + "".join(_left_out(reasons, left))


def _row(results: Results, reasons: Reasons, name: str) -> str:
    oracle, ours = _status(results, "oracle", name), _status(results, "ours", name)
    why = ""
    if oracle != "pass":
        why = "ansible-playbook does not pass it on this host"
    elif ours not in ("pass", ""):
        why = reasons.why_failing(name, results["ours", name].output).replace("|", "\\|")
    return f"| {name} | {oracle} | {ours or 'not run'} | {why} |"


def _left_out(reasons: Reasons, names: list[str]) -> Iterator[str]:
    by_reason: dict[str, list[str]] = {}
    for name in names:
        by_reason.setdefault(reasons.why_left_out(name), []).append(name)
    for reason, found in by_reason.items():
        yield f"| {', '.join(found)} | {reason} |\n"


def _status(results: Results, tool: str, name: str) -> str:
    found = results.get((tool, name))
    return found.status if found else ""


def _commit() -> str:
    words = ["git", "-C", str(suite.ROOT), "rev-parse", "--short", "HEAD"]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
