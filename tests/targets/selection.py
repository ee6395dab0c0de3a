"""Which targets are run, and in one line why each of the others is not or fails."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from tests.targets import suite

NOT_LOOKED_AT = "not looked at"
FILE = Path(__file__).with_name("reasons.toml")
_LAST = re.compile(r"^(?:fatal|failed): .*?\"msg\": \"((?:[^\"\\]|\\.)*)\"", re.MULTILINE)
_ERROR = re.compile(r"^(?:\[ERROR\]|error): (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Reasons:
    """left_out and failing: pairs of a pattern and a reason."""

    left_out: tuple[tuple[str, str], ...]
    failing: tuple[tuple[str, str], ...]

    def why_left_out(self, name: str) -> str:
        """Why a target is not run; empty when it is."""
        return _first(self.left_out, name)

    def why_failing(self, name: str, output: str) -> str:
        """Why a target fails: as it was written down, else the last thing that it said."""
        return _first(self.failing, name) or f"{NOT_LOOKED_AT}; ends with: " + last_words(output)


def read_reasons() -> Reasons:
    """reasons.toml."""
    found = tomllib.loads(FILE.read_text())
    pairs = {
        kind: tuple((name, one["reason"]) for one in found.get(kind, ()) for name in one["names"])
        for kind in ("left_out", "failing")
    }
    return Reasons(pairs["left_out"], pairs["failing"])


def chosen(reasons: Reasons, patterns: tuple[str, ...] = ()) -> list[suite.Target]:
    """The targets that are run, roles first; patterns: only those that match one."""
    found = [one for one in suite.targets() if one.kind != "other" and not reasons.why_left_out(one.name)]
    named = [one for one in found if not patterns or any(fnmatchcase(one.name, pattern) for pattern in patterns)]
    return sorted(named, key=lambda one: (one.kind != "role", one.name))


def last_words(output: str) -> str:
    """The last failure in the output of a target, cut to a table's width."""
    said = _LAST.findall(output) or _ERROR.findall(output) or output.strip().splitlines()[-1:]
    return " ".join(str(said[-1]).split())[:120] if said else ""


def _first(pairs: tuple[tuple[str, str], ...], name: str) -> str:
    return next((reason for pattern, reason in pairs if fnmatchcase(name, pattern)), "")
