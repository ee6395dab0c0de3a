"""Straight lines through what was measured at several numbers of nodes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# What is fitted over the number of nodes: name -> where a row of the report has it.
FITTED: Mapping[str, tuple[str, ...]] = {
    **{f"memory of {name}": ("rest", "memory", name) for name in
       ("kube-apiserver", "etcd", "kube-controller-manager", "kube-scheduler", "haproxy")},
    **{f"processor of {name}": ("rest", "cpu", name) for name in
       ("kube-apiserver", "etcd", "kube-controller-manager", "kube-scheduler", "haproxy")},
    "requests a second": ("rest", "requests"), "requests at a time": ("rest", "seats"), "watches": ("rest", "watches"),
    "connections": ("rest", "connections"), "objects": ("rest", "objects"),
    "etcd's file": ("rest", "database_mib"), "writes to etcd a second": ("rest", "puts"),
    "validate-cluster": ("tool", "validate-cluster", "seconds"), "status": ("tool", "status", "seconds"),
    "validate-cluster's processor": ("tool", "validate-cluster", "cpu"),
    "status's processor": ("tool", "status", "cpu"),
}  # fmt: skip


@dataclass(frozen=True)
class Line:
    """y = base + each * nodes. fit: the share of the variance that the line explains, 0 to 1."""

    base: float
    each: float
    fit: float

    def at(self, nodes: float) -> float:
        """What the line says; one that falls is taken for noise, and level."""
        return self.base + max(0.0, self.each) * nodes


def line(points: Sequence[tuple[float, float]]) -> Line:
    """By least squares."""
    count = len(points)
    middle_x, middle_y = (sum(one[axis] for one in points) / count for axis in (0, 1))
    spread = sum((x - middle_x) ** 2 for x, _ in points)
    each = sum((x - middle_x) * (y - middle_y) for x, y in points) / spread if spread else 0.0
    base = middle_y - each * middle_x
    all_of_it = sum((y - middle_y) ** 2 for _, y in points)
    left = sum((y - base - each * x) ** 2 for x, y in points)
    return Line(base, each, 1 - left / all_of_it if all_of_it > 1e-12 else 1.0)


def lines(rows: Iterable[Mapping[str, Any]]) -> dict[str, Line]:
    """Every fitted name that the rows have, over their nodes without added pods."""
    plain = [row for row in rows if not row["pods_added"]]
    found = {}
    for name, path in FITTED.items():
        points = [(float(row["nodes"]), value) for row in plain if (value := _at(row, path)) is not None]
        if len(points) > 1:
            found[name] = line(points)
    return found


def rounded(value: float, digits: int = 2) -> float:
    """To so many significant digits: a line through five points knows no more."""
    return 0.0 if not value else round(value, digits - 1 - math.floor(math.log10(abs(value))))


def _at(row: Mapping[str, Any], path: Sequence[str]) -> float | None:
    found: Any = row
    for part in path:
        if not isinstance(found, Mapping) or part not in found:
            return None
        found = found[part]
    return None if found is None else float(found)
