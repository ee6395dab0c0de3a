"""`python -m tests.differential [NAME...]`: run, compare, and write docs/differential.md after a whole run."""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock

from clusterbook.lab import lab
from tests.differential import cases, report, tools, twins
from tests.differential.compare import Observed, Verdict, compare, observe

CACHE = Path.home() / ".cache" / "clusterbook"
NEEDED_BY_RESULTS = ("host_side.py", "inventory.yml", "ansible.cfg", "twins.py")  # results rest on these, too


def main() -> int:
    """Exit status 0 when everything is the same or declared."""
    options = _options()
    chosen = cases.find(options.names, options.quick)
    spec = twins.spec(options.lab, options.network)
    verdicts = run(chosen, spec, not options.fresh, options.show)
    if options.down:
        lab.down(spec)
    if options.write:
        (tools.ROOT / "docs" / "differential.md").write_text(report.document(verdicts))
    print(report.summary(verdicts))
    return 0 if all(verdict.same for verdict in verdicts) else 1


def run(chosen: list[cases.Case], spec: twins.LabSpec, cached: bool, show: bool = False) -> list[Verdict]:
    """Compare all; prints a line for each as it ends. cached: results of ansible-playbook may be of an earlier run."""
    theirs_pair, our_pair = twins.pairs(spec)
    work = Path(f"/var/tmp/clusterbook-differential-{spec.name}")
    theirs = tools.Oracle(work / "ansible", theirs_pair.inventory(), tools.oracle_python(CACHE))
    ours = tools.Clusterbook(work / "clusterbook", our_pair.inventory())
    verdicts = []
    try:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(twins.Pair.start, (theirs_pair, our_pair)))
            expected = {case.name: pool.submit(_expected, case, theirs, theirs_pair, cached) for case in chosen}
            for case in chosen:
                seen = observe(case, ours, our_pair)
                verdict = compare(case, expected[case.name].result(), seen)
                verdicts.append(verdict)
                print(report.line(verdict), flush=True)
                if show and not verdict.same:
                    print(report.outputs(expected[case.name].result(), seen), flush=True)
    finally:
        for one in (theirs, ours, theirs_pair, our_pair):
            one.close()
    return verdicts


_oracle_busy = Lock()


def _expected(case: cases.Case, tool: tools.Oracle, pair: twins.Pair, cached: bool) -> Observed:
    """What ansible-playbook does, from the cache where that is allowed."""
    salt = tools.RELEASE + "".join((cases.HERE / name).read_text() for name in NEEDED_BY_RESULTS)
    path = CACHE / "differential" / f"{case.key(hashlib.sha256(salt.encode()).hexdigest())}.json"
    if cached and path.is_file():
        found: Observed = json.loads(path.read_text())
        return found
    with _oracle_busy:
        seen = observe(case, tool, pair)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(seen))
    return seen


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.differential", description=__doc__)
    parser.add_argument("names", nargs="*", help="SECTION or SECTION/NAME; all without any")
    parser.add_argument("--quick", action="store_true", help="only the playbooks that are marked quick")
    parser.add_argument("--fresh", action="store_true", help="run ansible-playbook even where its result is known")
    parser.add_argument("--show", action="store_true", help="print the output of both tools where they differ")
    parser.add_argument("--write", action="store_true", help="write docs/differential.md")
    parser.add_argument("--down", action="store_true", help="remove the lab afterwards")
    parser.add_argument("--lab", default="differential", help="name of the lab")
    parser.add_argument("--network", default="10.86.0.0/24", help="its network")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
