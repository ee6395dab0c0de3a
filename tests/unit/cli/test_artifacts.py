"""`artifacts` on the command line."""

from __future__ import annotations

import pytest

from tests.unit.cli.conftest import Call


def test_for_programs_what_is_fetched_is_told_on_standard_error(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clusterbook.cli.artifacts._supply", lambda *_: None)
    code, output, errors = call("artifacts", "--fetch", "--name", "etcd", "--json")
    assert (code, output) == (0, "") and "1 component in the cache" in errors
