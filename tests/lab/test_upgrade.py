"""A cluster is brought to the next minor version of Kubernetes while people use it: run by `make full`."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import yaml

from clusterbook.lab import record
from clusterbook.lab.mirror_servers import of_lab
from tests.lab.asking import as_root, until
from tests.lab.conftest import Cluster, Ended
from tests.lab.forms import booted, is_well
from tests.lab.killing import killed_when
from tests.lab.probing import failed, paged, probed

pytestmark = pytest.mark.skipif("CLUSTERBOOK_FULL" not in os.environ, reason="a long form: make full")
OLD, NEW = "1.36.3", "1.37.2"
BACK_SECONDS = 60
PAGE_HOST = "cp-1"
# They say which version they are; one then does not run, and one does nothing and does not heed to be stopped.
VERSION = f'#!/bin/sh\n[ "$1" = --version ] && exec echo "Kubernetes v{NEW}"\necho this kubelet is broken >&2\n'
BROKEN = f"{VERSION}exit 1\n"
HANGING = f"{VERSION}trap '' TERM INT HUP\nwhile :; do sleep 1; done\n"
GATE_SECONDS = 45


def versions(form: Cluster) -> dict[str, str]:
    """The kubelets' versions by node, as the API tells them."""
    found = json.loads(form("kubectl", "get", "nodes", "--output=json").output)["items"]
    return {one["metadata"]["name"]: one["status"]["nodeInfo"]["kubeletVersion"] for one in found}


def at(*new: str) -> dict[str, str]:
    """Versions where these nodes have the new one."""
    return {name: f"v{NEW if name in new else OLD}" for name in ("cp-1", "cp-2", "cp-3", "w-1", "w-2")}


def with_version(form: Cluster, version: str | None) -> None:
    """The inventory says with which version the cluster is made; None: no longer."""
    document = yaml.safe_load(form.inventory.read_text())
    if version is None:
        del document["all"]["vars"]["kubernetes_version"]
    else:
        document["all"]["vars"]["kubernetes_version"] = version
    form.inventory.write_text(yaml.safe_dump(document))


def without_version(form: Cluster) -> None:
    """From its making on the cluster's own configuration says the version."""
    with_version(form, None)


def with_kubelet(form: Cluster, host: str, program: str) -> Cluster:
    """The same cluster, with a mirror that gives this host such a kubelet."""
    mirror = of_lab(record.read_spec(form.name))
    (mirror.files / "broken").mkdir(exist_ok=True)
    (mirror.files / "broken" / "kubelet").write_text(program)
    told = yaml.safe_load(mirror.variables.read_text())["artifacts"]
    told["kubelet"] |= {"url": f"{mirror.files_url}/broken/kubelet", "sha256": sha256(program.encode()).hexdigest()}
    document = yaml.safe_load(form.inventory.read_text())
    for group in document["all"]["children"].values():
        if host in group.get("hosts", {}):
            group["hosts"][host] |= {"artifacts": told}
    path = form.inventory.with_name("broken.yml")
    path.write_text(yaml.safe_dump(document))
    return replace(form, inventory=path)


def raised(form: Cluster) -> None:
    """The cluster with the old version, in use."""
    form.on("mirror", "--start", "--kubernetes-version", OLD)
    form.on("provision")
    without_version(form)
    paged(form, PAGE_HOST)
    form.on("validate-cluster", "--wait", "5m")


def refusals(form: Cluster) -> None:
    """What is refused, and a plan, which changes nothing."""
    assert "1.36.1 would be a downgrade" in form.on("upgrade", "--to", "1.36.1", expect=3).errors
    assert "the mirror offers hosts Kubernetes 1.36.3" in form.on("upgrade", "--to", NEW, expect=3).errors
    form.on("mirror", "--start", "--kubernetes-version", NEW)
    assert f"the cluster wants Kubernetes {OLD}" in " ".join(form.on("provision", expect=1).output.split())
    form.on("upgrade", "--to", NEW, "--check", expect=2)
    assert versions(form) == at()


def interrupted(form: Cluster, measured: Callable[[str, float], None]) -> None:
    """A run that is killed, then two that meet broken programs: none is noticed."""
    with probed(form, paged(form, PAGE_HOST)) as records:
        killed_when(form, "Ensure the new programs are in place", "upgrade", "--to", NEW)
        ended = with_kubelet(form, "w-1", BROKEN).on("upgrade", "--to", NEW, "--json", expect=1)
        hung = with_kubelet(form, "w-1", HANGING).on("upgrade", "--to", NEW, "--json", expect=1)
    assert failed(records) == {}
    assert versions(form) == at("cp-1", "cp-2", "cp-3")
    assert f"did not become well in {GATE_SECONDS} s" in went_back(hung)["w-1"]
    for told in (ended, hung):
        assert "this kubelet is broken" in went_back(told)["w-1"]
    assert OLD in as_root(record.read_spec(form.name), "w-1", "kubelet --version")
    for told, name in ((ended, "worker_rollback_seconds"), (hung, "worker_rollback_seconds_from_a_program_that_hangs")):
        seconds = back_seconds(told, "w-1")
        measured(name, seconds)
        assert seconds < BACK_SECONDS
    until(lambda: ready(form) == 3, "all pods are back")
    form.on("validate-cluster", "--wait", "5m")


def completed(form: Cluster) -> None:
    """The same command with a right program brings every host to the new version."""
    with probed(form, paged(form, PAGE_HOST)) as records:
        told = form.on("upgrade", "--to", NEW, "--json").events()
    moved = [event["host"] for event in told if event.get("name") == "Ensure its pods are elsewhere"
             and event["type"] == "result" and event["status"] != "skipped"]  # fmt: skip
    assert moved == ["w-1", "w-2"]  # the second right after the first takes pods again
    assert failed(records) == {}
    assert versions(form) == at(*at())
    assert f"Every node has {NEW} already" in form.on("upgrade", "--to", NEW).output
    is_well(form)


def test_a_used_cluster_is_upgraded_through_a_killed_run_and_broken_programs(
    tmp_path: Path, clusters: Any, measured: Callable[[str, float], None]
) -> None:
    with booted("three control planes and two workers, of 1.36.3", tmp_path, clusters) as form:
        raised(form)
        refusals(form)
        interrupted(form, measured)
        completed(form)


def went_back(told: Ended) -> dict[str, str]:
    """The hosts that were not upgraded, each with what is said of it."""
    results = [event for event in told.events() if event["type"] == "result" and event["name"] == "Say what happened"]
    found = {event["host"]: str(event["msg"]) for event in results if event["status"] == "failed"}
    print("".join(f"{host} went back: {why}\n" for host, why in found.items()), end="")
    return found


def back_seconds(told: Ended, host: str) -> float:
    """From the new programs' coming to the end of the way back."""
    results = [event for event in told.events() if event["type"] == "result" and event["host"] == host]
    came = next(event for event in results if event["name"] == "Ensure the new programs are in place")
    back = next(event for event in results if event["name"] == "Say what happened")
    return float(back["time"]) - float(came["time"])


def ready(form: Cluster) -> int:
    """Pods of the workload that are ready."""
    found = form("kubectl", "get", "deployment", "page", "--output=jsonpath={.status.readyReplicas}").output
    time.sleep(1)
    return int(found or 0)
