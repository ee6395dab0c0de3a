"""From one control plane at its own address to three behind a virtual one and back, and workers: run by `make full`."""

from __future__ import annotations

import os
import ssl
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509

from clusterbook.lab import lab, record, tree
from tests.lab.asking import until
from tests.lab.conftest import Cluster
from tests.lab.forms import booted, is_well
from tests.lab.probing import failed, paged, probed

pytestmark = pytest.mark.skipif("CLUSTERBOOK_FULL" not in os.environ, reason="a long form: make full")
# The lab's first control plane, and the address that all of them share later.
OWN, SHARED = "10.87.0.11", "10.87.0.10"


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


def at_its_own_address(form: Cluster, *names: str) -> Cluster:
    """An inventory of these hosts in which the API's address is that of the only control plane."""
    one = of(form, *names)
    document = yaml.safe_load(one.inventory.read_text())
    document["all"]["vars"] |= {"api_address": OWN, "api_endpoint_mode": "external"}
    one.inventory.write_text(yaml.safe_dump(document))
    return one


def names_of(address: str) -> set[str]:
    """The addresses in the certificate that the API server of a control plane shows."""
    served = x509.load_pem_x509_certificate(ssl.get_server_certificate((address, 6443)).encode())
    names = served.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {str(address) for address in names.get_values_for_type(x509.IPAddress)}


def disks(form: Cluster, host: str) -> dict[str, tree.Tree]:
    """What is on a host's disk, but for what a running node writes all the time."""
    return tree.read(record.read_spec(form.name), [host], tree.RUNNING)


def test_a_cluster_grows_loses_its_first_hosts_and_shrinks(tmp_path: Path, clusters: Any) -> None:
    with booted("three control planes and two workers", tmp_path, clusters) as form:
        form.on("mirror", "--start")
        it_begins(form)
        page = paged(form, "w-1")
        its_api_moves_to_a_shared_address(form, page)
        it_grows_to_three(form, page)
        a_worker_and_the_first_control_plane_are_replaced(form, page)
        it_shrinks_to_one(form, page)
        a_worker_goes_and_comes_back(form)


def it_begins(form: Cluster) -> None:
    """With one control plane and one worker; a second worker is no matter of the first."""
    on(at_its_own_address(form, "cp-1", "w-1"), "provision")
    before = disks(form, "w-1")
    on(at_its_own_address(form, "cp-1", "w-1", "w-2"), "add-node", "w-2")
    assert tree.differences(before, disks(form, "w-1")) == []


def its_api_moves_to_a_shared_address(form: Cluster, page: str) -> None:
    """First the control plane answers at both, then the workers and people go over."""
    few = of(form, "cp-1", "w-1", "w-2")
    kept = Path(form.environment["CLUSTERBOOK_STATE_STORE"].removeprefix("file://"), form.name, "cluster.yaml")
    wanted = yaml.safe_load(kept.read_text()) | {"api_address": SHARED, "api_endpoint_mode": "keepalived"}
    text = few.inventory.with_name("wanted.yaml")
    text.write_text(yaml.safe_dump(wanted))
    assert SHARED not in names_of(OWN)
    with probed(form, page) as records:
        form("edit-cluster", form.name, "--file", str(text))
        on(few, "provision", "--limit", "control_plane")
        until(lambda: SHARED in names_of(OWN), "the API server shows a certificate with the shared address")
        on(few, "provision")
        assert SHARED in form.kubectl("config", "view")  # from here on the probe asks there
        assert nodes(form) == ["cp-1", "w-1", "w-2"]
    assert failed(records) == {}
    on(few, "plan")


def it_grows_to_three(form: Cluster, page: str) -> None:
    """One by one, though both are in the inventory; nothing is written on a worker."""
    before = disks(form, "w-1")
    with probed(form, page) as records:
        on(form, "add-node", "cp-2")
        assert nodes(form) == ["cp-1", "cp-2", "w-1", "w-2"]
        on(form, "add-node", "cp-3")
    assert failed(records) == {}
    assert nodes(form) == ["cp-1", "cp-2", "cp-3", "w-1", "w-2"]
    assert tree.differences(before, disks(form, "w-1")) == []
    assert all(SHARED in names_of(address) for address in (OWN, "10.87.0.12", "10.87.0.13"))
    is_well(form)


def a_worker_and_the_first_control_plane_are_replaced(form: Cluster, page: str) -> None:
    """The worker while it runs, the control plane by an empty host."""
    with probed(form, page) as records:
        assert "cannot be known yet" in on(form, "replace-node", "w-2", expect=2)
        on(form, "replace-node", "w-2", "--yes")
    assert failed(records) == {}
    lab.reset_hosts(record.read_spec(form.name), ["cp-1"])
    with probed(form, page) as records:
        assert "cannot be known yet" not in on(form, "replace-node", "cp-1", expect=2)
        on(form, "replace-node", "cp-1", "--yes")
    assert failed(records) == {}
    is_well(form)


def it_shrinks_to_one(form: Cluster, page: str) -> None:
    """The first control plane is gone, the second leaves.

    The last API server is restarted to know of it: what runs goes on.
    """
    lab.stop_host(record.read_spec(form.name), "cp-1")
    told = on(form, "remove-node", "cp-2", expect=1)
    assert "2 members would stay, of which 2 are needed, and only 1 of them are well" in " ".join(told.split())
    assert nodes(form) == ["cp-1", "cp-2", "cp-3", "w-1", "w-2"]
    with probed(form, page) as records:
        assert "it does not answer" in on(form, "remove-node", "cp-1", "--yes")
        left = of(form, "cp-2", "cp-3", "w-1", "w-2")
        on(left, "provision")
        on(left, "remove-node", "cp-2", "--yes")
    assert failed(records) == {}
    last = of(form, "cp-3", "w-1", "w-2")
    with probed(form, page) as records:
        on(last, "provision")
    assert "page" not in failed(records)
    assert SHARED in names_of("10.87.0.13")
    on(last, "remove-node", "cp-3", "--yes", expect=3)


def a_worker_goes_and_comes_back(form: Cluster) -> None:
    """An empty host of the same name."""
    last = of(form, "cp-3", "w-1", "w-2")
    on(last, "remove-node", "w-1", "--yes")
    lab.reset_hosts(record.read_spec(form.name), ["w-1"])
    on(last, "add-node", "w-1")
    assert nodes(form) == ["cp-3", "w-1", "w-2"]
    is_well(replace(last, name=form.name))
