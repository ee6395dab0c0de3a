"""A minimal way in: list, fetch, build and lock artifacts."""

from __future__ import annotations

import argparse
import sys
import time

from clusterbook.cluster.artifacts import supply as supplies
from clusterbook.cluster.artifacts.events import Event
from clusterbook.cluster.artifacts.images import supply_image
from clusterbook.cluster.artifacts.listing import listing
from clusterbook.cluster.artifacts.supply import SOURCES
from clusterbook.errors import ClusterbookError

REPORT_SECONDS = 5.0


class Terminal:
    """Prints what happens, progress at most every few seconds so that logs stay short."""

    def __init__(self) -> None:
        """Nothing was said yet."""
        self.said = 0.0

    def __call__(self, event: Event) -> None:
        """One event."""
        now = time.monotonic()
        if event.kind == "progress" and now - self.said < REPORT_SECONDS:
            return
        self.said = now
        count = f" {event.done}{f'/{event.total}' if event.total else ''} {event.unit}" if event.unit else ""
        print(f"{event.artifact}: {event.kind} {event.detail}{count}", flush=True)


def main(arguments: list[str]) -> int:
    """Exit code 0, or that of the error."""
    options = _parser().parse_args(arguments)
    sources = {"fetch": SOURCES, "build": ("cache", "build"), "list": SOURCES}.get(options.action, SOURCES)
    locking = options.action == "lock" or getattr(options, "lock", False)
    settings = supplies.default(Terminal(), locking=locking, sources=tuple(options.source or sources))
    try:
        if options.action == "list":
            for line in listing(settings):
                print(line)
            return 0
        for name in options.names or (*settings.catalog.components, *settings.catalog.images):
            if name in settings.catalog.components:
                component = settings.catalog.component(name, options.version, options.architecture)
                supplies.supply(settings, component)
            if name in settings.catalog.images:
                supply_image(settings, settings.catalog.image(name, options.version, options.architecture))
    except ClusterbookError as error:
        print(f"{error.message}\n{error.next_step}", file=sys.stderr)
        return error.exit_code
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m clusterbook.cluster.artifacts", description=__doc__)
    parser.add_argument("action", choices=("list", "fetch", "build", "lock"))
    parser.add_argument("names", nargs="*", help="components and images; all of them by default")
    parser.add_argument("--version", help="a version other than the catalog's default")
    parser.add_argument("--architecture", choices=("amd64", "arm64"))
    parser.add_argument("--source", action="append", choices=SOURCES, help="use only these sources, in their order")
    parser.add_argument("--lock", action="store_true", help="add what is new to the lock instead of refusing it")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
