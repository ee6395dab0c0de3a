"""The last run of each file of tests that CI has no time for, kept as data: docs/reports/full.json.

A file's entry is written where all of it ran, with CLUSTERBOOK_FULL: by `make full`, or by pytest with that file alone.
"""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[2]
REPORT = ROOT / "docs" / "reports" / "full.json"
# What makes all tests of a file long forms, or gives them more to do.
MARKS = (
    'pytestmark = pytest.mark.skipif("CLUSTERBOOK_FULL" not in os.environ', 'FULL = "CLUSTERBOOK_FULL" in os.environ',
)  # fmt: skip


def files() -> list[str]:
    """Every file of long forms, from the project's folder."""
    found = (ROOT / "tests" / "lab").glob("test_*.py")
    return sorted(str(path.relative_to(ROOT)) for path in found if any(mark in path.read_text() for mark in MARKS))


@dataclass
class Record:
    """What came of the tests of a session. outcomes: file -> outcome -> tests; seconds: file -> seconds in all;
    numbers: file -> what a test measured by its name."""

    outcomes: dict[str, Counter[str]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    numbers: dict[str, dict[str, float]] = field(default_factory=dict)

    def add(self, file: str, outcome: str, when: str, seconds: float) -> None:
        """Count a phase of a test. when: setup, call or teardown; a test is counted once, by the phase that decides."""
        self.seconds[file] = self.seconds.get(file, 0) + seconds
        counts = self.outcomes.setdefault(file, Counter())
        if when == "call" or outcome != "passed":
            counts[outcome] += 1

    def measured(self, file: str, name: str, value: float) -> None:
        """Keep a number of a test beside the counts of its file. name: with its unit."""
        self.numbers.setdefault(file, {})[name] = round(value, 1)

    def write(self, report: Path = REPORT) -> None:
        """Put the entries of this session's files of long forms into the report; others stay."""
        kept = json.loads(report.read_text()) if report.exists() else {}
        now, made = f"{datetime.now(UTC):%Y-%m-%d}", commit()
        for file in self.outcomes.keys() & set(files()):
            counts = self.outcomes[file]
            kept[file] = {"date": now, "commit": made, "seconds": round(self.seconds[file]),
                          **{word: counts[word] for word in ("passed", "failed", "skipped")},
                          **({"numbers": self.numbers[file]} if file in self.numbers else {})}  # fmt: skip
        report.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")


def commit() -> str:
    """Of the code that is running."""
    asked = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()
