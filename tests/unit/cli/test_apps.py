"""Waiting for an application: an API that is away for a moment is waited for, one that stays away is told."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from clusterbook.cli import apps
from clusterbook.cli.apps_screen import show
from clusterbook.cluster.apps.app import App
from clusterbook.cluster.apps.status import AppStatus
from clusterbook.cluster.kube import Kubectl
from clusterbook.errors import Failed
from tests.lab.page import agrees, commands

WALK_THROUGH = Path(__file__).parents[3] / "docs" / "walk-through.md"

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


def test_the_walk_through_shows_what_a_deployed_application_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its page is typed in on a lab; here the shapes are compared that these commands print."""
    deploy, status = commands(WALK_THROUGH)["An application"]
    given = dict(itertools.pairwise(deploy.words))
    app = App(given["--name"], given["--image"], target_port=int(given["--target-port"]), external=True)
    found = running(app)
    monkeypatch.setattr(apps, "look", lambda *_: found)
    monkeypatch.setattr("sys.argv", ["invoke"])
    apps._wait(Kubectl(tmp_path, tmp_path), app.name, 30, lambda one: one.settled, False)
    apps._tell(found, app)
    assert agrees(deploy.output, capsys.readouterr().out.splitlines())
    show(found)
    assert agrees(status.output, capsys.readouterr().out.splitlines())


def running(app: App) -> AppStatus:
    """An application on EC2 as Kubernetes describes it."""
    deployment, service = app.deployment(), app.service()
    deployment["metadata"]["generation"] = 1
    deployment["status"] = {"observedGeneration": 1, "updatedReplicas": 1, "availableReplicas": 1, "replicas": 1}
    service["spec"]["clusterIP"] = "10.96.12.7"
    service["status"] = {"loadBalancer": {"ingress": [{"hostname": "a1b2-3c4d.elb.us-east-2.amazonaws.com"}]}}
    template = deployment["spec"]["template"]
    replicas = {"metadata": {"name": "page-6f7d", "annotations": {"deployment.kubernetes.io/revision": "1"}},
                "spec": {"replicas": 1, "template": template}}  # fmt: skip
    pod = {"metadata": {"name": "page-6f7d-x2x4z"},
           "spec": {"nodeName": "ip-10-20-32-11.us-east-2.compute.internal"},
           "status": {"phase": "Running", "podIP": "10.244.1.4",
                      "containerStatuses": [{"ready": True, "restartCount": 0}]}}  # fmt: skip
    ends = {"endpoints": [{"addresses": ["10.244.1.4"], "conditions": {"ready": True}}]}
    event = {"involvedObject": {"kind": "Pod", "name": "page-6f7d-x2x4z"}, "reason": "Started", "message": "It runs"}
    return AppStatus(deployment, (replicas,), (pod,), service, (ends,), (event,), ())
