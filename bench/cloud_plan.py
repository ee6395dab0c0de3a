"""What a plan of many existing cloud resources costs: `update-cluster` with nothing to do, against moto here.

python -m bench.cloud_plan; moto's own time counts into the seconds, not into the CPU seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import machine, measure, report
from bench.cluster import CACHE, ROOT
from clusterbook.lab.ec2.corrections import answers

NAME, RESOURCES, ROUNDS = "plan.k8s.local", 100, 3
# One zone and one control plane make 20 resources with one group; each further group is a template and a group.
FIRST, EACH = 18, 2
PROGRAM = "import sys; from clusterbook.cli.main import main; sys.argv[0] = 'clusterbook'; main()"
READY_SECONDS = 120


def configuration(resources: int, image: str) -> str:
    """A cluster.yaml of at least so many resources; its groups have no workers yet."""
    groups = -(-(resources - FIRST) // EACH)
    rows = "".join(f"  - {{name: group-{number}, count: 0}}\n" for number in range(groups))
    return (f"cluster_name: {NAME}\naws:\n  zones: [us-east-2a]\n  image: {image}\n"
            f"  worker_groups:\n{rows}")  # fmt: skip


@contextmanager
def account(directory: Path) -> Iterator[dict[str, str]]:
    """An AWS of its own until the end of the block; gives the environment that talks to it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    argv = [sys.executable, "-m", "clusterbook.lab.ec2.account", "--address", "127.0.0.1", "--port", str(port),
            "--images", str(directory / "images")]  # fmt: skip
    settings = {
        **os.environ, "AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench", "AWS_DEFAULT_REGION": "us-east-2",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "AWS_EC2_METADATA_DISABLED": "true",
        "CLUSTERBOOK_STATE_STORE": f"file://{directory}/store", "XDG_CACHE_HOME": str(directory / "cache"),
    }  # fmt: skip
    with (directory / "account.log").open("wb") as log:
        server = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + READY_SECONDS
        while not answers("127.0.0.1", port):
            if time.monotonic() > deadline:
                raise OSError((directory / "account.log").read_text()[-500:])
            time.sleep(0.1)
        yield settings
    finally:
        server.kill()
        server.wait()


def measured(resources: int, rounds: int, directory: Path) -> dict[str, Any]:
    """Make the cluster, then plan it again and again. Raises OSError when a plan finds something to do."""
    costs, noises = [], []
    with account(directory) as settings:
        _call(settings, directory, 0, "create-cluster", NAME, "--zones", "us-east-2a")
        image = json.loads((directory / "images").read_text())[0]["ami_id"]
        (directory / "wish.yaml").write_text(configuration(resources, image))
        _call(settings, directory, 0, "edit-cluster", NAME, "--file", str(directory / "wish.yaml"))
        _call(settings, directory, 0, "update-cluster", NAME, "--yes")
        for _ in range(rounds):
            with machine.observed() as noise:
                costs.append(_call(settings, directory, 0, "update-cluster", NAME))
            noises.append(noise)
    count = int(costs[0].output.split("all ")[1].split()[0])
    return {
        "resources": count, "rounds": rounds, "seconds": statistics.median(one.seconds for one in costs),
        "max": max(one.seconds for one in costs), "cpu": statistics.median(one.cpu for one in costs),
        "peak_mib": max(one.peak for one in costs) / 2**20,
        "samples": [{"noise": asdict(one)} for one in noises],
    }  # fmt: skip


def _call(settings: Mapping[str, str], directory: Path, expect: int, *words: str) -> measure.Cost:
    cost = measure.run([sys.executable, "-c", PROGRAM, *words], settings, directory / "log")
    if cost.exit_code != expect:
        raise OSError(f"{' '.join(words)} ends with {cost.exit_code}\n{(directory / 'log').read_text()[-1500:]}")
    return cost


def main(arguments: list[str]) -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(prog="python -m bench.cloud_plan", description=__doc__)
    parser.add_argument("--resources", type=int, default=RESOURCES, help="how many resources at least")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="plans of which the median is told")
    parser.add_argument("--document", type=Path, default=ROOT / "docs" / "measured.md")
    options = parser.parse_args(arguments)
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as directory:
        found = measured(options.resources, options.rounds, Path(directory))
    result = {**found, "measured": datetime.now(UTC).isoformat(timespec="seconds"), "commit": machine.commit(ROOT),
              "machine": machine.description()}  # fmt: skip
    print(report.publish("cloud-plan", result, options.document))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
