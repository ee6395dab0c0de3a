"""Prove the laws with many examples and write docs/laws.md: `python -m tests.laws [EXAMPLES]`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

from clusterbook import __version__

ROOT = Path(__file__).parents[2]
# With how many processes: a host has one apt.
TESTS = {"tests/unit/modules/test_laws.py": "2", "tests/lab/test_laws.py": "0"}
LAWS = {
    "test_apply_twice_is_apply_once_and_check_foretells_it": "twice is once, check foretells",
    "test_a_plan_of_several_steps_shows_no_step_as_unchanged_that_changes": "a plan of several steps",
    "test_when_a_write_fails_each_path_is_what_it_was_or_what_it_becomes": "a failing write",
    "test_a_diff_applied_to_the_old_text_gives_the_new": "diff",
    "test_the_laws_hold_where_programs_and_authorities_remember": "on programs that remember",
    "test_the_laws_hold_on_a_real_host": "on a real host",
}
HEAD = """# The laws of modules

Every module that describes a state keeps these laws; they are proved on generated steps after generated histories:

1. To apply twice is to apply once.
2. Check mode touches nothing, and foretells the result and the changes, or says that it cannot know. In a plan of
   several steps no step that is shown as unchanged changes.
3. When a write fails (before it began, or after the content was written), each path is what it was or what it becomes;
   no temporary file is left.
4. A diff applied to the old text gives the new.

Modules whose effect is files are proved on real files; those of accounts, units, packages and rules on a real Debian 12
host; those for other distributions, and certificates, on programs and an authority that remember what they were told.
"""


def main() -> int:
    """Run the laws and write the document; pytest's exit status."""
    examples = sys.argv[1] if len(sys.argv) > 1 else "100"
    environment, codes, cases = {**os.environ, "CLUSTERBOOK_LAW_EXAMPLES": examples}, [], []
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results.xml"
        for path, processes in TESTS.items():
            argv = [sys.executable, "-m", "pytest", "-q", "-n", processes, f"--junitxml={results}", path]
            codes.append(subprocess.run(argv, cwd=ROOT, env=environment, check=False).returncode)
            cases += list(ElementTree.parse(results).iter("testcase"))
    (ROOT / "docs" / "laws.md").write_text(document(cases, examples))
    return max(codes)


def document(cases: Sequence[ElementTree.Element], examples: str) -> str:
    """The report: a row for each module."""
    rows: dict[str, dict[str, str]] = {}
    for case in cases:
        match = re.fullmatch(r"(\w+)\[(.+)\]", str(case.get("name")))
        if match and match[1] in LAWS:
            word = next((item.tag for item in case if item.tag in ("failure", "error", "skipped")), "holds")
            rows.setdefault(match[2], {})[LAWS[match[1]]] = word
    columns = list(LAWS.values())
    lines = [
        HEAD, f"Written by `make laws` on {datetime.now(UTC):%Y-%m-%d}, version {__version__}: up to",
        f"{examples} examples for each cell, a sixth of that where steps start programs.", "",
        "| module | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|",
    ]  # fmt: skip
    lines += [f"| {name} | {' | '.join(found.get(column, '') for column in columns)} |"
              for name, found in sorted(rows.items())]  # fmt: skip
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
