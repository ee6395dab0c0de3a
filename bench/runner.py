"""The contest of runners on light hosts: `python -m bench.runner [--quick | --rounds N] [--table NAME]`.

The same content for all. Tables: `unchanged`, 40 steps with nothing to do on 8 hosts; `first`, the same where every
step changes something; `ping`, one step on one host; `delay`, `unchanged` over links with a round trip of 50 ms;
`files`, 1,000 small files over such a link. The floor is a connection to every host at once and the start of Python
there.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import machine, measure
from bench.cluster import CACHE, ROOT
from bench.contest import runners, work
from bench.contest.runners import Runner
from bench.delay import delayed
from bench.report import publish
from clusterbook.errors import ClusterbookError, Failed
from clusterbook.lab import lab, tree
from clusterbook.lab.spec import LabHost, LabSpec

NETWORK = "10.82.0.0/24"
HOSTS = 8
ROUND_TRIP, FIRST_PORT = 50, 22800


@dataclass(frozen=True)
class Table:
    """One comparison. where: the inventory; changes: hosts are wiped before each run; slow: over a delayed link.

    without: contestants for whom it would take many minutes, or who do not have the play.
    """

    name: str
    title: str
    play: str
    where: str
    changes: bool = False
    slow: bool = False
    without: tuple[str, ...] = ()


TABLES = (
    Table("unchanged", f"{work.STEPS} steps on {{hosts}} hosts, nothing to change", "work", "lab"),
    Table("first", f"{work.STEPS} steps on {{hosts}} hosts, all but two change something", "work", "lab", changes=True),
    Table("ping", "One step on one host", "ping", "one"),
    Table("delay", f"{work.STEPS} steps on {{hosts}} hosts, nothing to change, {ROUND_TRIP} ms away", "work", "slow",
          slow=True, without=("ansible-core",)),
    Table("files", f"{work.FILES} small files to one host {ROUND_TRIP} ms away", "files", "slow-one", changes=True,
          slow=True, without=("ansible-core", "mitogen", "pyinfra")),
)  # fmt: skip


@dataclass
class Sample:
    """One run of one contestant."""

    what: str
    seconds: float
    cpu: float
    peak: int
    noise: machine.Noise


class Contest:
    """All tables on one lab."""

    def __init__(self, spec: LabSpec, directory: Path, rounds: int) -> None:
        """directory: for the project, the environments of others and logs."""
        self.spec, self.directory, self.rounds = spec, directory, rounds
        self.project = directory / "project"

    def prepare(self) -> None:
        """Write the project with its inventories; a delayed host has the same key at another address."""
        known = self.directory / "known_hosts"
        lab_keys = [line.split(" ", 1) for line in (self.spec.directory / "known_hosts").read_text().splitlines()]
        keys = {name: key for names, key in lab_keys for name in names.split(",")}
        direct = [work.Target(host.name, host.address) for host in self.spec.hosts]
        slow = [work.Target(host.name, "127.0.0.1", FIRST_PORT + number) for number, host in enumerate(self.spec.hosts)]
        lines = [f"{target.address} {keys[target.address]}" for target in direct]
        lines += [f"[127.0.0.1]:{there.port} {keys[here.address]}" for here, there in zip(direct, slow, strict=True)]
        known.parent.mkdir(parents=True, exist_ok=True)
        known.write_text("\n".join([*lines, ""]))
        login = work.Login("admin", self.spec.directory / "id_ed25519", known)
        inventories = {"lab": direct, "one": direct[:1], "slow": slow, "slow-one": slow[:1]}
        work.write(self.project, login, inventories)
        (self.project / "wipe.sh").write_text(work.on_each(login, direct, f'sudo sh -c "{work.WIPE}"'))

    def table(self, table: Table, contestants: Sequence[Runner]) -> dict[str, Any]:
        """Rows, samples and notes of one table.

        Where hosts are wiped before each run all run in turn, so that noise meets all of them. Where nothing is to be
        done each has its rounds after it did the work: what one wrote another may write again.
        """
        samples: dict[str, list[Sample]] = {one.name: [] for one in contestants}
        left, notes = list(contestants), []
        print(f"== {table.name}", flush=True)
        with self._link(table):
            turns = [contestants] * self.rounds if table.changes else [[one] for one in contestants]
            for one in (one for turn in turns for one in turn if one in left):
                try:
                    samples[one.name] += self._turn(one, table)
                except Failed as error:
                    left.remove(one)
                    notes.append(f"{one.name} {one.version}: {error.message.splitlines()[0]}")
                    print(error.message, flush=True)
        every = [asdict(sample) for one in left for sample in samples[one.name]]
        return {"rows": [row(one, samples[one.name]) for one in left], "samples": every, "notes": notes}

    def _link(self, table: Table) -> AbstractContextManager[None]:
        if not table.slow:
            return nullcontext()
        return delayed(ROUND_TRIP, FIRST_PORT, [host.address for host in self.spec.hosts])

    def _turn(self, one: Runner, table: Table) -> list[Sample]:
        """One run on hosts without the work, or all rounds on hosts that the runner has brought where it wants them."""
        if table.changes:
            if one.name != runners.FLOOR:
                subprocess.run(["sh", "wipe.sh"], cwd=self.project, check=True, capture_output=True, timeout=120)
            return [self._measured(one, table)]
        if one.name != runners.FLOOR:
            self._apply(one, table)
        return [self._measured(one, table) for _ in range(self.rounds)]

    def _apply(self, one: Runner, table: Table) -> None:
        """Let a runner do the work, and see that the next run of it leaves the hosts as they are."""
        for attempt in ("applies", "checks"):
            before = tree.read(self.spec)
            cost = self._call(one, table)
            if cost.exit_code != 0:
                raise Failed(f"{one.name} {attempt} with exit status {cost.exit_code}\n{cost.output[-1500:]}")
        differences = tree.differences(before, tree.read(self.spec))
        changed = [line for line in differences if work.TOP in line or "/etc/passwd" in line]
        if changed:
            raise Failed(f"{one.name} changes hosts on its second run: {changed[:3]}")

    def _call(self, one: Runner, table: Table) -> measure.Cost:
        log = self.directory / "logs" / f"{table.name}-{one.name.split(',')[0].replace(' ', '-')}.log"
        argv = ["env", "-C", str(self.project), *one.command(table.play, table.where)]
        return measure.run(argv, runners.environment(one), log, self.spec)

    def _measured(self, one: Runner, table: Table) -> Sample:
        with machine.observed() as noise:
            cost = self._call(one, table)
        if cost.exit_code != 0:
            raise Failed(f"{one.name} ends with exit status {cost.exit_code}\n{cost.output[-1500:]}")
        print(f"{one.name}: {cost.seconds:.2f} s, machine {noise.busy:.0%} busy", flush=True)
        return Sample(one.name, cost.seconds, cost.cpu, cost.peak, noise)


def light(name: str, number: int, network: str = NETWORK) -> LabSpec:
    """A lab of hosts that have nothing to do."""
    base = network.rsplit(".", 1)[0]
    return LabSpec(name, tuple(LabHost(f"h-{index + 1}", f"{base}.{11 + index}") for index in range(number)), network)


def row(one: Runner, samples: list[Sample]) -> dict[str, Any]:
    """A line of a table: medians of the rounds."""
    seconds = [sample.seconds for sample in samples]
    return {
        "what": one.name, "version": one.version, "seconds": statistics.median(seconds), "min": min(seconds),
        "max": max(seconds), "rounds": len(samples), "cpu": statistics.median([one.cpu for one in samples]),
        "peak_mib": statistics.median([one.peak for one in samples]) / 2**20,
        "busy": statistics.median([one.noise.busy for one in samples]),
    }  # fmt: skip


def keep(name: str, title: str, found: dict[str, Any], document: Path) -> None:
    """Write a table with when, where and on what it was measured: as JSON and in the document."""
    result = {
        "measured": datetime.now(UTC).isoformat(timespec="seconds"), "commit": machine.commit(ROOT),
        "machine": machine.description(), "title": title, "floor": runners.FLOOR, **found,
    }  # fmt: skip
    print(publish(name, result, document), flush=True)


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.runner", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round")
    parser.add_argument("--rounds", type=int, default=5, help="how often each runner runs (default: 5)")
    parser.add_argument("--table", action="append", choices=[one.name for one in TABLES], help="only these tables")
    parser.add_argument("--hosts", type=int, default=HOSTS, help="number of hosts")
    parser.add_argument("--lab", default="runner", help="name of the lab; made when absent, left for the next run")
    parser.add_argument("--network", default=NETWORK, help="the lab's network, with three numbers of its own")
    parser.add_argument(
        "--without", action="append", default=[], metavar="RUNNER", help="leave out: ansible-core, mitogen, pyinfra"
    )
    parser.add_argument("--down", action="store_true", help="remove the lab afterwards")
    parser.add_argument("--document", type=Path, default=ROOT / "docs" / "measured.md")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    """Measure, print, write."""
    options = _options(arguments)
    spec, directory = light(options.lab, options.hosts, options.network), CACHE / options.lab
    contest = Contest(spec, directory, 1 if options.quick else options.rounds)
    try:
        lab.up(spec, lambda line: None)
        contest.prepare()
        for table in TABLES:
            if options.table and table.name not in options.table:
                continue
            others, left_out = runners.others(directory / "environments", {*options.without, *table.without})
            own = [runners.floor(), runners.clusterbook("free"), runners.clusterbook("linear")]
            found = contest.table(table, [*own, *others])
            found["notes"] += left_out
            keep(table.name, table.title.format(hosts=options.hosts), found, options.document)
        if options.down:
            lab.down(spec)
    except ClusterbookError as error:
        print(f"error: {error.message}\n{error.next_step}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
