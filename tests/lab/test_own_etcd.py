"""etcd on hosts of its own: members are exchanged, and all are lost. Run by `make full`."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clusterbook.lab import lab, record
from tests.lab.conftest import Cluster
from tests.lab.forms import booted
from tests.lab.keeping import MOST_RESTORE_SECONDS, kept
from tests.lab.probing import failed, paged, probed
from tests.lab.test_nodes import nodes, of, on

pytestmark = pytest.mark.skipif("CLUSTERBOOK_FULL" not in os.environ, reason="a long form: make full")
FORM = "one control plane, one worker and four hosts for etcd"


def test_members_on_hosts_of_their_own_are_exchanged_and_brought_back(
    tmp_path: Path, clusters: Any, measured: Callable[[str, float], None]
) -> None:
    with booted(FORM, tmp_path, clusters) as form:
        form.on("mirror", "--start")
        three = of(form, "cp-1", "w-1", "etcd-1", "etcd-2", "etcd-3")
        on(three, "provision")
        page = paged(form, "w-1")
        the_first_is_replaced(form, three, page)
        one_that_is_gone_makes_room(form, three, page)
        measured("restore_seconds", all_are_lost(form))


def the_first_is_replaced(form: Cluster, three: Cluster, page: str) -> None:
    """Its host was exchanged: no request fails."""
    lab.reset_hosts(record.read_spec(form.name), ["etcd-1"])
    with probed(form, page) as records:
        on(three, "replace-node", "etcd-1", expect=2)
        on(three, "replace-node", "etcd-1", "--yes")
    assert failed(records) == {}
    assert nodes(form) == ["cp-1", "w-1"]
    well(three)


def one_that_is_gone_makes_room(form: Cluster, three: Cluster, page: str) -> None:
    """A member leaves whose host does not answer; a host that the cluster did not have takes its place.

    The only API server is restarted to know of it: what runs goes on.
    """
    lab.stop_host(record.read_spec(form.name), "etcd-3")
    with probed(form, page) as records:
        assert "it does not answer" in on(three, "remove-node", "etcd-3", "--yes")
        on(of(form, "cp-1", "w-1", "etcd-1", "etcd-2", "etcd-4"), "add-node", "etcd-4")
    assert "page" not in failed(records)
    well(of(form, "cp-1", "w-1", "etcd-1", "etcd-2", "etcd-4"))


def all_are_lost(form: Cluster) -> float:
    """All three hosts are exchanged: one command brings every object back. Its seconds."""
    now = of(form, "cp-1", "w-1", "etcd-1", "etcd-2", "etcd-4")
    was = kept(form)
    on(now, "backup")
    lab.reset_hosts(record.read_spec(form.name), ["etcd-1", "etcd-2", "etcd-4"])
    seconds = now.on("restore", "--from", "latest", "--yes", "--cluster", form.name).seconds
    assert seconds <= MOST_RESTORE_SECONDS
    well(now)
    assert kept(form) == was
    return seconds


def well(one: Cluster) -> None:
    """As is_well, of an inventory that has not the lab's name."""
    on(one, "validate-cluster", "--wait", "5m")
    on(one, "plan")
    on(one, "verify")
