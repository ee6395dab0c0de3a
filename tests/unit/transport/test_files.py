"""A run on many hosts is not ended by the limit of open files that a login sets."""

from __future__ import annotations

import resource

import pytest

from clusterbook.transport import files

Limits = tuple[int, int]


@pytest.mark.parametrize(("before", "connections", "after"), [
    ((1024, 4096), 100, None),
    ((1024, 1_048_576), 1000, (2256, 1_048_576)),
    ((1024, 4096), 5000, (4096, 4096)),
    ((1024, resource.RLIM_INFINITY), 5000, (10256, resource.RLIM_INFINITY)),
    ((resource.RLIM_INFINITY, resource.RLIM_INFINITY), 5000, None),
])  # fmt: skip
def test_the_soft_limit_rises_to_what_the_connections_need_and_never_above_the_hard_one(
    monkeypatch: pytest.MonkeyPatch, before: Limits, connections: int, after: Limits | None
) -> None:
    made: list[Limits] = []
    monkeypatch.setattr(resource, "getrlimit", lambda which: before)
    monkeypatch.setattr(resource, "setrlimit", lambda which, limits: made.append(limits))
    files.allow(connections)
    assert made == ([] if after is None else [after])
