"""`python -m tests.differential [NAME...]`: run, compare, and write docs/differential.md after a whole run."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from clusterbook.lab import lab
from tests.differential import cases, report, results, tools, twins
from tests.differential.compare import Observed, Verdict, compare, observe
from tests.differential.known import Known


def main() -> int:
    """Exit status 0 when everything is the same or declared."""
    options = _options()
    if options.table:
        return _write()
    chosen = cases.find(options.names, options.quick)
    spec = twins.spec(options.lab, options.network)
    their_pair, our_pair = twins.pairs(spec)
    work = Path(f"/var/tmp/clusterbook-differential-{spec.name}")
    known = Known(their_pair, work / "ansible", options.fresh)
    try:
        if options.record:
            for case in chosen:
                known.of(case)
                print(f"known   {case.name}", flush=True)
            return 0
        verdicts = run(chosen, known.of, our_pair, work)
    finally:
        known.close()
        if options.down:
            lab.down(spec)
    if options.write:
        _write()
    print(report.summary(verdicts))
    return 0 if all(verdict.same for verdict in verdicts) else 1


def _write() -> int:
    """docs/differential.md, of the last result of each playbook."""
    (tools.ROOT / "docs" / "differential.md").write_text(report.document(list(results.kept())))
    return 0


def run(
    chosen: list[cases.Case], known: Callable[[cases.Case], Observed], pair: twins.Pair, work: Path
) -> list[Verdict]:
    """Compare all; prints a line for each as it ends. What both tools printed is kept in work where they differ."""
    verdicts = []
    with ThreadPoolExecutor(2) as pool:
        expected = {case.name: pool.submit(known, case) for case in chosen}
        pair.start()
        ours = tools.Clusterbook(work / "clusterbook", pair.inventory(), Path(sys.executable))
        try:
            for case in chosen:
                seen = observe(case, ours, pair)
                verdict = compare(case, expected[case.name].result(), seen)
                verdicts.append(verdict)
                results.keep(verdict)
                print(report.line(verdict), flush=True)
                if not verdict.same:
                    told = work / f"{case.section}-{case.path.stem}.txt"
                    told.write_text(report.outputs(expected[case.name].result(), seen))
                    print(f"        what both printed: {told}", flush=True)
        finally:
            pool.shutdown(cancel_futures=True)
            ours.close()
            pair.close()
    return verdicts


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.differential", description=__doc__)
    parser.add_argument("names", nargs="*", help="SECTION or SECTION/NAME; all without any")
    parser.add_argument("--quick", action="store_true", help="only the playbooks that are marked quick")
    parser.add_argument("--fresh", action="store_true", help="run ansible-playbook even where its result is known")
    parser.add_argument("--record", action="store_true", help="only run ansible-playbook, and keep its results")
    parser.add_argument("--write", action="store_true", help="write docs/differential.md")
    parser.add_argument("--table", action="store_true", help="only write that, of the results that are kept")
    parser.add_argument("--down", action="store_true", help="remove the lab afterwards")
    parser.add_argument("--lab", default="differential", help="name of the lab")
    parser.add_argument("--network", default="10.86.0.0/24", help="its network")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
