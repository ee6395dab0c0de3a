"""The section of docs/compatibility.md about roles of others, made of the results that are kept."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.community.packages import FOLDER, Package, packages
from tests.differential.compare import Observed, Verdict
from tests.differential.tools import RELEASE

DOCUMENT = Path(__file__).parents[2] / "docs" / "compatibility.md"
TITLE = "\n## Roles of others\n"
_HEAD = """<!-- made by `python -m tests.community`; do not edit -->

Roles that others wrote for Ansible, as their packages on PyPI have them, run with nothing but their defaults. Galaxy is
no package registry, so its roles are not among them. DebOps, the largest of these packages, has {debops} roles; most
need filters and lookups in Python that are its own, which clusterbook does not load. Each role here ran on twin Debian
12 hosts by `ansible-playbook` {release} and by `clusterbook-playbook`: in check mode, then twice for real. It is the
same when exit status, the counts of the recap, and everything on the hosts (files with mode, owner and content,
accounts, units, packages) are, after each of the three runs. A role that ends with 2 fails with ansible-playbook, too:
on such a host, or without values of one's own.

**{same} of {tried}** are the same in everything. Again: `python -m tests.community`.

| package | role | steps | ansible-playbook | the same | where it differs | why |
|---|---|---|---|---|---|---|
"""


@dataclass(frozen=True)
class Kept:
    """One role. status: ansible-playbook's of the first run; steps: that it counted; unlike: what differs."""

    package: str
    role: str
    status: int
    steps: int
    unlike: tuple[str, ...]


def keep(verdict: Verdict, theirs: Observed) -> None:
    """Remember what was found."""
    steps = sum(counts["ok"] + counts["skipped"] for counts in theirs["first"]["counts"].values())
    unlike = tuple(f"{phase} {aspect}" for phase, aspect, _ in verdict.unlike)
    case = verdict.case
    package, _, role = case.section.rpartition(".")
    found = Kept(package, role, theirs["first"]["status"], steps, unlike)
    path = FOLDER / "results" / f"{found.package}-{found.role}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(found)))


def write() -> None:
    """Put the section at the end of the document."""
    every = packages()
    reasons = {(one.name, role): why for one in every for role, why in one.reasons.items()}
    DOCUMENT.write_text(DOCUMENT.read_text().partition(TITLE)[0] + TITLE + section(list(_kept(every)), reasons))


def section(found: list[Kept], reasons: Mapping[tuple[str, str], str]) -> str:
    """The section's text. reasons: (package, role) -> why it differs."""
    good = [one for one in found if not one.unlike]
    rows = (
        f"| {one.package} | {one.role} | {one.steps} | {'ok' if one.status == 0 else f'ends with {one.status}'} "
        f"| {'no' if one.unlike else 'yes'} | {', '.join(one.unlike)} "
        f"| {reasons.get((one.package, one.role), 'not looked at') if one.unlike else ''} |\n"
        for one in found
    )
    return _HEAD.format(debops=197, release=RELEASE, same=len(good), tried=len(found)) + "".join(rows)


def _kept(every: list[Package]) -> Iterator[Kept]:
    for package in every:
        for role in package.roles:
            path = FOLDER / "results" / f"{package.name}-{role}.json"
            if path.is_file():
                told = json.loads(path.read_text())
                told.pop("commit", None)  # of results that were kept before
                yield Kept(**{**told, "unlike": tuple(told["unlike"])})
