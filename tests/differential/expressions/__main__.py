"""`python -m tests.differential.expressions`: ask ansible-core for every expression of the table again.

A program in the oracle's environment evaluates them all. Where the table says something else, a line says so, and the
exit status is 1.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.differential import tools
from tests.differential.known import CACHE

TABLE = Path(__file__).parent
# What filters of collections and bcrypt need there.
LIBRARIES = ("netaddr", "jmespath", "bcrypt<4.1")


def main() -> int:
    """Exit status 0 when the table says what ansible-core says."""
    groups = yaml.safe_load((TABLE / "cases.yml").read_text("utf-8"))["groups"]
    wrong = list(differences(groups, answers(groups)))
    for line in wrong:
        print(line)
    count = sum(len(group["cases"]) for group in groups)
    print(f"{count} expressions, {len(wrong)} of them not as ansible-core has them")
    return 1 if wrong else 0


def answers(groups: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """What ansible-core made of each case, in order: {gives} or {fails}."""
    asked = [{"vars": group["vars"], "texts": [text(case["of"]) for case in group["cases"]]} for group in groups]
    python = tools.oracle_python(CACHE)
    if subprocess.run([python, "-c", "import bcrypt, jmespath, netaddr"], capture_output=True, check=False).returncode:
        subprocess.run([python, "-m", "pip", "install", "-q", *LIBRARIES], check=True)
    done = subprocess.run(
        [python, TABLE / "ask.py", TABLE], input=json.dumps(asked), capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(done.stderr)
    yield from json.loads(done.stdout)


def text(expression: str) -> str:
    """As a template."""
    return expression if "{{" in expression or "{%" in expression else "{{ " + expression + " }}"


def differences(groups: list[dict[str, Any]], found: Iterator[dict[str, Any]]) -> Iterator[str]:
    """A line for each case whose row of the table is wrong."""
    cases = [case for group in groups for case in group["cases"]]
    for case, result in zip(cases, found, strict=True):
        if bool(case.get("fails")) != ("fails" in result):
            yield f"{case['of']}: {result}"
        elif "gives" in result and result["gives"] != case["gives"]:
            yield f"{case['of']}: gives {result['gives']!r}, not {case['gives']!r}"


if __name__ == "__main__":
    sys.exit(main())
