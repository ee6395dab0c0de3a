"""Killed after each change that it makes in the cloud and run again: update and delete come to the same end.

Each run goes on from where the last one was killed, and makes one change.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import botocore.client
import pytest

from clusterbook.cloud import graph, plan
from clusterbook.cloud.aws import Cloud
from tests.unit.cli.conftest import NAME, Run
from tests.unit.cloud.authorization import is_read

MOST_RUNS = 100


def killed(run: Run, words: tuple[str, ...], changes: int = 1) -> bool:
    """Run a command in a process that is killed right after so many changes; False when it came to its end."""
    process = os.fork()
    if not process:
        code = 70
        try:
            real = botocore.client.BaseClient._make_api_call
            made: list[str] = []

            def call(self: Any, operation: str, given: Any) -> Any:
                answer = real(self, operation, given)
                if not is_read(operation):
                    made.append(operation)
                if len(made) >= changes:
                    os.kill(os.getpid(), signal.SIGKILL)
                return answer

            botocore.client.BaseClient._make_api_call = call  # type: ignore[method-assign]
            code = run(*words)[0]
        finally:
            os._exit(code)
    _, status = os.waitpid(process, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0
    return False


def until_nothing_is_left_to_change(run: Run, words: tuple[str, ...]) -> int:
    """Run it again and again, killed each time; how often it was killed."""
    for count in range(MOST_RUNS):
        if not killed(run, words):
            return count
    raise AssertionError("it makes the same change again and again")


def fingerprint(aws: Any) -> Any:
    """Everything that the cluster has: keys in place of the ids that AWS gives anew, lists in no order."""
    there = plan.survey(Cloud(NAME, "us-east-2"))
    names = {item.id: key for key, item in sorted(there.items()) if not key.endswith(item.id)}

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: plain(item) for name, item in value.items()}
        if isinstance(value, list | tuple):
            return sorted((plain(item) for item in value), key=repr)
        return names.get(value, value) if isinstance(value, str) else value

    groups = [item.id for item in there.values() if item.kind == "TargetGroup"]
    more = [aws("elbv2").describe_target_group_attributes(TargetGroupArn=group)["Attributes"] for group in groups]
    return {key: plain(item.fields) for key, item in there.items()}, plain(more)


@pytest.fixture
def one_by_one(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, aws: Any) -> Run:
    """A configured cluster in a store of this machine, whose resources are made one after the other."""
    monkeypatch.setenv("CLUSTERBOOK_STATE_STORE", f"file://{tmp_path}/store")
    slow: Callable[..., Any] = partial(graph.run, workers=1)
    monkeypatch.setattr("clusterbook.cloud.apply.graph.run", slow)
    return run


def create(run: Run, aws: Any) -> None:
    image = aws("ec2").describe_images()["Images"][0]["ImageId"]
    assert run("create-cluster", NAME, "--zones", "us-east-2a", "--image", image)[0] == 0


def test_update_and_delete_killed_after_every_change_come_to_the_same_end(one_by_one: Run, aws: Any) -> None:
    create(one_by_one, aws)
    assert one_by_one("update-cluster", NAME, "--yes")[0] == 0
    expected = fingerprint(aws)
    assert one_by_one("delete-cluster", NAME, "--yes")[0] == 0
    create(one_by_one, aws)
    kills = until_nothing_is_left_to_change(one_by_one, ("update-cluster", NAME, "--yes"))
    assert kills >= len(plan.survey(Cloud(NAME, "us-east-2")))
    assert one_by_one("update-cluster", NAME)[0] == 0
    assert fingerprint(aws) == expected
    assert until_nothing_is_left_to_change(one_by_one, ("delete-cluster", NAME, "--yes")) >= kills // 2
    assert plan.survey(Cloud(NAME, "us-east-2")) == {}


def test_what_was_made_is_in_the_index_before_the_next_thing_is_made(one_by_one: Run, aws: Any, tmp_path: Path) -> None:
    create(one_by_one, aws)
    assert killed(one_by_one, ("update-cluster", NAME, "--yes"), changes=12)
    index = json.loads((tmp_path / "store" / NAME / "state.json").read_text())["resources"]
    there = plan.survey(Cloud(NAME, "us-east-2"))
    assert len(index) > 3
    assert index.items() <= {key: item.id for key, item in there.items()}.items()
    assert len(there) - len(index) <= 1
