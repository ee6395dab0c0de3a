"""Waiting for an application: an API that is away for a moment is waited for, one that stays away is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from clusterbook.cli import apps
from clusterbook.cluster.apps.app import App
from clusterbook.cluster.kube import Kubectl
from clusterbook.errors import Failed

# A kubectl that fails as often as a file has lines, and then knows one application.
PROGRAM = """#!/bin/sh
if [ -s {left} ]; then
  sed -i 1d {left}
  echo 'Unable to connect to the server: net/http: TLS handshake timeout' >&2
  exit 1
fi
case "$*" in
*deployments*) cat {deployment} ;;
*) echo '{{"items": []}}' ;;
esac
"""


@pytest.fixture
def left(tmp_path: Path) -> Path:
    """A file with a line for each time that the API is still away."""
    return tmp_path / "left"


@pytest.fixture
def kubectl(tmp_path: Path, left: Path) -> Kubectl:
    deployment = App("hello", "nginx:1.29").deployment()
    deployment["metadata"]["generation"] = 1
    deployment["status"] = {"observedGeneration": 1, "updatedReplicas": 1, "availableReplicas": 1, "replicas": 1}
    known = tmp_path / "deployment.json"
    known.write_text(json.dumps({"items": [deployment]}))
    program = tmp_path / "kubectl"
    program.write_text(PROGRAM.format(left=left, deployment=known))
    program.chmod(0o755)
    return Kubectl(program, tmp_path / "kubeconfig")


def test_an_api_that_does_not_answer_once_is_asked_again(kubectl: Kubectl, left: Path) -> None:
    left.write_text("once\ntwice\n")
    assert apps._wait(kubectl, "hello", 30, lambda one: one.settled, True).ready == 1
    assert left.read_text() == ""


def test_one_that_stays_away_is_told_in_kubectl_s_words(
    kubectl: Kubectl, left: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apps, "PATIENCE_SECONDS", 1.0)
    left.write_text("away\n" * 1000)
    with pytest.raises(Failed, match="TLS handshake timeout"):
        apps._wait(kubectl, "hello", 30, lambda one: one.settled, True)
