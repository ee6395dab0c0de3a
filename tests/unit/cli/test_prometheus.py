"""`prometheus`: which host is asked, by which way."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clusterbook.cluster.cluster import ensure_cluster
from clusterbook.cluster.store import open_store
from tests.unit.cli.conftest import Call


@pytest.fixture
def run(tmp_path: Path, call_on_hosts: Call, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str, str]]:
    """Runs `prometheus` on a cluster with these keys."""

    def run(*words: str, **keys: Any) -> tuple[int, str, str]:
        values = {"CLUSTERBOOK_STATE_STORE": f"file://{tmp_path}/store", "CLUSTERBOOK_STORE_PASSPHRASE": "open"}
        for name, value in values.items():
            monkeypatch.setenv(name, value)
        ensure_cluster(open_store(values), "hosts", {"api_address": "192.0.2.10", **keys}, values)
        return call_on_hosts("prometheus", *words)

    return run


@pytest.fixture
def ssh(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Command lines that this process became."""
    found: list[list[str]] = []

    monkeypatch.setattr(os, "execvp", lambda _, argv: found.append(argv))
    return found


def test_the_page_comes_over_ssh_from_the_host_that_keeps_it(run: Any, ssh: list[list[str]]) -> None:
    assert "http://127.0.0.1:9000/" in run("--port", "9000", prometheus=True, prometheus_host="w-2")[1]
    (argv,) = ssh
    assert argv[:6] == ["ssh", "-N", "-o", "ExitOnForwardFailure=yes", "-L", "127.0.0.1:9000:127.0.0.1:9090"]


def test_a_cluster_without_it_is_told_how_to_get_it(run: Any, ssh: list[list[str]]) -> None:
    code, _, errors = run()
    assert code == 3 and "Set prometheus: true in cluster.yaml" in " ".join(errors.split())
    assert ssh == []


def test_a_host_that_is_none_is_told_with_the_nearest_one(run: Any, ssh: list[list[str]]) -> None:
    code, _, errors = run(prometheus=True, prometheus_host="w-22")
    assert code == 3 and "did you mean" in errors
    assert ssh == []


def test_a_port_that_is_none_is_refused(run: Any, ssh: list[list[str]]) -> None:
    code, _, errors = run("--port", "70000", prometheus=True)
    assert code == 3 and "70000 is no port" in errors
