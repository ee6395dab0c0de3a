"""`python -m tests.targets [PATTERN …]`: run targets with both tools and write docs/compatibility.md."""

from __future__ import annotations

import argparse
import os
import sys

from tests.targets import suite, table
from tests.targets.host import SECONDS, TestHost, store, stored
from tests.targets.selection import Reasons, chosen, read_reasons

FOLDER = suite.CACHE / "results"


def main() -> int:
    """Run what is asked for; the status is 1 when a package cannot be fetched."""
    parser = argparse.ArgumentParser(prog="python -m tests.targets", description=__doc__)
    parser.add_argument("patterns", nargs="*", help="names of targets; all when none is given")
    parser.add_argument("--lab", default=os.environ.get("CLUSTERBOOK_TARGETS_LAB", "targets"))
    parser.add_argument("--network", default=os.environ.get("CLUSTERBOOK_TARGETS_NETWORK", "10.86.0.0/24"))
    parser.add_argument("--seconds", type=int, default=SECONDS, help="limit of one target")
    parser.add_argument("--oracle", action="store_true", help="run ansible-playbook again, also where it has a result")
    parser.add_argument("--failed", action="store_true", help="only targets that ours has not passed")
    parser.add_argument("--table", action="store_true", help="only write the document from the results in the cache")
    options = parser.parse_args()
    reasons = read_reasons()
    try:
        if not options.table:
            _run(options, reasons)
    except suite.NoRegistry as error:
        print(f"the targets cannot be fetched: {error}", file=sys.stderr)
        return 1
    table.write(stored(FOLDER), reasons)
    print(f"wrote {table.DOCUMENT}")
    return 0


def _run(options: argparse.Namespace, reasons: Reasons) -> None:
    host = TestHost(options.lab, options.network)
    host.prepare()
    results = stored(FOLDER)
    for target in chosen(reasons, tuple(options.patterns)):
        before = results.get(("oracle", target.name))
        if before is None or options.oracle:
            before = host.run(target, "oracle", seconds=options.seconds)
            store(before, FOLDER)
        ours = results.get(("ours", target.name))
        if before.status != "pass" or (options.failed and ours is not None and ours.status == "pass"):
            continue
        ours = host.run(target, "ours", seconds=options.seconds)
        store(ours, FOLDER)
        print(f"{ours.status:<8}{ours.seconds:>6.1f} s  (ansible {before.seconds:.1f} s)  {target.name}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
