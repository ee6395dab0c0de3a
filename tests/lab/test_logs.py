"""What pods write is found by `logs`, what they use is measured by `top`, and an autoscaler follows it."""

from __future__ import annotations

import json
import os
import shlex
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from clusterbook.cluster.acceptance import objects
from clusterbook.cluster.artifacts.catalog import load as load_catalog
from clusterbook.lab import record
from tests import browser
from tests.lab.asking import as_root, until
from tests.lab.conftest import PROGRAM as START
from tests.lab.conftest import ROOT
from tests.lab.forms import booted, is_well

if TYPE_CHECKING:
    from tests.lab.conftest import Cluster

pytestmark = pytest.mark.skipif("CLUSTERBOOK_FULL" not in os.environ, reason="a long form: make full")
FORM, LAB, NETWORK = "logs on the worker", "logs", "10.96.0"
LINES = 900
UNIT = "clusterbook-log-aggregator.service"
COUNTING = f"i=0; while [ $i -lt {LINES} ]; do echo count $i; i=$((i+1)); sleep 0.03; done; exec sleep 1000000"
BUSY = "#!/bin/sh\necho Content-Type: text/plain\necho\ni=0; while [ $i -lt 30000 ]; do i=$((i+1)); done"
PROGRAM = "/tmp/www/cgi-bin/busy"
SERVING = (f"mkdir -p /tmp/www/cgi-bin; printf '%s' '{BUSY}' > {PROGRAM}; chmod +x {PROGRAM}; "
           "exec httpd -f -p 8080 -h /tmp/www")  # fmt: skip
ASKING = "while :; do wget -q -O - http://busy:8080/cgi-bin/busy || sleep 1; done"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, clusters: Any) -> Iterator[Cluster]:
    """One control plane, and a worker that keeps the logs."""
    with booted(FORM, tmp_path_factory.mktemp(LAB), clusters, LAB, NETWORK) as one:
        one.on("mirror", "--start")
        one.on("provision")
        is_well(one)
        yield one


def on(host: str, command: str) -> str:
    """What a command of root prints on a host."""
    return as_root(record.read_spec(LAB), host, command)


def busybox(name: str, command: str, **more: Any) -> dict[str, Any]:
    image = load_catalog().image("busybox").reference
    return objects.deployment(name, objects.container(image, "sh", "-c", command, **more))


def found(one: Cluster, *words: str) -> list[dict[str, Any]]:
    """Records of `logs`."""
    return [json.loads(line) for line in one.on("logs", *words, "--json", expect=None).output.splitlines()]


def counted(one: Cluster) -> list[int]:
    return [int(record["message"].split()[1]) for record in found(one, "--namespace", "shop", "--grep", "^count")]


def test_lines_are_found_within_seconds_and_none_is_lost_while_the_aggregator_is_away(cluster: Cluster) -> None:
    cluster.kubectl("create", "namespace", "shop")
    cluster.apply(busybox("counter", COUNTING) | {"metadata": {"name": "counter", "namespace": "shop"}})
    cluster.kubectl("--namespace=shop", "wait", "--for=condition=Available", "deployment/counter", "--timeout=60s")
    began = time.monotonic()
    until(lambda: bool(counted(cluster)), "the first lines are found")
    assert time.monotonic() - began < 15
    on("w-1", f"systemctl stop {UNIT}; sleep 6; systemctl start {UNIT}; sleep 2; systemctl kill --signal=KILL {UNIT}")
    until(lambda: LINES - 1 in counted(cluster), "the last line is found")
    until(lambda: len(counted(cluster)) == LINES, "what waited has arrived")
    assert sorted(counted(cluster)) == list(range(LINES)), "no line is lost, and none is shown twice"


def test_a_rotation_hides_nothing_and_questions_choose(cluster: Cluster) -> None:
    on("w-1", "logrotate --force --state /var/lib/clusterbook-logging/logrotate.status "
              "/etc/clusterbook-logging/logrotate.conf; systemctl start clusterbook-log-rotate.service")  # fmt: skip
    assert len(counted(cluster)) == LINES
    (last,) = found(cluster, "--namespace", "shop", "--pod", "counter", "--limit", "1", "--since", "1h")
    assert (last["message"], last["container"], last["stream"]) == (f"count {LINES - 1}", "main", "stdout")
    assert found(cluster, "--namespace", "shop", "--until", "1h") == []
    assert found(cluster, "--namespace", "kube-system", "--pod", "coredns", "--limit", "1")
    wrong = cluster.on("logs", "--namespace", "shpo", expect=3)
    assert "did you mean 'shop'?" in wrong.errors


def test_a_line_without_the_clusters_certificate_is_not_taken(cluster: Cluster) -> None:
    forged = json.dumps({"time": "", "namespace": "shop", "pod": "forged", "container": "main", "message": "count 0"})
    for way in (f"socat -t 2 - TCP:{NETWORK}.21:6514", f"socat -t 2 - OPENSSL:{NETWORK}.21:6514,verify=0"):
        on("cp-1", f"echo {shlex.quote(forged)} | timeout 10 {way} || true")
    assert found(cluster, "--namespace", "shop", "--pod", "forged") == []


def test_fluent_bits_manifest_is_one_that_the_api_takes(cluster: Cluster) -> None:
    golden = Path(__file__).parents[1] / "unit" / "roles" / "golden" / "fluent-bit.yaml"
    made = cluster.kubectl("apply", "--dry-run=server", f"--filename={golden}")
    assert made.count("created (server dry run)") == 3


def test_what_nodes_and_pods_use_is_shown(cluster: Cluster) -> None:
    until(lambda: cluster("top", "--cluster", LAB, "--json", expect=None).code == 0, "something is measured")
    nodes = json.loads(cluster("top", "--cluster", LAB, "--json").output)["nodes"]
    assert {one["name"] for one in nodes} == {"cp-1", "w-1"}
    assert all(one["memory_bytes"]["used"] > 0 for one in nodes)
    assert "kube-system" in cluster("top", "pods", "--cluster", LAB, "--sort", "memory").output


@pytest.mark.skipif(browser.PROGRAM is None, reason="needs Chromium")
def test_what_was_measured_has_a_page_to_browse(cluster: Cluster) -> None:
    words = [sys.executable, "-c", START, "prometheus", "--inventory", str(cluster.inventory), "--cluster", LAB]
    with browser.opened(words, cluster.environment, ROOT) as address:
        until(lambda: {one["metric"]["node"] for one in asked(address, 'up{job="kubelet"} == 1')} == {"cp-1", "w-1"},
              "both kubelets answer Prometheus")  # fmt: skip
        used = asked(address, 'container_memory_working_set_bytes{namespace="kube-system",container="coredns"}')
        assert all(float(one["value"][1]) > 0 for one in used) and used
        shown = browser.look(f"{address}/classic/targets")
    # Debian's page complains of a part of its own (popper.js); what it shows is all there.
    assert "kube-apiserver (1/1 up)" in shown.document and "kubelet (2/2 up)" in shown.document


def asked(address: str, query: str) -> list[Any]:
    """What Prometheus answers to an expression."""
    with urllib.request.urlopen(f"{address}/api/v1/query?{urllib.parse.urlencode({'query': query})}") as told:
        found: list[Any] = json.load(told)["data"]["result"]
    return found


def test_a_deployment_under_load_grows_and_comes_back(cluster: Cluster) -> None:
    work = busybox("busy", SERVING, resources={"requests": {"cpu": "50m"}, "limits": {"cpu": "200m"}})
    small = {"stabilizationWindowSeconds": 0, "policies": [{"type": "Pods", "value": 4, "periodSeconds": 15}]}
    cpu = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}}}
    scaler = {
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "busy"},
        "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "busy"}, "minReplicas": 1,
                 "maxReplicas": 3, "metrics": [cpu], "behavior": {"scaleUp": small, "scaleDown": small}},
    }  # fmt: skip

    def replicas() -> str:
        return cluster.kubectl("get", "deployment", "busy", "--output=jsonpath={.status.readyReplicas}")

    cluster.apply(work, objects.service("busy", port=8080), scaler, busybox("asker", ASKING))
    until(lambda: replicas() == "3", "there are three pods under load")
    cluster.kubectl("delete", "deployment", "asker", "--now")
    until(lambda: replicas() == "1", "one pod is left without load")


def test_what_is_not_wanted_any_more_goes_but_for_what_it_kept_and_comes_back(cluster: Cluster) -> None:
    without = ("--extra-vars", json.dumps({"logging_agent": "none", "prometheus": False, "metrics_server": False}))
    cluster.on("plan", *without, expect=2)
    cluster.on("provision", *without)
    for host in ("cp-1", "w-1"):
        assert on(host, "ls /etc/systemd/system | grep -E 'clusterbook-(log|prometheus)' || true") == ""
        assert on(host, "pgrep --list-name --exact 'rsyslogd|prometheus' || true") == ""
    assert "shop" in on("w-1", "ls /var/log/clusterbook-pods")
    for wanted in (("deployment", "metrics-server"), ("clusterrole", "clusterbook:prometheus")):
        assert cluster.kubectl("--namespace=kube-system", "get", *wanted, "--ignore-not-found") == ""
    cluster.on("plan", *without)
    cluster.on("provision")
    until(lambda: cluster("top", "--cluster", LAB, expect=None).code == 0, "something is measured again")


def test_a_second_provision_changes_nothing_and_a_reset_takes_all_of_it_away(cluster: Cluster) -> None:
    summary = cluster.on("provision", "--json").summary()
    assert {host: counts["changed"] for host, counts in summary.items()} == {"cp-1": 0, "w-1": 0}
    cluster.on("reset", "--yes")
    for host in ("cp-1", "w-1"):
        left = on(host, "ls -d /etc/clusterbook-logging /var/lib/clusterbook-logging /var/log/clusterbook-pods "
                  "/etc/systemd/system/clusterbook-* 2>/dev/null || true")  # fmt: skip
        assert left == ""
