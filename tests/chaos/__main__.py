"""Runs the faults one after the other under the prober, and writes docs/reports/chaos.json and docs/chaos.md."""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from clusterbook.lab import record
from tests.chaos import page
from tests.chaos.faults import FAULTS, Fault, Scene, happening
from tests.lab.conftest import Cluster, with_store
from tests.lab.forms import booted
from tests.lab.probing import paged, probed

FORM = "three control planes and one worker"


@dataclass(frozen=True)
class Result:
    """What became of a fault. records: the prober's, by kind; well_after: seconds, None when it never was."""

    fault: str
    host: str
    felt: bool
    records: Mapping[str, Mapping[str, Any]]
    well_after: float | None

    @property
    def failed(self) -> int:
        """Requests that failed twice."""
        return sum(int(one["failed"]) for one in self.records.values())

    @property
    def good(self) -> bool:
        """Whether the cluster kept what it promises: see tests/chaos/page.py."""
        lost = self.records["write"].get("lost")
        return self.well_after is not None and lost == 0 and (self.felt or not self.failed)


def main() -> int:
    """All faults, or those named; the exit status is 1 when one did harm that it should not."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("--seed", type=int, default=1, help="chooses hosts and the order of faults (default: 1)")
    parser.add_argument("--only", default="", help="only faults whose name has these words; of others the report stays")
    parser.add_argument("--write", action="store_true", help="write docs/reports/chaos.json and docs/chaos.md")
    asked = parser.parse_args()
    chance = random.Random(asked.seed)
    chosen = [one for one in FAULTS if asked.only in one.name]
    chance.shuffle(chosen)
    with tempfile.TemporaryDirectory(prefix="clusterbook-chaos-") as folder:
        results = _all(chosen, Path(folder), chance)
    if asked.write:
        names, now = [fault.name for fault in FAULTS], [asdict(one) for one in results]
        faults = page.with_others(page.FAULTS, "faults", "fault", names, now)
        page.publish(page.FAULTS, {"seed": asked.seed, "faults": faults})
    return 0 if all(one.good for one in results) else 1


def _all(chosen: Sequence[Fault], folder: Path, chance: random.Random) -> list[Result]:
    with booted(FORM, folder, with_store, "chaos", "10.70.0") as one:
        one.on("mirror", "--start")
        one.on("provision")
        one.on("validate-cluster", "--wait", "5m")
        spec = record.read_spec(one.name)
        names = [host.name for host in spec.hosts]
        planes, workers = ([name for name in names if name.startswith(kind)] for kind in ("cp-", "w-"))
        scene, workload = Scene(spec, planes, workers, names, chance), paged(one, workers[0])
        return [_one(fault, one, scene, workload) for fault in chosen]


def _one(fault: Fault, cluster: Cluster, scene: Scene, workload: str) -> Result:
    with probed(cluster, workload) as records:
        with happening(fault, scene) as host:
            pass
        ended = time.monotonic()
        done = cluster.on("validate-cluster", "--wait", "5m", expect=None)
        well_after = time.monotonic() - ended if done.code == 0 else None
    result = Result(fault.name, host, fault.felt, records, well_after)
    print(f"{'good' if result.good else 'HARM'}  {fault.name}, {host}: {json.dumps(asdict(result))}", flush=True)
    return result


if __name__ == "__main__":
    sys.exit(main())
