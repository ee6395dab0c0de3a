"""The controls of the benchmark, as controls.yaml has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clusterbook import source

CONTROLS = Path(__file__).with_name("controls.yaml")
BENCHMARK = "CIS Kubernetes benchmark 1.12"
NODE = ("control_plane", "worker")


@dataclass(frozen=True)
class Control:
    """What must be true on which hosts, or why it is waived: the head of controls.yaml says what each word means."""

    id: str
    title: str
    hosts: str
    automated: bool = True
    note: str = ""
    waiver: str = ""
    files: Sequence[str] = ()
    mode: str = ""
    owner: str = ""
    unit: str = ""
    present: Sequence[str] = ()
    absent: Sequence[str] = ()
    equals: Mapping[str, str] = field(default_factory=dict)
    includes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    excludes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    file: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    lines: Sequence[str] = ()
    least: Mapping[str, int] = field(default_factory=dict)
    differ: Sequence[str] = ()

    @property
    def groups(self) -> tuple[str, ...]:
        """The inventory groups whose hosts it is about."""
        return NODE if self.hosts == "node" else (self.hosts,)

    @property
    def judged_by(self) -> str:
        """The one kind of look that it takes: waiver, files, unit, file or differ."""
        return next(kind for kind in ("waiver", "files", "unit", "file", "differ") if getattr(self, kind))


def controls(path: Path = CONTROLS) -> list[Control]:
    """All of them, in the benchmark's order."""
    return [Control(**each) for each in source.load(path)]
