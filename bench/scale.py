"""One control plane with more and more nodes: `python -m bench.scale [--steps 0,10,25,50,100] [--most SECONDS]`.

The product raises a control plane and one worker in a lab. Then hollow nodes join from light hosts (bench/hollow.py),
and after each step, when all are Ready and quiet, the control plane is looked at while nobody asks for anything, pods
are started on hollow nodes one after the other, and `validate-cluster` and `status` are run on all hosts. At the end
pods are added. Writes docs/reports/scale.json and a section of docs/scale.md; `--page` writes the section anew.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import control_plane, descriptors, hollow, light, machine, plain, report, scale_lab, scale_pods
from bench.cluster import CACHE, ROOT
from bench.kube_api import Api
from clusterbook import __version__
from clusterbook.cluster.cluster import Cluster
from clusterbook.errors import ClusterbookError, Failed

STEPS = (0, 10, 25, 50, 100)
# The whole run with its lab, and what its end takes: steps that would not fit are left out.
MOST_SECONDS = 660.0
LAST_SECONDS = 90.0
PODS_SECONDS = 150.0
READY_SECONDS = 240.0
QUIET_SECONDS = 15.0
REST_SECONDS = 30.0
REPORT = ROOT / "docs" / "reports" / "scale.json"
DOCUMENT = ROOT / "docs" / "scale.md"
Tool = Callable[[int], dict[str, dict[str, float]]]


@dataclass
class Row:
    """One step. nodes: hollow ones; ready: seconds from the start of those that were added to the last one's Ready."""

    nodes: int
    pods_added: int
    added: int
    ready: float | None
    rest: control_plane.Rest
    peak: dict[str, float]
    pods: scale_pods.Pods | None = None
    tool: dict[str, dict[str, float]] = field(default_factory=dict)
    noise: machine.Noise = field(default_factory=machine.Noise)


@dataclass
class Climb:
    """One run up the steps. tool: what the product's commands cost on so many light hosts."""

    api: Api
    plane: control_plane.Plane
    nodes: hollow.HollowNodes
    hosts: light.LightHosts
    tool: Tool
    rows: list[Row] = field(default_factory=list)
    node_bytes: int = 0
    notes: list[str] = field(default_factory=list)

    def up(self, steps: tuple[int, ...], each: int, end: float) -> None:
        """Every step for which there is time before `end`; one that fails ends it, and what was measured counts."""
        last = 0.0
        try:
            for wanted in steps:
                before = time.monotonic()
                if before + 1.3 * last + LAST_SECONDS > end:
                    self.notes.append(f"{wanted} nodes were left out: the run had no more time.")
                    continue
                self.step(wanted)
                last = time.monotonic() - before
            if each:
                self.fill(each)
        except (ClusterbookError, OSError) as error:
            self.notes.append(f"Ended early: {error}.")
            _say(f"ended early: {error}")

    def step(self, wanted: int) -> None:
        """So many hollow nodes, then everything that is measured."""
        new = self.hosts.targets[len(self.nodes.processes) : wanted]
        started = time.monotonic()
        self.nodes.start(new)
        self._wait_ready(wanted)
        ready = round(time.monotonic() - started, 1) if new else None
        time.sleep(QUIET_SECONDS)
        row = self._measured(0, len(new), ready)
        row.pods = scale_pods.one_by_one(self.api) if wanted else None
        if wanted:
            node = self.api.get(f"/api/v1/nodes/{self.hosts.targets[0].name}")
            self.node_bytes = len(json.dumps(node, separators=(",", ":")))
        row.tool = self.tool(wanted)
        _say(json.dumps(asdict(row)))

    def fill(self, each: int) -> None:
        """So many pods on each hollow node, then at rest once more."""
        wanted = each * len(self.nodes.processes)
        seconds = scale_pods.many(self.api, wanted, PODS_SECONDS)
        time.sleep(QUIET_SECONDS)
        row = self._measured(wanted, 0, None)
        row.pods = scale_pods.Pods(wanted, seconds=seconds)
        _say(json.dumps(asdict(row)))

    def _wait_ready(self, wanted: int) -> None:
        end, have = time.monotonic() + READY_SECONDS, 0
        while have < wanted:
            listed = self.api.get(f"/api/v1/nodes?labelSelector={hollow.LABEL}%3Dtrue&resourceVersion=0")["items"]
            have = sum(_is_ready(one) for one in listed)
            if time.monotonic() > end or self.nodes.ended():
                raise Failed(f"{have} of {wanted} hollow nodes are Ready; ended: {self.nodes.ended()}",
                             next_step=f"Read the logs in {self.nodes.directory}.")  # fmt: skip
            time.sleep(0.5)

    def _measured(self, pods: int, added: int, ready: float | None) -> Row:
        peak = control_plane.memory(self.plane.numbers(), "VmHWM")
        with machine.observed() as noise:
            rest = control_plane.observed(self.api, self.plane, self.nodes.numbers(), REST_SECONDS,
                                          lambda: self.nodes.watches.received)  # fmt: skip
        row = Row(len(self.nodes.processes), pods, added, ready, rest, peak, noise=noise)
        self.rows.append(row)
        _say(f"{row.nodes} hollow nodes, {pods} pods added: Ready after {ready} s, machine {noise.busy:.0%} busy")
        return row


def _is_ready(node: Mapping[str, Any]) -> bool:
    conditions = node.get("status", {}).get("conditions", [])
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def measured(
    directory: Path, steps: tuple[int, ...], each: int, most: float, by_itself: bool, real: str
) -> dict[str, Any]:
    """The whole of it as the report. by_itself: a control plane of plain processes instead of one in a lab.

    real: LAB/HOST, a worker of another lab, of which the memory of a real node is taken then.
    """
    end = time.monotonic() + most
    with light.running(max(steps), directory / "light", plain.NETWORK if by_itself else scale_lab.LIGHT) as hosts:
        opened = descriptors.of_run(directory / "descriptors", hosts)
        _say(str(opened))
        if by_itself:
            with plain.running(directory / "plain") as (made, api):
                return _report(made.cluster, _climbed(Climb(
                    api, made.plane(), hollow.prepared(made.cluster, api, directory / "hollow", hosts), hosts,
                    lambda count: {},
                ), steps, each, end), scale_lab.node_of(real) if real else {}, opened)  # fmt: skip
        with scale_lab.booted(directory, hosts, _say) as lab:
            cluster = lab.provision()
            api = Api(cluster)
            nodes = hollow.prepared(cluster, api, directory / "hollow", hosts)
            climb = _climbed(Climb(api, lab.plane(), nodes, hosts, lab.tool), steps, each, end)
            return _report(cluster, climb, lab.real_node(), opened, by_lab=True)


def _climbed(climb: Climb, steps: tuple[int, ...], each: int, end: float) -> Climb:
    try:
        climb.up(steps, each, end)
    finally:
        climb.nodes.stop()
    return climb


def _report(
    cluster: Cluster, climb: Climb, real: Mapping[str, float], opened: Mapping[str, Any], by_lab: bool = False
) -> dict[str, Any]:
    return {
        "measured": datetime.now(UTC).isoformat(timespec="seconds"), "version": __version__,
        "machine": machine.description(), "kubernetes": str(cluster.spec.complete["kubernetes_version"]),
        "control_plane": "in a lab" if by_lab else "plain processes", "rows": [asdict(row) for row in climb.rows],
        "real_node_mib": dict(real), "descriptors": dict(opened), "node_bytes": climb.node_bytes,
        "notes": climb.notes,
    }  # fmt: skip


def _say(text: str) -> None:
    print(text, flush=True)


def main(arguments: list[str]) -> int:
    """Measure, write, print."""
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=__doc__)
    parser.add_argument("--steps", default=",".join(map(str, STEPS)), help="numbers of hollow nodes, growing")
    parser.add_argument("--pods", type=int, default=5, help="pods a node that are added at the end")
    parser.add_argument("--most", type=float, default=MOST_SECONDS, help="seconds that the whole run may take")
    parser.add_argument("--report", type=Path, default=REPORT, help="where the numbers are written")
    parser.add_argument("--plain", action="store_true", help="without a lab: a control plane of plain processes")
    parser.add_argument("--real", default="", help="with --plain: LAB/HOST, a worker whose programs' memory is told")
    parser.add_argument("--page", action="store_true", help="write the page from the numbers that are there")
    options = parser.parse_args(arguments)
    if not options.page:
        steps = tuple(int(word) for word in options.steps.split(","))
        try:
            directory = CACHE / ("scale-plain" if options.plain else "scale")
            result = measured(directory, steps, options.pods, options.most, options.plain, options.real)
        except ClusterbookError as error:
            print(f"error: {error.message}\n{error.next_step}", file=sys.stderr)
            return error.exit_code
        options.report.parent.mkdir(exist_ok=True)
        options.report.write_text(json.dumps(result, indent=1) + "\n")
    if options.report == REPORT:
        print(report.write("scale", json.loads(REPORT.read_text()), DOCUMENT))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
