"""Tokens for people: asked of the API by name, made anew each time, kept nowhere."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from clusterbook.cluster.kube import Kubectl
from clusterbook.cluster.tokens import PURPOSES, administrator, token
from clusterbook.errors import InvalidInput


@pytest.fixture
def kubectl(tmp_path: Path) -> Kubectl:
    """A program in kubectl's place that writes down how it was called and what it was fed."""
    program = tmp_path / "kubectl"
    program.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\ncase "$*" in *apply*) cat >> {tmp_path}/fed;; '
                       "*) echo a.b.c;; esac\n")  # fmt: skip
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return Kubectl(program, tmp_path / "kubeconfig")


def test_the_administrator_s_token_is_of_an_account_that_may_do_everything(kubectl: Kubectl, tmp_path: Path) -> None:
    assert token(kubectl, "kube/admin") == "a.b.c"
    assert json.loads((tmp_path / "fed").read_text())["items"] == administrator()
    last = (tmp_path / "calls").read_text().splitlines()[-1]
    assert last.endswith("create token clusterbook-admin --namespace=kube-system --duration=1h")
    account, binding = administrator()
    assert account["automountServiceAccountToken"] is False
    assert binding["roleRef"]["name"] == "cluster-admin" and binding["subjects"][0]["name"] == "clusterbook-admin"


def test_the_dashboard_s_token_makes_nothing(kubectl: Kubectl, tmp_path: Path) -> None:
    assert token(kubectl, "dashboard/viewer") == "a.b.c"
    assert not (tmp_path / "fed").exists()


def test_an_unknown_name_is_refused_with_those_that_there_are(kubectl: Kubectl) -> None:
    with pytest.raises(InvalidInput, match="there is no secret 'kube/root' to get") as caught:
        token(kubectl, "kube/root")
    assert caught.value.next_step == f"Names are: {', '.join(PURPOSES)}."
