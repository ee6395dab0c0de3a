"""The flow of a cluster on EC2 for machines: every task has --json, and standard output holds nothing else then."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clusterbook.cli import namespace
from clusterbook.cluster import lock
from clusterbook.cluster.store import open_store
from tests.unit.cli.conftest import NAME, Call, Run

# All that a person does with a cluster on EC2. kubectl and ssh become other programs.
FLOW = (
    "iam", "create-cluster", "edit-cluster", "update-cluster", "inventory", "provision", "plan", "up", "eks-join",
    "validate-cluster", "status", "kubeconfig", "cluster-info", "get-secrets", "deploy-dashboard", "deploy-app",
    "app-status", "scale-app", "rollback-app", "delete-app", "cost", "store-key", "force-unlock", "state-rebuild",
    "delete-cluster",
)  # fmt: skip
Read = Callable[..., tuple[int, Any]]


@pytest.fixture
def read(created: Run, call: Call) -> Read:
    """Runs a command with --json; gives its exit code and the last document: its only one, or one of a line."""

    def run(*words: str) -> tuple[int, Any]:
        code, output, errors = call(*words, "--json")
        assert output, errors
        lines = output.splitlines() if output.startswith('{"type": ') else [output]
        found = [json.loads(line) for line in lines]
        assert len(found) == 1 or all("type" in one for one in found)
        return code, found[-1]

    return run


@pytest.mark.parametrize("name", FLOW)
def test_every_task_of_the_flow_has_it_with_a_help_text(name: str) -> None:
    (task,) = (task for _, tasks in namespace.tasks().values() for task in tasks if task.name == name.replace("-", "_"))
    (option,) = (one for one in task.get_arguments() if "json" in one.names)
    assert option.help


def test_the_whole_flow_answers_with_json_alone(read: Read) -> None:
    code, planned = read("update-cluster", NAME)
    assert code == 2 and any(item["kind"] == "Vpc" for item in planned["create"])
    code, done = read("update-cluster", NAME, "--yes")
    assert code == 0
    assert done == {"type": "resources", "done": len(planned["create"]), "failed": {}, "untried": []}
    code, found = read("inventory", "--inventory", "aws")
    assert code == 0 and len(found["control_plane"]["hosts"]) == 1
    assert read("cost", NAME)[0] == 0 and read("state-rebuild", NAME)[1]["changed"] is False
    assert read("store-key")[1]["kind"] == "file"
    assert len(read("delete-cluster", NAME)[1]) == len(planned["create"])
    code, done = read("delete-cluster", NAME, "--yes")
    assert code == 0 and done["done"] == len(planned["create"])


def test_an_edit_says_whether_anything_changed_and_what_it_is_now(read: Read, tmp_path: Path) -> None:
    store, file = open_store(os.environ), tmp_path / "cluster.yaml"
    text = store.read(f"{NAME}/cluster.yaml") or b""
    file.write_bytes(text)
    assert read("edit-cluster", NAME, "--file", str(file))[1]["changed"] is False
    file.write_bytes(text.replace(b"count: 2", b"count: 3"))
    code, found = read("edit-cluster", NAME, "--file", str(file))
    assert (code, found["cluster"], found["store"], found["changed"]) == (0, NAME, store.address, True)
    assert found["configuration"]["aws"]["worker_groups"][0]["count"] == 3


def test_a_lock_is_shown_and_taken_with_the_exit_status_of_the_text(read: Read) -> None:
    assert read("force-unlock", NAME) == (0, {"cluster": NAME, "holder": None, "taken": False})
    with lock.hold(open_store(os.environ), NAME, "update-cluster") as mine:
        code, found = read("force-unlock", NAME)
        assert (code, found["holder"]["token"], found["taken"]) == (2, mine.token, False)
        code, found = read("force-unlock", NAME, "--lock", mine.token, "--yes")
        assert (code, found["holder"]["token"], found["taken"]) == (0, mine.token, True)


def test_people_are_made_and_deleted_without_their_key_being_shown(read: Read, call: Call, tmp_path: Path) -> None:
    file = tmp_path / "key"
    code, found = read("iam", NAME, "--yes", "--credentials", str(file))
    assert code == 0 and found["credentials"] == str(file)
    secret = file.read_text().rpartition("= ")[2].strip()
    assert len(secret) > 20 and secret not in json.dumps(found)
    assert read("iam", NAME, "--delete") == (2, {"group": f"operators.{NAME}", "user": found["user"], "deleted": []})
    code, gone = read("iam", NAME, "--delete", "--yes")
    assert code == 0 and f"user {found['user']}" in gone["deleted"] and f"group {found['group']}" in gone["deleted"]
    assert secret not in json.dumps(gone)


def test_what_failed_is_there_with_what_to_do_next(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    from clusterbook.cloud.aws import Cloud, CloudError

    real = Cloud.call

    def failing(self: Cloud, service: str, action: str, **arguments: Any) -> Any:
        if action == "create_load_balancer":
            raise CloudError("elbv2:create_load_balancer is denied", "AccessDenied", "Allow it.")
        return real(self, service, action, **arguments)

    monkeypatch.setattr(Cloud, "call", failing)
    code, found = read("update-cluster", NAME, "--yes")
    (failed,) = found["failed"].values()
    assert code == 1 and failed["message"] == "elbv2:create_load_balancer is denied"
    assert failed["next_step"] == "Allow it." and found["untried"] == [f"Listener/api.{NAME}"]


def test_a_lock_that_is_taken_over_is_told_beside_the_json(read: Read, call: Call) -> None:
    store = open_store(os.environ)
    with lock.hold(store, NAME, "update-cluster"):
        kept = json.loads(store.read(f"{NAME}/lock") or b"{}")
    store.write(f"{NAME}/lock", json.dumps({**kept, "process_started": "0"}).encode())
    _, output, errors = call("update-cluster", NAME, "--yes", "--json")
    assert "taking over the lock of" in errors and "taking over" not in output
