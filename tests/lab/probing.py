"""A client that asks a cluster's API all the time while a test does something to it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from clusterbook.cluster.acceptance import objects
from clusterbook.cluster.artifacts.catalog import load as load_catalog
from clusterbook.cluster.probe import NAMESPACE, OBJECT
from clusterbook.lab import record
from tests.lab.asking import until

if TYPE_CHECKING:
    from tests.lab.conftest import Cluster

# A shell that runs things in the background has them ignore SIGINT; the probe must hear it.
PROGRAM = (
    "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); sys.argv[0] = 'clusterbook'; "
    "from clusterbook.cli.main import main; main()"
)

# A pod that leaves serves on for so long: every node's proxy must have heard of it, on machines that are busy as well.
LEAVING_SECONDS = 8
LEAVING = {"preStop": {"sleep": {"seconds": LEAVING_SECONDS}}}
GRACE = {"terminationGracePeriodSeconds": 2 * LEAVING_SECONDS}


@contextmanager
def probed(cluster: Cluster, page: str = "") -> Iterator[dict[str, Any]]:
    """Asks while the block runs, and before it begins; the yielded records are filled when it has ended.

    page: of a workload, which is asked for as well; see paged().
    """
    asked = ["probe", "--json", *(["--page", page] if page else [])]
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *asked], env=cluster.environment, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    records: dict[str, Any] = {}
    try:
        # What happens while the probe still starts would go unseen.
        until(lambda: _has_written(cluster), "the probe has written")
        yield records
    finally:
        time.sleep(2)  # so that it also asks after the end
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=120)
    assert process.returncode in (0, 1), errors
    records |= json.loads(output)
    print(json.dumps(records))


def _has_written(cluster: Cluster) -> bool:
    return cluster.kubectl("--namespace", NAMESPACE, "get", "configmap", OBJECT, "--output=name", expect=None) != ""


def paged(cluster: Cluster, host: str) -> str:
    """A workload of three pods, of which two must always be ready, that answers at a port of every node.

    The address of its page at that host.
    """
    server = objects.server(load_catalog().image("agnhost").reference, lifecycle=LEAVING)
    budget = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "page"},
              "spec": {"minAvailable": 2, "selector": {"matchLabels": {"app": "page"}}}}  # fmt: skip
    pages = objects.deployment("page", server, replicas=3, pod=GRACE)
    cluster.apply(pages, budget, objects.service("page", kind="NodePort"))
    cluster.kubectl("rollout", "status", "deployment/page", "--timeout=120s")
    port = cluster.kubectl("get", "service", "page", "--output=jsonpath={.spec.ports[0].nodePort}")
    address = next(one.address for one in record.read_spec(cluster.name).hosts if one.name == host)
    return f"http://{address}:{port}/hostname"


def failed(records: dict[str, Any]) -> dict[str, Any]:
    """Requests of each kind that failed twice in a row, with the words of their errors."""
    return {kind: record["errors"] for kind, record in records.items() if record["failed"]}


@contextmanager
def ready_pods(cluster: Cluster, deployment: str) -> Iterator[list[int]]:
    """How many pods of a Deployment were ready, each time that this changed while the block ran; filled at its end."""
    watch = ["kubectl", "--cluster", cluster.name, "--", "get", "deployment", deployment, "--watch",
             '--output=jsonpath={.status.readyReplicas}{"\\n"}']  # fmt: skip
    # A watch ends when its API server does: the next one begins with what is then.
    again = ["sh", "-c", 'while :; do "$@" 2> /dev/null; sleep 0.1; done', "sh", sys.executable, "-c", PROGRAM, *watch]
    found: list[int] = []
    with tempfile.TemporaryFile("w+") as file:
        process = subprocess.Popen(again, env=cluster.environment, stdin=subprocess.DEVNULL, stdout=file,
                                   start_new_session=True)  # fmt: skip
        try:
            until(lambda: os.fstat(file.fileno()).st_size > 0, "the watch has begun")
            yield found
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        file.seek(0)
        found += [int(line or 0) for line in file.read().splitlines()]
    print(f"ready pods of {deployment}: {found}")
