"""`python -m clusterbook.lab up|down|status|reset|install`: the lab without the rest of the command line."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from clusterbook.errors import ClusterbookError
from clusterbook.lab import lab, requirements
from clusterbook.lab.inventory_file import spec_from_counts, spec_from_inventory_file
from clusterbook.lab.record import read_spec
from clusterbook.lab.spec import DEFAULT_IMAGE, DEFAULT_NETWORK, LabSpec

INVENTORY = Path("inventory/lab.yml")


def main(arguments: list[str] | None = None) -> int:
    """Run one command. Returns the exit code."""
    options = _parser().parse_args(arguments)
    started = time.monotonic()

    def progress(line: str) -> None:
        print(f"{time.monotonic() - started:6.1f}s  {line}", flush=True)

    try:
        return _run(options, progress)
    except ClusterbookError as error:
        print(f"error: {error.message}", file=sys.stderr)
        if error.next_step:
            print(f"  next: {error.next_step}", file=sys.stderr)
        return error.exit_code


def _run(options: argparse.Namespace, progress: lab.Progress) -> int:
    """Carry out the chosen command."""
    if options.command == "install":
        return 0 if requirements.install(progress) is not None else 1
    spec = _spec(options)
    if options.command == "up":
        changes = lab.up(spec, progress)
        progress(f"the lab {spec.name} is up, {len(changes)} changes")
    elif options.command == "down":
        lab.down(spec, progress)
    elif options.command == "reset":
        lab.reset_hosts(spec, options.hosts or [one.name for one in spec.hosts], progress)
    else:
        print(_table(lab.status(spec)))
    return 0


def _spec(options: argparse.Namespace) -> LabSpec:
    """The lab that the options mean: by counts, by the name of one that exists, or by an inventory."""
    if options.command == "up" and options.control_planes is not None:
        return spec_from_counts(
            options.name or "lab", options.control_planes, options.workers, options.etcd, options.image,
            options.network,
        )  # fmt: skip
    return read_spec(options.name) if options.name else spec_from_inventory_file(options.inventory)


def _table(status: lab.LabStatus) -> str:
    """A lab's status as text."""
    words = [
        f"{name} {'up' if value else 'down'}"
        for name, value in (
            ("bridge", status.bridge), ("masquerade", status.masquerade), ("package cache", status.apt_cache),
        )
    ]  # fmt: skip
    lines = [f"{status.spec.name} {status.spec.network}: {', '.join(words)}"]
    lines += [f"  {one.name:12} {one.address:16} {one.image:10} {one.state}" for one in status.hosts]
    return "\n".join(lines)


def _parser() -> argparse.ArgumentParser:
    """The options."""
    parser = argparse.ArgumentParser(prog="python -m clusterbook.lab")
    parser.add_argument("command", choices=["up", "down", "status", "reset", "install"])
    parser.add_argument("hosts", nargs="*", help="hosts to reset (all by default)")
    parser.add_argument("--inventory", type=Path, default=INVENTORY, help="Ansible inventory of the lab")
    parser.add_argument("--name", help="a lab that exists, or the name of one made by counts")
    parser.add_argument("--control-planes", type=int, help="make a lab of that many control planes")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--etcd", type=int, default=0, help="hosts for etcd alone")
    parser.add_argument("--image", default=DEFAULT_IMAGE)
    parser.add_argument("--network", default=DEFAULT_NETWORK)
    return parser


if __name__ == "__main__":
    sys.exit(main())
