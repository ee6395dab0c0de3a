"""An API that the next version has no more: its use is seen before the upgrade, as far as that can be known.

Run by `make full`. Kubernetes 1.37 has no networking.k8s.io/v1beta1 any more, which 1.36 serves when it is asked to,
and calls deprecated; nor scheduling.k8s.io/v1alpha2, whose end nothing announces.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from clusterbook.lab import record
from tests.lab.asking import as_root, until
from tests.lab.conftest import Cluster
from tests.lab.forms import booted, is_well
from tests.lab.probing import failed, paged, probed
from tests.lab.test_upgrade import (
    BACK_SECONDS,
    NEW,
    OLD,
    PAGE_HOST,
    at,
    back_seconds,
    versions,
    went_back,
    without_version,
)

pytestmark = pytest.mark.skipif("CLUSTERBOOK_FULL" not in os.environ, reason="a long form: make full")
API, UNANNOUNCED = "networking.k8s.io/v1beta1", "scheduling.k8s.io/v1alpha2"
NAME = "servicecidrs.v1beta1.networking.k8s.io"
ALL = ("cp-1", "cp-2", "cp-3", "w-1", "w-2")


def serving(form: Cluster, *apis: str) -> None:
    """The inventory turns these APIs on; provision them."""
    document = yaml.safe_load(form.inventory.read_text())
    turned_on = ",".join(f"{one}=true" for one in apis)
    document["all"]["vars"]["kube_apiserver_extra_arguments"] = [f"--runtime-config={turned_on}"]
    form.inventory.write_text(yaml.safe_dump(document))
    form.on("mirror", "--start", "--kubernetes-version", OLD)
    form.on("provision")
    form.on("mirror", "--start", "--kubernetes-version", NEW)


def ask(form: Cluster, host: str) -> None:
    """A client that asks one API server for the older version."""
    address = record.read_spec(form.name).host(host).address
    listed = form.kubectl(f"--server=https://{address}:6443", "get", NAME, "--output=json")
    assert [one["apiVersion"] for one in json.loads(listed)["items"]] == [API]


def started_anew(form: Cluster, host: str) -> None:
    """Its API server counts from now on."""
    as_root(record.read_spec(form.name), host, "systemctl restart kube-apiserver")
    until(lambda: "ok" in form.kubectl(f"--server=https://{record.read_spec(form.name).host(host).address}:6443",
                                       "get", "--raw=/readyz", expect=None), "the API server is well")  # fmt: skip
    form.on("validate-cluster", "--wait", "2m")


def planned(form: Cluster, *words: str, expect: int) -> str:
    """What the plan of the upgrade says, in one line."""
    told = form.on("upgrade", "--to", NEW, "--check", *words, expect=expect)
    return " ".join((told.output + told.errors).split())


def use_is_seen(form: Cluster) -> None:
    """Nobody has asked: it may be. One client asks one API server: refused, with who was asked, and by whom."""
    assert f"none in use that {NEW} has no more, of those asked for since 20" in planned(form, expect=2)
    ask(form, "cp-2")
    told = form.on("upgrade", "--to", NEW, expect=3)
    words = " ".join(told.errors.split())
    assert f"{NAME} is in use, and Kubernetes 1.37 has it no more; kube-apiserver of cp-2 was asked for it" in words
    assert versions(form) == at()
    named = as_root(record.read_spec(form.name), "cp-2",
                    """grep '"k8s.io/removed-release":"1.37"' /var/log/kubernetes/audit.log | tail -1""")  # fmt: skip
    asker = json.loads(named)
    assert "kubectl" in asker["userAgent"] and asker["user"]["username"] and NAME.split(".")[0] in asker["requestURI"]


def use_that_has_gone(form: Cluster) -> None:
    """An API server that is started anew forgets: the upgrade may be, until somebody asks again."""
    assert "is in use" in planned(form, expect=3)
    started_anew(form, "cp-2")
    assert "none in use" in planned(form, expect=2)
    ask(form, "cp-3")
    assert "kube-apiserver of cp-3 was asked" in planned(form, expect=3)
    assert "none in use" not in planned(form, "--ignore-removed-apis", expect=2)


def what_nothing_announces(form: Cluster) -> float:
    """An alpha API that is turned on and has gone: the new API server does not start, and its host goes back.

    Seconds of its way back.
    """
    with probed(form, paged(form, PAGE_HOST)) as records:
        told = form.on("upgrade", "--to", NEW, "--ignore-removed-apis", "--json", expect=1)
    assert f"group version {UNANNOUNCED} that has not been registered" in went_back(told)["cp-1"]
    assert (failed(records), versions(form)) == ({}, at())
    form.on("validate-cluster", "--wait", "2m")
    return back_seconds(told, "cp-1")


def completed(form: Cluster) -> None:
    """Without it, and with clients that use the newer version, all goes well. No node is left to take pods of workers
    that are changed all together: they stay, and go on."""
    serving(form, API)
    before = pods(form)
    with probed(form, paged(form, PAGE_HOST)) as records:
        form.on("upgrade", "--to", NEW, "--workers-at-a-time", "2")
    assert (failed(records), versions(form)) == ({}, at(*ALL))
    assert pods(form) == before
    assert "NotFound" in form("kubectl", "get", f"--raw=/apis/{API}/servicecidrs", expect=None).errors
    is_well(form)


def pods(form: Cluster) -> dict[str, int]:
    """The workload's pods by their unchanging ids, and how often each was started anew."""
    found = json.loads(form.kubectl("get", "pods", "--selector=app=page", "--output=json"))["items"]
    return {one["metadata"]["uid"]: one["status"]["containerStatuses"][0]["restartCount"] for one in found}


def test_the_use_of_an_api_that_the_next_version_lacks_is_seen_before_the_upgrade(
    tmp_path: Path, clusters: Any, measured: Callable[[str, float], None]
) -> None:
    form = f"three control planes and two workers, of {OLD}"
    with booted(form, tmp_path, clusters, "apis", "10.75.0") as one:
        serving(one, API, UNANNOUNCED)
        without_version(one)
        paged(one, PAGE_HOST)
        one.on("validate-cluster", "--wait", "5m")
        use_is_seen(one)
        use_that_has_gone(one)
        seconds = what_nothing_announces(one)
        measured("control_plane_rollback_seconds", seconds)
        assert seconds < BACK_SECONDS
        completed(one)
