"""From one control plane to three and back, and workers beside it: run by `make full`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from clusterbook.lab import lab, record, tree
from tests.lab.conftest import Cluster
from tests.lab.forms import booted, is_well
from tests.lab.probing import failed, probed

pytestmark = pytest.mark.skipif("CLUSTERBOOK_FULL" not in os.environ, reason="a long form: make full")


def of(form: Cluster, *names: str) -> Cluster:
    """The same cluster with an inventory of these hosts alone, beside the whole one."""
    document = yaml.safe_load(form.inventory.read_text())
    for group in document["all"]["children"].values():
        if "hosts" in group:
            group["hosts"] = {name: values for name, values in group["hosts"].items() if name in names}
    path = form.inventory.with_name(f"{'-'.join(names)}.yml")
    path.write_text(yaml.safe_dump(document))
    return replace(form, inventory=path)


def on(form: Cluster, task: str, *words: str, expect: int = 0) -> str:
    """What a task on the cluster of the lab prints."""
    return form.on(task, *words, "--cluster", form.name, expect=expect).output


def nodes(form: Cluster) -> Sequence[str]:
    """Names of the nodes that the API knows."""
    found = form("kubectl", "--cluster", form.name, "--", "get", "nodes", "--output=jsonpath={.items[*].metadata.name}")
    return sorted(found.output.split())


def test_a_cluster_grows_loses_its_first_hosts_and_shrinks(tmp_path: Path, clusters: Any) -> None:
    with booted("three control planes and two workers", tmp_path, clusters) as form:
        form.on("mirror", "--start")
        spec = record.read_spec(form.name)
        on(of(form, "cp-1", "w-1"), "provision")

        before = tree.read(spec, ["w-1"], ("/var/lib/kubelet", "/var/lib/containerd", "/var/log", "/run"))
        on(of(form, "cp-1", "w-1", "w-2"), "add-node", "w-2")
        after = tree.read(spec, ["w-1"], ("/var/lib/kubelet", "/var/lib/containerd", "/var/log", "/run"))
        assert tree.differences(before, after) == []

        with probed(form) as records:
            on(form, "add-node", "cp-2")
        assert failed(records) == {}
        assert nodes(form) == ["cp-1", "cp-2", "cp-3", "w-1", "w-2"]
        is_well(form)

        lab.reset_hosts(spec, ["cp-1"])
        with probed(form) as records:
            on(form, "replace-node", "cp-1", "--yes")
        assert failed(records) == {}
        is_well(form)

        lab.stop_host(spec, "cp-1")
        told = on(form, "remove-node", "cp-2", expect=1)
        assert "2 members would stay, of which 2 are needed, and only 1 of them are well" in " ".join(told.split())
        assert nodes(form) == ["cp-1", "cp-2", "cp-3", "w-1", "w-2"]
        assert "it does not answer" in on(form, "remove-node", "cp-1", "--yes")
        left = of(form, "cp-2", "cp-3", "w-1", "w-2")
        on(left, "provision")
        on(left, "remove-node", "cp-2", "--yes")
        last = of(form, "cp-3", "w-1", "w-2")
        on(last, "provision")
        on(last, "remove-node", "cp-3", "--yes", expect=3)
        on(last, "remove-node", "w-1", "--yes")
        lab.reset_hosts(spec, ["w-1"])
        on(last, "add-node", "w-1")  # the same name comes back
        assert nodes(form) == ["cp-3", "w-1", "w-2"]
        is_well(replace(last, name=form.name))
