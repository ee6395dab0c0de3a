"""The lab's mirror: one file server and one image registry on the lab machine's own address.

Hosts of a lab get every binary and image from here, under the names and sums that they would use anywhere, so a lab
without network proves what an installation without network does.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from typing import Any

from clusterbook.cluster.artifacts import supply as supplies
from clusterbook.cluster.artifacts.documents import write
from clusterbook.cluster.artifacts.events import Event
from clusterbook.cluster.artifacts.publish import COMPONENTS, IMAGES, INDEX, TEST_IMAGES, collect, publish, variables
from clusterbook.cluster.artifacts.registry import push
from clusterbook.cluster.artifacts.supply import Supply
from clusterbook.errors import ClusterbookError
from clusterbook.lab import record
from clusterbook.lab.mirror_servers import Mirror, of_lab, start, status, stop


def up(
    mirror: Mirror, settings: Supply, components: tuple[str, ...] = COMPONENTS,
    images: tuple[str, ...] = (*IMAGES, *TEST_IMAGES), versions: Mapping[str, str] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Bring everything into the cache, serve it, and return the inventory variables. Twice changes nothing."""
    registry = supplies.supply(settings, settings.catalog.component("registry"))
    collection = collect(settings, components, images, versions)
    mirror.files.mkdir(parents=True, exist_ok=True)
    publish(collection, mirror.files)
    start(mirror, registry.files["registry"])
    for image in collection.images:
        push(mirror.registry_url, image)
    found = variables(collection, mirror.files_url, mirror.registry_url)
    for path in (mirror.variables, mirror.files / INDEX):
        write(path, found, "# What the mirror holds. Written when it starts.\n")
    return found


def main(arguments: list[str]) -> int:
    """start, stop and status of one lab's mirror."""
    parser = argparse.ArgumentParser(prog="python -m clusterbook.lab.mirror", description=__doc__)
    parser.add_argument("action", choices=("start", "stop", "status"))
    parser.add_argument("--lab", default="lab", help="name of a lab that is up")
    options = parser.parse_args(arguments)
    try:
        mirror = of_lab(record.read_spec(options.lab))
        if options.action == "start":
            up(mirror, supplies.default(_say))
        elif options.action == "stop":
            stop(mirror)
        _print(" ".join(f"{server}={'running' if runs else 'stopped'}" for server, runs in status(mirror).items()))
    except ClusterbookError as error:
        _print(f"{error.message}\n{error.next_step}")
        return error.exit_code
    return 0


def _say(event: Event) -> None:
    if event.kind in ("started", "done"):
        _print(f"{event.artifact}: {event.kind} {event.detail}")


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
