"""One cluster goes through every operation in a row, and is right at each stop: part of `make soak`.

At each stop it is well, nothing is left to do, every host is as its roles promise, and what people use Kubernetes for
works (`verify --acceptance`). Where a highly available cluster promises it, no request may fail meanwhile.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from clusterbook.lab import lab, record
from tests.chaos import page
from tests.lab import same_packages
from tests.lab.conftest import Cluster, with_store
from tests.lab.forms import booted, is_well
from tests.lab.probing import failed, paged, probed
from tests.lab.test_cluster import APART
from tests.lab.test_nodes import nodes, of, on
from tests.lab.test_upgrade import NEW, OLD, without_version

FORM = f"three control planes and two workers, of {OLD}"
NETWORK = "10.72.0"
ALL = ("cp-1", "cp-2", "cp-3", "w-1", "w-2")
RESTORED = "restored from a backup"
STOPS = (
    "raised", "w-2 added, 50 hosts in the inventory", f"upgraded from {OLD} to {NEW}", "certificates rotated",
    "encryption key rotated", "authorities rotated", "cp-2 replaced after it lost its disk", RESTORED,
    "w-2 removed", "w-2 came back, 5 hosts in the inventory", "w-2 removed again",
    "w-2 came back, 50 hosts in the inventory",
)  # fmt: skip


@dataclass(frozen=True)
class Stop:
    """A stop in a cluster's life. seconds: of the operation before it; records: the prober's, None where there was no
    cluster yet."""

    name: str
    seconds: float
    records: dict[str, Any] | None


@dataclass
class Life:
    """A cluster and the stops that it was well at."""

    form: Cluster
    stops: list[Stop] = field(default_factory=list)

    @contextmanager
    def until(self, form: Cluster, may_fail: bool = False) -> Iterator[None]:
        """An operation, and its stop, on which the cluster of these hosts is right. may_fail: requests, meanwhile."""
        name = STOPS[len(self.stops)]
        with probed(form, paged(form, "w-1")) as records:
            start = time.monotonic()
            yield
            seconds = time.monotonic() - start
        assert may_fail or failed(records) == {}, name
        self.right(form, seconds, records)

    def right(self, form: Cluster, seconds: float, records: dict[str, Any] | None = None) -> None:
        """Nothing is left to do, every host is as its roles promise, and the cluster does what it is for."""
        is_well(form)
        form.on("verify", "--acceptance")
        name = STOPS[len(self.stops)]
        self.stops.append(Stop(name, round(seconds, 1), records))
        print(f"## {name}: {seconds:.0f} s", flush=True)


def main() -> int:
    """The exit status; an assertion tells where a cluster was not right."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.life")
    parser.add_argument("--write", action="store_true", help="write docs/reports/life.json and docs/chaos.md")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="clusterbook-life-") as folder:
        stops = lived(Path(folder))
    if asked.write:
        page.publish(page.LIFE, {"stops": [asdict(stop) for stop in stops]})
    return 0


def lived(folder: Path) -> list[Stop]:
    """A whole life."""
    with booted(FORM, folder, with_store, "life", NETWORK) as form:
        life = Life(form)
        _raised(life)
        for words in (("upgrade", "--to", NEW), ("rotate-certs", "--yes"), ("rotate-encryption-key", "--yes"),
                      ("rotate-ca", "--yes")):  # fmt: skip
            with life.until(form):
                on(form, *words)
        on(form, "backup")
        lab.reset_hosts(record.read_spec(form.name), ["cp-2"])
        with life.until(form):
            on(form, "replace-node", "cp-2", "--yes")
        with life.until(form, may_fail=True):  # there is no API meanwhile, and later writes are taken back
            on(form, "restore", "--from", "latest", "--yes")
        without = of(form, *ALL[:-1])
        for inventory in (form, among_fifty(form)):  # the same work, so that their seconds can be compared
            with life.until(without):
                on(form, "remove-node", "w-2", "--yes")
            with life.until(form):
                on(inventory, "add-node", "w-2")
        on(form, "reset", "--yes")
        assert same_packages.left(record.read_spec(form.name), ALL, APART) == []
        assert len(life.stops) == len(STOPS)
        return life.stops


def among_fifty(form: Cluster) -> Cluster:
    """The same cluster with 45 more workers in its inventory, that nobody has installed: no task may ask them."""
    document = yaml.safe_load(form.inventory.read_text())
    others = {f"later-{number}": {"ansible_host": f"{NETWORK}.{number}"} for number in range(100, 145)}
    document["all"]["children"]["worker"]["hosts"] |= others
    path = form.inventory.with_name("fifty.yml")
    path.write_text(yaml.safe_dump(document))
    return replace(form, inventory=path)


def _raised(life: Life) -> None:
    """With the older version, and a worker that comes later."""
    form, first = life.form, of(life.form, *ALL[:-1])
    form.on("mirror", "--start", "--kubernetes-version", OLD)
    start = time.monotonic()
    on(first, "provision")
    seconds = time.monotonic() - start
    without_version(form)
    without_version(first)
    life.right(first, seconds)
    with life.until(form):
        on(among_fifty(form), "add-node", "w-2")
        assert nodes(form) == sorted(ALL)
    form.on("mirror", "--start", "--kubernetes-version", NEW)


if __name__ == "__main__":
    sys.exit(main())
