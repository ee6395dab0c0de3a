"""Tasks on labs: real hosts on this machine."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from invoke.context import Context

from clusterbook.cli import places
from clusterbook.cli.boundary import command
from clusterbook.cli.screen import Stage, plural, print_json, print_table, stage
from clusterbook.cluster.reset import forget_access
from clusterbook.cluster.store import open_store
from clusterbook.lab import lab, record, requirements
from clusterbook.lab.inventory_file import spec_from_counts, spec_from_inventory_file
from clusterbook.lab.spec import DEFAULT_IMAGE, DEFAULT_NETWORK, LabSpec

HELP = {
    "name": "name of the lab (default: the inventory's)",
    "inventory": "inventory whose hosts the lab has (default: lab)",
    "json": "show the result as JSON",
}


@command(
    help={
        **HELP,
        "control-planes": "make this many control planes instead of the inventory's hosts",
        "workers": "number of workers, with --control-planes",
        "etcd": "hosts for etcd alone, with --control-planes (0: etcd runs on the control planes)",
        "image": "debian-12 or debian-13, with --control-planes",
        "network": "address range of the lab, with --control-planes or --ec2",
        "ec2": "a small EC2: an AWS of the lab's own, with a real host behind each instance",
        "export": "with --ec2: print lines for the shell alone: eval $(invoke lab-up --ec2 --export)",
    }
)
def lab_up(
    _: Context, inventory: str = "lab", name: str = "", control_planes: int = 0, workers: int = 2, etcd: int = 0,
    image: str = DEFAULT_IMAGE, network: str = DEFAULT_NETWORK, ec2: bool = False, export: bool = False,
    json_: bool = False,
) -> None:  # fmt: skip
    """Make and boot real hosts: with systemd, ssh and addresses of their own.

    Needs root. Running it again changes nothing. A lab made with --control-planes gets an inventory of its own name.

    Example: invoke lab-up
    Example: invoke lab-up --name big --control-planes 5 --workers 4 --network 10.78.0.0/24
    Example: invoke lab-up --ec2
    """
    if ec2:
        from clusterbook.cli import lab_ec2  # it loads boto3, which other labs do without

        lab_ec2.bring_up("" if network == DEFAULT_NETWORK else network, export, json_)
        return
    counts = (name or "lab", control_planes, workers, etcd, image, network)
    if json_:
        spec = choose(inventory, counts) if control_planes else wanted(inventory, name)
        changes = bring_up(spec, None)
        print_json({"lab": spec.name, "network": spec.network, "changes": changes})
        return
    with stage("lab") as shown:
        spec = choose(inventory, counts) if control_planes else wanted(inventory, name)
        bring_up(spec, shown)


def choose(inventory: str, counts: tuple[str, int, int, int, str, str]) -> LabSpec:
    """The lab with so many hosts; refused when this machine cannot have one."""
    requirements.check_root()
    return spec_from_counts(*counts)


def wanted(inventory: str, name: str = "") -> LabSpec:
    """The lab that an inventory describes, or one of that name as it was last made."""
    return record.read_spec(name) if name else spec_from_inventory_file(places.inventory(inventory))


def bring_up(spec: LabSpec, shown: Stage | None) -> list[str]:
    """Install what the lab needs, bring it up, and say so on a stage. Returns what was changed."""

    def say(line: str) -> None:
        if shown is not None:
            shown.say(line)

    requirements.check_root()
    requirements.install(say)
    changes = list(lab.up(spec, say))
    if shown is not None:
        shown.result = f"{plural(len(spec.hosts), 'host')} on {spec.network}{'' if changes else ' (as they were)'}"
    return changes


@command(help=HELP)
def lab_status(_: Context, inventory: str = "lab", name: str = "", json_: bool = False) -> int:
    """Show the hosts of a lab and whether they run.

    Exit status 1 when a part of it is not up.

    Example: invoke lab-status
    """
    status = lab.status(wanted(inventory, name))
    if json_:
        print_json(_described(status))
    else:
        services = (("bridge", status.bridge), ("masquerade", status.masquerade), ("package cache", status.apt_cache))
        print(f"lab {status.spec.name} on {status.spec.network}: "
              + ", ".join(f"{name} {'up' if works else 'down'}" for name, works in services))  # fmt: skip
        rows = [(one.name, one.address, one.image, one.state) for one in status.hosts]
        print_table(("HOST", "ADDRESS", "IMAGE", "STATE"), rows)
    return 0 if status.up else 1


@command(help=HELP)
def lab_down(_: Context, inventory: str = "lab", name: str = "", json_: bool = False) -> None:
    """Stop a lab and remove everything of it; binaries stay in the cache.

    The configuration of its cluster stays in the store.

    Example: invoke lab-down
    Example: invoke lab-down --name big
    """
    spec = wanted(inventory, name)
    if json_:
        print_json({"lab": spec.name, "removed": list(lab.down(spec))})
    else:
        with stage("lab") as shown:
            removed = lab.down(spec, shown.say)
            shown.result = removed[-1] if removed else f"there is no lab {spec.name}"
    store = open_store(os.environ)
    if store.address.startswith("file:"):  # another one may have been the lab's own, and be gone with it
        forget_access(store, spec.name)


def _described(status: lab.LabStatus) -> dict[str, Any]:
    return {
        "lab": status.spec.name, "network": status.spec.network, "up": status.up, "bridge": status.bridge,
        "masquerade": status.masquerade, "apt_cache": status.apt_cache, "directory": str(Path(status.spec.directory)),
        "hosts": [asdict(one) for one in status.hosts],
    }  # fmt: skip
