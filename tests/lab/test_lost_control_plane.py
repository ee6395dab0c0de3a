"""A setting of all API servers changes in a cluster in use, also while a control plane is lost: run by `make full`."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from clusterbook.lab import lab, record
from tests.lab.asking import as_root, until
from tests.lab.conftest import Cluster
from tests.lab.forms import raised
from tests.lab.losing import Run
from tests.lab.probing import failed, paged, probed
from tests.lab.test_cluster import CONTROL_PLANES, HOSTS, holders

pytestmark = pytest.mark.skipif("CLUSTERBOOK_FULL" not in os.environ, reason="a long form: make full")
# Which control plane is lost after which of its steps, whether without a sign, and what the run does then.
LOST = {
    "while it restarts in its turn": ("cp-2", "Look whether kube-apiserver is to be restarted", False, ["stopped"]),
    "with the address, before its turn": ("cp-1", "Ensure kube-apiserver's unit is in place", True, []),
}


@pytest.fixture(scope="module")
def form(tmp_path_factory: pytest.TempPathFactory, clusters: Callable[[str, Path, Path], Cluster]) -> Iterator[Cluster]:
    if os.geteuid() != 0:
        pytest.skip("a lab needs root")
    folder = tmp_path_factory.mktemp("lost")
    with raised("three control planes and two workers", folder, clusters, "lost", "10.71.0") as one:
        yield one


def test_a_changed_setting_restarts_one_control_plane_after_another_and_no_request_fails(form: Cluster) -> None:
    spec = record.read_spec(form.name)
    with probed(form, paged(form, "w-1")) as records:
        run = form.on("provision", "--json", "--extra-vars", '{"kube_apiserver_audit_log_days": 31}')
    assert failed(records) == {}
    assert all(run.summary()[host]["changed"] for host in CONTROL_PLANES)
    spans = []
    for host in CONTROL_PLANES:  # they share one kernel, and so one clock
        shown = as_root(spec, host, "systemctl show kube-apiserver --property=ActiveExitTimestampMonotonic "
                                "--property=ActiveEnterTimestampMonotonic")  # fmt: skip
        times = dict(line.split("=") for line in shown.splitlines())
        spans.append((int(times["ActiveExitTimestampMonotonic"]), int(times["ActiveEnterTimestampMonotonic"])))
        assert "--audit-log-maxage=31 " in as_root(spec, host, "ps -C kube-apiserver -o args=")
    spans.sort()
    assert all(down > 0 and down < up for down, up in spans), "each was restarted, and is up"
    assert all(first[1] < second[0] for first, second in itertools.pairwise(spans)), spans
    form.on("provision")  # back to what the inventory says


@pytest.mark.parametrize("case", LOST)
def test_a_control_plane_may_be_lost_while_the_playbook_runs(form: Cluster, tmp_path: Path, case: str) -> None:
    host, step, silent, said = LOST[case]
    spec = record.read_spec(form.name)
    until(lambda: holders(form, CONTROL_PLANES) == ["cp-1"], "the host of most weight has the address")
    days = 40 + list(LOST).index(case)
    wish = ("--extra-vars", json.dumps({"kube_apiserver_audit_log_days": days}))
    run = Run(form, tmp_path / "run.jsonl", "provision", *wish)
    run.lose_after(step, host, silent)
    try:
        until(lambda: form("kubectl", "get", "--raw", "/readyz", expect=None).code == 0, "the API answers")
        assert run.end() == 4
        assert [event["host"] for event in run.events("unreachable")] == [host]
        assert [event["type"] for event in run.events("stopped")] == said
        counts = run.events("summary")[-1]["hosts"]
        assert {name for name in HOSTS if counts[name]["failed"] or counts[name]["unreachable"]} == {host}
        form("kubectl", "get", "--raw", "/readyz")
    finally:
        lab.start_host(spec, host)
    again = form.on("provision", "--json", *wish).summary()
    assert {name: again[name]["failed"] + again[name]["unreachable"] for name in HOSTS} == dict.fromkeys(HOSTS, 0)
    for one in CONTROL_PLANES:
        assert f"--audit-log-maxage={days} " in as_root(spec, one, "ps -C kube-apiserver -o args=")
    third = form.on("provision", "--json", *wish).summary()
    assert {name: third[name]["changed"] for name in HOSTS} == dict.fromkeys(HOSTS, 0)
    form.on("validate-cluster", "--wait", "5m")
