"""Run the acceptance tests: python -m clusterbook.cluster.acceptance [--cluster NAME] [pytest's own options]."""

from __future__ import annotations

import argparse
import sys

from clusterbook.cluster.acceptance.command import run
from clusterbook.errors import ClusterbookError


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(description="Acceptance tests of a running cluster", add_help=False)
    parser.add_argument("--cluster", default="")
    known, others = parser.parse_known_args()
    try:
        return run(known.cluster, others)
    except ClusterbookError as error:
        print(f"error: {error.message}\n  {error.next_step}", file=sys.stderr)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
