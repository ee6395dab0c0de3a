"""Groups of workers of several kinds on the lab's EC2, from a store whose key KMS encrypts: run by `make full`."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from clusterbook.cluster.artifacts import catalog
from clusterbook.lab import record
from clusterbook.lab.ec2 import interruptions, lifecycle
from tests.lab.account import (
    Person,
    aws,
    edit_cluster,
    hosts,
    person,
    reachable,
    ready_workers,
    until,
)
from tests.lab.asking import as_root

pytestmark = pytest.mark.skipif("CLUSTERBOOK_FULL" not in os.environ, reason="a long form: make full")
NAME = "groups.k8s.local"
ALIAS = "alias/stores"
VARIABLE = "CLUSTERBOOK_STORE_KMS_KEY"
# AWS gives 120.
NOTICE_SECONDS = 60
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


def test_a_spot_worker_that_ec2_takes_back_is_emptied_before_and_a_pod_is_always_ready(
    run: Person, tmp_path: Path
) -> None:
    instances = {tier: name for name, (tier, _) in workers(run).items()}
    steady, spot = (ready_workers(run, NAME)[instances[tier]]["metadata"]["name"] for tier in ("steady", "spot"))
    put_on_the_spot_worker(run, steady, tmp_path / "page.yaml")
    assert ready_on(run) == [spot, spot]
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + NOTICE_SECONDS))
    aws("ec2").create_tags(Resources=[instances["spot"]], Tags=[{"Key": interruptions.TAG, "Value": moment}])
    seen = [ready_on(run)]
    while seen[-1] != [steady, steady]:
        assert seen[-1] and instances["spot"] in hosts(), f"not in time, or too early: {seen}"
        seen.append(ready_on(run))
    assert asked(run, "get", "node", spot)["spec"]["unschedulable"]
    (event,) = asked(run, "get", "events", "--field-selector=reason=SpotInterruption")["items"]
    assert event["involvedObject"]["name"] == spot and f"(terminate, {moment})" in event["message"]
    until(lambda: instances["spot"] not in hosts())
    assert time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()) >= moment


def put_on_the_spot_worker(run: Person, steady: str, file: Path) -> None:
    """Two pods that may run there, and one of which shall always be ready."""
    chosen = {"app": "page"}
    container = {"name": "page", "image": catalog.load().image("agnhost").reference,
                 "args": ["netexec", "--http-port=8080"], "readinessProbe": {"httpGet": {"path": "/", "port": 8080}}}
    pod = {"metadata": {"labels": chosen}, "spec": {"containers": [container], "terminationGracePeriodSeconds": 1,
           "tolerations": [{"key": "spot", "operator": "Exists"}]}}
    objects = [
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "page"},
         "spec": {"replicas": 2, "selector": {"matchLabels": chosen}, "template": pod}},
        {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "page"},
         "spec": {"minAvailable": 1, "selector": {"matchLabels": chosen}}},
    ]  # fmt: skip
    file.write_text(yaml.safe_dump_all(objects))
    for words in (("cordon", steady), ("apply", f"--filename={file}"),
                  ("rollout", "status", "deployment/page", "--timeout=120s"), ("uncordon", steady)):  # fmt: skip
        run("kubectl", "--cluster", NAME, "--", *words)


def ready_on(run: Person) -> list[str]:
    """The nodes of the page's ready pods, one for each pod."""
    pods = asked(run, "get", "pods", "--selector=app=page")["items"]
    return sorted(pod["spec"]["nodeName"] for pod in pods if "deletionTimestamp" not in pod["metadata"]
                  and any(one["type"] == "Ready" and one["status"] == "True" for one in pod["status"]["conditions"]))


def asked(run: Person, *words: str) -> Any:
    """What kubectl answers, as data."""
    return json.loads(run("kubectl", "--cluster", NAME, "--", *words, "--output=json"))


def test_the_worker_that_comes_instead_joins_by_itself_as_one_of_its_group(run: Person) -> None:
    until(lambda: len(hosts()) == 3)
    until(lambda: len(workers(run)) == 2 and set(workers(run)) <= hosts(), 420)
    found = workers(run)
    assert sorted(found.values()) == [("spot", ["spot=yes:NoSchedule"]), ("steady", [])]
    for name, (tier, _) in found.items():
        state = as_root(record.read_spec(lifecycle.NAME), name, "systemctl is-active clusterbook-spot-notice || true")
        assert state == ("active" if tier == "spot" else "inactive")


def test_the_store_is_opened_by_a_passphrase_once_its_key_was_changed_to_one(run: Person) -> None:
    run.environment["CLUSTERBOOK_STORE_NEW_PASSPHRASE"] = "open sesame"
    run("store-key", "--passphrase", "--yes")
    assert "encrypted with a passphrase" in run("store-key", expect=3, errors=True)
    run.environment["CLUSTERBOOK_STORE_PASSPHRASE"] = "open sesame"
    assert len(run("kubectl", "--cluster", NAME, "--", "get", "nodes", "--no-headers").splitlines()) >= 3


def test_a_deleted_cluster_leaves_no_host(run: Person) -> None:
    run("delete-cluster", NAME, "--yes")
    until(lambda: not hosts())
