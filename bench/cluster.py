"""Raise the same cluster by hand and by `provision`, then look again: `python -m bench.cluster [--quick]`.

On the same hosts in turn, each time bare and freshly booted: the floor (bench/floor), `provision`, then on that
cluster `plan` and a second `provision`. A round ends for both when every node is Ready and a pod has got an answer
from the cluster's DNS. Prints a table and what cost what; writes JSON and docs/measured.md.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import platformdirs
import yaml

from bench import machine, measure, processes, timeline
from bench.floor import prepare
from bench.measure import Cost
from bench.report import publish
from clusterbook.cluster import health
from clusterbook.cluster.artifacts import supply as supplies
from clusterbook.cluster.cluster import Cluster, open_cluster
from clusterbook.cluster.kube import open_kubectl
from clusterbook.cluster.reset import forget_access
from clusterbook.cluster.store import STORE_VARIABLE, open_store
from clusterbook.errors import ClusterbookError, Failed
from clusterbook.journal import read as read_journal
from clusterbook.lab import lab, record, tree
from clusterbook.lab import mirror as mirrors
from clusterbook.lab.inventory_file import spec_from_counts
from clusterbook.lab.mirror_servers import of_lab
from clusterbook.lab.spec import LabSpec

ROOT = Path(__file__).parents[1]
CACHE = Path(platformdirs.user_cache_dir("clusterbook")) / "bench"
NETWORK = "10.80.0.0/24"
CONTROL_PLANES, WORKERS = 3, 2
READY_SECONDS = 300.0
SETTLE_SECONDS = 5.0


@dataclass
class Sample:
    """One measured command of one round. ready: seconds from its begin to a cluster that answers, where it raises."""

    what: str
    seconds: float
    cpu: float
    peak: int
    hosts_cpu: float
    exit_code: int
    noise: machine.Noise
    ready: float | None = None
    results: Mapping[str, int] = field(default_factory=dict)
    round_trips: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    touched: list[str] = field(default_factory=list)
    programs: Mapping[str, float] = field(default_factory=dict)


class Bench:
    """One run of the benchmark on one lab."""

    def __init__(self, spec: LabSpec, directory: Path, profile: bool = False) -> None:
        """directory: for logs and the store of the cluster; profile: note which programs ran on the hosts."""
        self.spec = spec
        self.profile = profile
        self.directory = directory
        self.environment = {**os.environ, STORE_VARIABLE: f"file://{directory / 'store'}"}
        self.samples: list[Sample] = []
        self.notes: list[str] = []

    @property
    def cluster(self) -> Cluster:
        """The benchmark's cluster, from its store."""
        return open_cluster(open_store(self.environment), self.spec.name, self.environment)

    def bare(self) -> None:
        """Make every host bare again; then let the machine come to rest."""
        lab.reset_hosts(self.spec, [host.name for host in self.spec.hosts])
        forget_access(open_store(self.environment), self.spec.name)
        time.sleep(SETTLE_SECONDS)

    def floor(self) -> Sample:
        """Raise the cluster by hand."""
        directory = prepare.directory(self.spec.name)
        ssh = ["ssh", "-F", "none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-o", "LogLevel=ERROR",
               "-o", f"UserKnownHostsFile={self.spec.directory / 'known_hosts'}",
               "-i", str(self.spec.directory / "id_ed25519"), "-l", "admin"]  # fmt: skip
        script = str(Path(prepare.__file__).parent / "raise.sh")
        return self.sample("floor", ["sh", script, str(directory), *ssh], raises=True)

    def command(self, what: str, *words: str, raises: bool = False) -> Sample:
        """Run one clusterbook command with its round trips counted."""
        counts = self.directory / "round-trips.json"
        counts.unlink(missing_ok=True)
        argv = [sys.executable, "-m", "bench.counted", str(counts), *words, "--inventory", self.spec.name]
        before = self._runs()
        sample = self.sample(what, argv, raises=raises)
        sample.round_trips = json.loads(counts.read_text()) if counts.is_file() else {}
        new = [run for run in self._runs() if run not in before]
        if new:
            sample.results = timeline.counts(read_journal(new[-1]))
        return sample

    def sample(self, what: str, argv: list[str], raises: bool) -> Sample:
        """Measure one command; with raises, until the cluster answers."""
        ready = None
        with machine.observed() as noise:
            started = time.monotonic()
            log = self.directory / "logs" / f"{what.replace(' ', '-')}.log"
            # Without hosts to look at, the sampler looks at nothing.
            with processes.sampled(self.spec if self.profile else replace(self.spec, hosts=())) as programs:
                cost = measure.run(argv, self.environment, log, self.spec)
            if cost.exit_code not in (0, 2):
                raise Failed(f"{what} ended with {cost.exit_code}:\n{cost.output[-2000:]}", next_step="Read its log.")
            if raises:
                self._answering()
                ready = time.monotonic() - started
        return self._kept(what, cost, noise, ready, programs)

    def _kept(
        self, what: str, cost: Cost, noise: machine.Noise, ready: float | None, programs: Mapping[str, float]
    ) -> Sample:
        sample = Sample(
            what, cost.seconds, cost.cpu, cost.peak, cost.hosts_cpu, cost.exit_code, noise, ready
        )  # fmt: skip
        self.samples.append(sample)
        _say(f"{what}: {cost.seconds:.1f} s{f', answers after {ready:.1f} s' if ready else ''}, "
             f"hosts' cpu {cost.hosts_cpu:.1f} s, machine {noise.busy:.0%} busy, load {noise.load}")  # fmt: skip
        return sample

    def _answering(self) -> None:
        """Wait until all nodes are Ready and a pod gets an answer from DNS. Raises Failed when they do not."""
        cluster = self.cluster
        kubectl = open_kubectl(cluster)
        expected = health.Hosts({}, {}, tuple(host.name for host in self.spec.hosts))
        image = _test_image(self.spec)
        domain = str(cluster.spec.complete["cluster_domain"])
        for look in (lambda: health.nodes(kubectl, expected), lambda: health.dns(kubectl, image, domain)):
            sick = [one for one in health.wait(look, READY_SECONDS, lambda found: None) if not one.healthy]
            if sick:
                raise Failed(f"{sick[0].what} {sick[0].subject}: {sick[0].detail}", next_step=sick[0].next_step)

    def untouched(self, do: Callable[[], Sample]) -> Sample:
        """Run something, and note every path on the hosts that is not as it was."""
        before = tree.read(self.spec, apart=tree.RUNNING)
        sample = do()
        sample.touched = tree.differences(before, tree.read(self.spec, apart=tree.RUNNING))
        return sample

    def last_run(self) -> Path:
        """The journal's directory of the newest run."""
        return self._runs()[-1]

    def _runs(self) -> list[Path]:
        return sorted((self.directory / "store" / self.spec.name / "runs").glob("*"))


def prepare_floor(bench: Bench) -> None:
    """Raise the cluster once, not counted, and snapshot it, unless a snapshot of these very playbooks is there."""
    wanted = prepare.fingerprint(bench.spec)
    mark = prepare.directory(bench.spec.name) / "fingerprint"
    if mark.is_file() and mark.read_text() == wanted:
        return
    _say("raising the cluster once to prepare the floor's files")
    bench.bare()
    bench.command("warm-up", "provision", raises=True)
    prepare.prepare(bench.spec, bench.cluster)
    bench.samples.clear()


def measure_round(bench: Bench) -> None:
    """One round of everything, on fresh hosts for each way of raising."""
    bench.bare()
    bench.floor()
    by_hand = paths(bench.spec)
    bench.bare()
    bench.command("provision", "provision", raises=True)
    bench.notes = _compared(by_hand, paths(bench.spec))
    profile = timeline.describe(read_journal(bench.last_run()))
    (bench.directory / "profile.txt").write_text(profile + "\n")
    bench.untouched(lambda: bench.command("plan", "plan"))
    bench.command("second provision", "provision")


def paths(spec: LabSpec) -> dict[str, set[str]]:
    """What is on each host beyond its image, without data: to see that both ways end with the same."""
    apart = (
        *tree.RUNNING,
        "/var/lib/dpkg",
        "/var/lib/apt",
        "/var/cache",
        "/usr/share",
        "/tmp",
        "/var/tmp",
        "/home",
        "/root/.kube",
        "/usr/libexec/kubernetes",
    )
    return {host: set(found) for host, found in tree.read(spec, apart=apart).items()}


def _compared(by_hand: Mapping[str, set[str]], provisioned: Mapping[str, set[str]]) -> list[str]:
    """What only one of both ways left on a host."""
    notes = []
    for host in sorted(by_hand):
        notes += [f"only the floor: {host}:{path}" for path in sorted(by_hand[host] - provisioned[host])]
        notes += [f"only provision: {host}:{path}" for path in sorted(provisioned[host] - by_hand[host])]
    return notes


def medians(samples: list[Sample]) -> list[dict[str, Any]]:
    """One row for each command, in order of first appearance; the middle value of each number."""
    rows = []
    for what in dict.fromkeys(sample.what for sample in samples):
        same = [sample for sample in samples if sample.what == what]
        ready = [sample.ready for sample in same if sample.ready is not None]
        rows.append({
            "what": what, "rounds": len(same), "seconds": _median([one.seconds for one in same]),
            "ready": _median(ready) if ready else None, "cpu": _median([one.cpu for one in same]),
            "peak_mib": _median([one.peak / 2**20 for one in same]),
            "hosts_cpu": _median([one.hosts_cpu for one in same]),
            "changed": same[-1].results.get("changed"),
            "round_trips": max((sum(kinds.values()) for kinds in same[-1].round_trips.values()), default=None),
            "touched": len(same[-1].touched) if what == "plan" else None,
            "busy": _median([one.noise.busy for one in same]),
            "spread": (min(one.ready or one.seconds for one in same), max(one.ready or one.seconds for one in same)),
        })  # fmt: skip
    return rows


def _median(values: list[float]) -> float:
    return round(statistics.median(values), 3)


def _test_image(spec: LabSpec) -> str:
    """The image with nslookup that the mirror holds."""
    return str(yaml.safe_load(of_lab(spec).variables.read_text())["images"]["busybox"]["reference"])


def _say(text: str) -> None:
    print(text, flush=True)


def set_up(name: str) -> LabSpec:
    """The benchmark's lab with its mirror, made when absent."""
    known = record.read_spec(name) if name in record.names() else None
    spec = known or spec_from_counts(name, CONTROL_PLANES, WORKERS, network=NETWORK)
    lab.up(spec, _say)
    mirrors.up(of_lab(spec), supplies.default())
    return spec


def main(arguments: list[str]) -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(prog="python -m bench.cluster", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round instead of three")
    parser.add_argument("--profile", action="store_true", help="sample which programs take the hosts' processors")
    parser.add_argument("--lab", default="bench", help="name of the lab; made when absent")
    parser.add_argument("--document", type=Path, default=ROOT / "docs" / "measured.md")
    options = parser.parse_args(arguments)
    try:
        bench = Bench(set_up(options.lab), CACHE / options.lab, options.profile)
        prepare_floor(bench)
        for number in range(1 if options.quick else 3):
            _say(f"round {number + 1}")
            measure_round(bench)
    except ClusterbookError as error:
        print(f"error: {error.message}\n{error.next_step}", file=sys.stderr)
        return error.exit_code
    result = {
        "measured": datetime.now(UTC).isoformat(timespec="seconds"), "commit": machine.commit(ROOT),
        "machine": machine.description(), "rows": medians(bench.samples), "samples": [asdict(s) for s in bench.samples],
        "end_state": bench.notes, "profile": (bench.directory / "profile.txt").read_text(),
    }  # fmt: skip
    print(publish("cluster", result, options.document))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
