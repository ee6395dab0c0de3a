"""One command from nothing to a cluster on EC2: configuration, resources, hosts that answer, Kubernetes, validation."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from clusterbook.cli import cloud, cluster, places, runs, validation
from clusterbook.cli.configure import Wishes, configure, drafted
from clusterbook.cli.joining import first_programs
from clusterbook.cli.runs import Order
from clusterbook.cli.screen import plural, print_json_line, say, stage, with_yes
from clusterbook.cli.site import Site, connected, refreshed, the_cluster
from clusterbook.cli.supplying import nothing_says
from clusterbook.cli.vaults import open_vault
from clusterbook.cloud.aws import Cloud
from clusterbook.cloud.opened import Opened, open_on_ec2, plan_of
from clusterbook.cloud.state import StateFile
from clusterbook.cluster import spec
from clusterbook.cluster.artifacts.supply import MIRROR_VARIABLE
from clusterbook.cluster.kubeconfig import ensure_kubeconfig, server_url
from clusterbook.cluster.names import StoreError
from clusterbook.cluster.store import Store, check_cluster_name, open_store
from clusterbook.errors import EXIT_CHANGES, EXIT_DONE, EXIT_FAILED, InvalidInput, Unreachable
from clusterbook.model import Host
from clusterbook.report.style import Style

# How long instances have for their first boot, and the cluster to be well.
BOOT_SECONDS = 600.0
WELL_SECONDS = 600.0
ASK_SECONDS = 3.0
AT_ONCE = 16


@dataclass(frozen=True)
class Raising:
    """What `up` was told. wishes: for a configuration that does not exist yet."""

    name: str
    wishes: Wishes
    inventory: str = "aws"
    yes: bool = False
    extra_vars: Sequence[str] = field(default=())
    style: Style = field(default_factory=Style)


def raise_on_ec2(asked: Raising) -> int:
    """Do all that is left to do; the exit code. Without yes it is only shown."""
    started, store = time.monotonic(), open_store(os.environ)
    if not asked.yes:
        return _preview(store, asked)
    _refuse_without_mirror()
    _configure(store, asked)
    opened = open_on_ec2(store, asked.name, first_programs())
    if code := cloud.make(opened, as_json=asked.style.json):
        return code
    playbook = places.playbook("site")
    order = Order(playbook, runs.selection(extra_vars=list(asked.extra_vars)), asked.style)
    site = cluster.site_for(asked.inventory, asked.name, order, open_vault())
    with stage("hosts", sys.stderr if asked.style.json else sys.stdout) as shown:
        wanted = wanted_hosts(opened.aws)
        site = answering(site, wanted, lambda text: shown.say(text, urgent=False))
        shown.result = f"{plural(wanted, 'host')} answer"
    if code := cluster.raise_site(site, order) or _validated(site, asked.style.json):
        return code
    _welcome(site, time.monotonic() - started, asked.style.json)
    return EXIT_DONE


def wanted_hosts(aws: Mapping[str, Any]) -> int:
    """How many instances there are at least: a group's minimum is its count unless it says another one."""
    workers = (int(group["minimum"]) for group in aws["worker_groups"])
    masters: int = aws["control_plane"]["count"]
    return masters + sum(workers) + ("bastion" in aws)


def answering(
    site: Site, wanted: int, say: Callable[[str], None], seconds: float = BOOT_SECONDS,
    reach: Callable[[Host], Any] = connected, pause: Callable[[float], None] = time.sleep,
) -> Site:  # fmt: skip
    """The site with so many hosts, each of which lets us log in. Raises Unreachable when the time is over."""
    reached: set[str] = set()
    deadline = time.monotonic() + seconds
    while True:
        site = refreshed(site)
        hosts = site.inventory.hosts
        silent = {name: host for name, host in hosts.items() if name not in reached}
        errors = _reached(silent, reach)
        reached |= set(silent) - set(errors)
        if not errors and len(hosts) >= wanted:
            return site
        if time.monotonic() >= deadline:
            raise _absent(len(hosts), wanted, errors, seconds)
        say(f"{len(reached & set(hosts))} of {plural(wanted, 'host')} answer")
        pause(ASK_SECONDS)


def _reached(hosts: Mapping[str, Host], reach: Callable[[Host], Any]) -> dict[str, Unreachable]:
    def one(host: Host) -> Unreachable | None:
        try:
            reach(host).close()
        except Unreachable as error:
            return error
        return None

    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = dict(zip(hosts, pool.map(one, hosts.values()), strict=True))
    return {name: error for name, error in found.items() if error is not None}


def _absent(count: int, wanted: int, errors: Mapping[str, Unreachable], seconds: float) -> Unreachable:
    if not errors:
        message = f"EC2 runs {count} of {wanted} hosts after {seconds:g} s"
        return Unreachable(message, next_step="Look at the groups' activities in EC2, then run the command again.")
    name, error = next(iter(errors.items()))
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return Unreachable(f"{name}{more} does not answer after {seconds:g} s: {error.message}",
                       next_step=error.next_step or "Run the same command again when it does.")  # fmt: skip


def _configured(store: Store, asked: Raising) -> bool:
    """Whether there is a configuration, which then holds: a rerun goes on. Raises when nothing says how to make one."""
    try:
        if store.read(f"{check_cluster_name(asked.name)}/{spec.FILE}") is not None:
            return True
    except StoreError:  # a bucket that does not exist is made with the configuration
        if not asked.wishes.zones:
            raise
    if not asked.wishes.zones:
        raise InvalidInput(f"there is no cluster {asked.name!r} in the store {store.address}",
                           next_step="Say where EC2 shall make its hosts: --zones us-east-2a,us-east-2b")  # fmt: skip
    return False


def _configure(store: Store, asked: Raising) -> None:
    if _configured(store, asked):
        return
    configure(store, asked.name, asked.wishes)
    if not asked.style.json:
        print(f"The configuration is in {store.address}/{asked.name}/{spec.FILE}", flush=True)


def _preview(store: Store, asked: Raising) -> int:
    """With the configuration that would be written, where there is none: nothing is, and no bucket is made."""
    if _configured(store, asked):
        plan = plan_of(open_on_ec2(store, asked.name, first_programs()), StateFile(store, asked.name))
    else:
        draft, _ = drafted(asked.name, asked.wishes)
        aws = draft.complete["aws"]
        zones = {aws["private_zone"]} if "private_zone" in aws else set()
        plan = plan_of(Opened(store, draft, Cloud(asked.name, aws["region"], zones=zones)), None)
    cloud.show(plan, asked.style.json)
    if not asked.style.json:
        command = with_yes(f"up {asked.name}")
        say(f"Nothing of this has been done. To do it, and to raise Kubernetes on it: {command}")
    return EXIT_DONE if plan.empty else EXIT_CHANGES


def _refuse_without_mirror() -> None:
    """Said before instances cost money."""
    if not os.environ.get(MIRROR_VARIABLE):
        raise nothing_says()


def _validated(site: Site, as_json: bool) -> int:
    seen = validation.look(site, WELL_SECONDS, as_json)
    if as_json:
        print_json_line("validation", validation.as_data(seen))
    else:
        validation.show(seen)
    return EXIT_FAILED if seen.sick else EXIT_DONE


def _welcome(site: Site, seconds: float, as_json: bool) -> None:
    opened = the_cluster(site)
    path = ensure_kubeconfig(opened)
    if as_json:
        print_json_line("cluster", {"cluster": opened.name, "server": server_url(opened), "kubeconfig": str(path),
                                    "hosts": len(site.inventory.hosts), "seconds": round(seconds, 1)})  # fmt: skip
        return
    hosts = plural(len(site.inventory.hosts), "host")
    print(f"Your cluster is up: {hosts}, API {server_url(opened)}  ({seconds:.0f} s)")
    print(f"  export KUBECONFIG={path}")
    say(f"  kubectl get nodes          (or: invoke kubectl --cluster {opened.name} -- get nodes)")
    say(f"  invoke delete-cluster {opened.name}")
