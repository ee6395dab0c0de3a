"""`python -m tests.community [ROLE|PACKAGE …]`: run, compare, and write the section of docs/compatibility.md."""

from __future__ import annotations

import argparse
from pathlib import Path

from tests.community import packages, table
from tests.differential import twins
from tests.differential.__main__ import run
from tests.differential.known import Known


def main() -> int:
    """Exit status 0 when each role did the same with both tools."""
    parser = argparse.ArgumentParser(prog="python -m tests.community", description=__doc__)
    parser.add_argument("names", nargs="*", help="roles or packages; all without any")
    parser.add_argument("--fresh", action="store_true", help="run ansible-playbook even where its result is known")
    parser.add_argument("--table", action="store_true", help="only write the section, of the results that are kept")
    parser.add_argument("--lab", default="differential", help="name of the lab")
    parser.add_argument("--network", default="10.86.0.0/24", help="its network")
    options = parser.parse_args()
    same = options.table or _compare(options)
    table.write()
    return 0 if same else 1


def _compare(options: argparse.Namespace) -> bool:
    chosen = list(packages.cases(options.names))
    their_pair, our_pair = twins.pairs(twins.spec(options.lab, options.network))
    work = Path(f"/var/tmp/clusterbook-community-{options.lab}")
    known = Known(their_pair, work / "ansible", options.fresh)
    try:
        verdicts = run(chosen, known.of, our_pair, work)
        for verdict in verdicts:
            table.keep(verdict, known.of(verdict.case))
    finally:
        known.close()
    return all(verdict.same for verdict in verdicts)


if __name__ == "__main__":
    raise SystemExit(main())
