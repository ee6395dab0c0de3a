"""Four steps on very many light hosts: `python -m bench.wide [--hosts N] [--most SECONDS] [--without RUNNER]`.

Every runner changes all hosts once: each time they are made anew. The floor is a connection to every host at once and
the start of Python there. What is counted is the processor time and memory of the runner with all its processes, not
those of the hosts.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path

from bench import light, machine, measure
from bench.cluster import CACHE, ROOT
from bench.contest import runners, work
from bench.contest.runners import Runner
from bench.runner import Sample, keep, row

HOSTS = 200
# A runner that is not done by then is ended, and the table says so: the whole of it takes less than ten minutes.
MOST_SECONDS = 90.0


def measured(one: Runner, number: int, directory: Path, most: float) -> Sample:
    """One run on new hosts. Raises OSError when the runner fails, or takes longer than `most` seconds."""
    project = directory / "project"
    with light.running(number, directory / "hosts") as hosts:
        work.write(project, hosts.login, {"wide": hosts.targets})
        argv = ["env", "-C", str(project), *one.command("wide", "wide")]
        with machine.observed() as noise:
            cost = measure.run(argv, runners.environment(one), directory / "logs" / f"{one.name}.log", most=most)
    if cost.seconds >= most:
        raise OSError(f"was not done after {most:.0f} s")
    if cost.exit_code != 0:
        raise OSError(f"ends with exit status {cost.exit_code}\n{cost.output[-1500:]}")
    print(f"{one.name}: {cost.seconds:.1f} s, {cost.cpu:.1f} CPU s, machine {noise.busy:.0%} busy", flush=True)
    return Sample(one.name, cost.seconds, cost.cpu, cost.peak, noise)


def main(arguments: list[str]) -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(prog="python -m bench.wide", description=__doc__)
    parser.add_argument("--hosts", type=int, default=HOSTS, help="number of hosts")
    parser.add_argument("--most", type=float, default=MOST_SECONDS, help="seconds that each runner is given")
    parser.add_argument(
        "--without", action="append", default=[], metavar="RUNNER", help="leave out: ansible-core, mitogen, pyinfra"
    )
    parser.add_argument("--document", type=Path, default=ROOT / "docs" / "measured.md")
    options = parser.parse_args(arguments)
    directory = CACHE / "wide"
    others, notes = runners.others(CACHE / "runner" / "environments", options.without)
    own = [runners.clusterbook("free", "--executor", executor) for executor in ("threads", "processes")]
    samples, rows = [], []
    for one in (runners.floor(), *own, *others):
        try:
            samples.append(measured(one, options.hosts, directory, options.most))
        except OSError as error:
            notes.append(f"{one.name} {one.version}: {str(error).splitlines()[0]}".replace(" :", ":"))
            print(error, flush=True)
            continue
        rows.append(row(one, samples[-1:]))
    found = {"rows": rows, "samples": [asdict(one) for one in samples], "notes": notes}
    keep("wide", f"Four steps on {options.hosts} light hosts, all change something", found, options.document)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
