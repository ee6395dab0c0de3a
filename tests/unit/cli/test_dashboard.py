"""`dashboard`: whose token it shows, and what it makes in the cluster for that."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from clusterbook.cluster.cluster import Cluster
from clusterbook.cluster.kube import Kubectl
from tests.unit.cli.conftest import Call


@pytest.fixture
def became(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Command lines that this process became."""
    found: list[list[str]] = []

    def become(_: Path, argv: list[str], __: Mapping[str, str]) -> None:
        found.append(argv)

    monkeypatch.setattr(os, "execve", become)
    return found


@pytest.fixture
def kubectl(kept: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of what kubectl is called with, of a cluster that has the services in the file `services`."""
    (tmp_path / "services").write_text("service/dashboard\n")
    program = tmp_path / "kubectl"
    program.write_text(f"""#!/bin/sh
echo "$@" >> {tmp_path}/calls
case "$*" in
*"get service"*) cat {tmp_path}/services ;;
*"token clusterbook-admin"*) echo a.d.m ;;
*"token dashboard-viewer"*) echo v.i.e ;;
esac
""")
    program.chmod(0o755)
    made = Kubectl(program, tmp_path / "kubeconfig")
    monkeypatch.setattr("clusterbook.cli.dashboard.open_kubectl", lambda _: made)
    return tmp_path / "calls"


def test_without_being_asked_it_shows_a_viewer_s_token_and_makes_nothing(
    call: Call, kubectl: Path, became: list[list[str]]
) -> None:
    code, output, _ = call("dashboard", "--no-browser")
    assert code == 0 and "token (1 h)  v.i.e" in output and "administrator" not in output
    assert "apply" not in kubectl.read_text() and "clusterbook-admin" not in kubectl.read_text()
    assert "port-forward" in became[0]


def test_an_administrator_s_token_is_made_when_it_is_asked_for_and_said_to_be_one(
    call: Call, kubectl: Path, became: list[list[str]]
) -> None:
    code, output, _ = call("dashboard", "--admin", "--no-browser")
    assert code == 0
    assert output == (
        "http://127.0.0.1:8001/  until Ctrl-C\n"
        "  token (1 h)  a.d.m\n"
        "  This is an administrator's token: who has it may do everything in the cluster for 1 h.\n"
        "  To make it void now: clusterbook kubectl -- delete serviceaccount/clusterbook-admin"
        " clusterrolebinding/clusterbook:clusterbook-admin --namespace=kube-system\n"
    )
    assert "create token clusterbook-admin --namespace=kube-system --duration=1h" in kubectl.read_text()
    assert "port-forward" in became[0]


@pytest.mark.parametrize("words", [(), ("--admin",)])
def test_no_token_is_made_where_there_is_no_dashboard(
    call: Call, kubectl: Path, became: list[list[str]], tmp_path: Path, words: tuple[str, ...]
) -> None:
    (tmp_path / "services").write_text("")
    code, _, errors = call("dashboard", "--no-browser", *words)
    assert code == 3
    assert "no dashboard is deployed in this cluster" in errors and "clusterbook deploy-dashboard" in errors
    assert "token" not in kubectl.read_text() and became == []
