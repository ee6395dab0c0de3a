"""Groups of workers of several kinds on the lab's EC2, from a store whose key KMS encrypts: run by `make full`."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clusterbook.lab.ec2 import lifecycle
from tests.lab.account import (
    Person,
    aws,
    edit_cluster,
    hosts,
    person,
    reachable,
    ready_workers,
    terminate_a_worker,
    until,
)

pytestmark = pytest.mark.skipif("CLUSTERBOOK_FULL" not in os.environ, reason="a long form: make full")
NAME = "groups.k8s.local"
ALIAS = "alias/stores"
VARIABLE = "CLUSTERBOOK_STORE_KMS_KEY"
GROUPS = [
    {"name": "steady", "count": 1, "instance_types": ["m5.large", "m6i.large"], "labels": {"tier": "steady"}},
    {"name": "cheap", "count": 1, "spot": True, "instance_types": ["t3.large", "t3a.large"],
     "labels": {"tier": "spot"}, "taints": ["spot=yes:NoSchedule"]},
]  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Person]:
    """Runs a command as a person of the lab's EC2 does; the lab goes when the tests end."""
    with person(tmp_path_factory.mktemp("home")) as call:
        yield call


def workers(run: Person) -> dict[str, tuple[str, list[str]]]:
    """Instance -> tier and taints of each worker that is ready."""
    nodes = ready_workers(run, NAME)
    return {name: (node["metadata"]["labels"]["tier"], taints(node)) for name, node in nodes.items()}


def taints(node: Any) -> list[str]:
    """Those of a node that its group gave it."""
    return [f"{one['key']}={one['value']}:{one['effect']}" for one in node["spec"].get("taints", ()) if "value" in one]


def test_the_store_s_key_is_encrypted_by_kms_and_two_groups_of_workers_are_made(run: Person, tmp_path: Path) -> None:
    kms = aws("kms")
    kms.create_alias(AliasName=ALIAS, TargetKeyId=kms.create_key()["KeyMetadata"]["KeyId"])
    run.environment[VARIABLE] = ALIAS
    file = tmp_path / "key"
    run("iam", NAME, "--yes", "--credentials", str(file))
    run.becomes(str(file))
    run("create-cluster", NAME, "--zones", "us-east-2a", "--master-count", "1", "--node-count", "1")
    del run.environment[VARIABLE]
    written = json.loads(run("store-key", "--json"))
    assert written["kind"] == "kms" and written["context"] == {"clusterbook:store": "s3://lab-state/team"}
    edit_cluster(run, NAME, tmp_path / "cluster.yaml", {"worker_groups": GROUPS})
    run("update-cluster", NAME, "--yes")
    assert "Nothing to do" in run("update-cluster", NAME)
    until(lambda: len(hosts()) == 3 and reachable())


def test_nodes_have_the_labels_and_taints_of_their_group(run: Person) -> None:
    variables = lifecycle.variables_file(lifecycle.spec_of())
    run("provision", "--inventory", "aws", "--cluster", NAME, "--extra-vars", f"@{variables}")
    found = sorted(workers(run).values())
    assert found == [("spot", ["spot=yes:NoSchedule"]), ("steady", [])]


def test_a_worker_that_was_replaced_joins_by_itself_as_one_of_its_group(run: Person) -> None:
    gone = terminate_a_worker()
    until(lambda: gone not in hosts() and len(hosts()) == 3)
    until(lambda: gone not in workers(run) and len(workers(run)) == 2, 420)
    assert sorted(workers(run).values()) == [("spot", ["spot=yes:NoSchedule"]), ("steady", [])]


def test_the_store_is_opened_by_a_passphrase_once_its_key_was_changed_to_one(run: Person) -> None:
    run.environment["CLUSTERBOOK_STORE_NEW_PASSPHRASE"] = "open sesame"
    run("store-key", "--passphrase", "--yes")
    assert "encrypted with a passphrase" in run("store-key", expect=1, errors=True)
    run.environment["CLUSTERBOOK_STORE_PASSPHRASE"] = "open sesame"
    assert len(run("kubectl", "--cluster", NAME, "--", "get", "nodes", "--no-headers").splitlines()) >= 3


def test_a_deleted_cluster_leaves_no_host(run: Person) -> None:
    run("delete-cluster", NAME, "--yes")
    until(lambda: not hosts())
