"""One command from nothing to a cluster on EC2: configuration, resources, hosts that answer, Kubernetes, validation."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from clusterbook.cli import booting, cloud, cluster, places, runs, validation
from clusterbook.cli.configure import Wishes, configure, drafted
from clusterbook.cli.joining import first_programs
from clusterbook.cli.runs import Order
from clusterbook.cli.screen import plural, print_json_line, say, stage, with_yes
from clusterbook.cli.site import Site, the_cluster
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
from clusterbook.errors import EXIT_CHANGES, EXIT_DONE, EXIT_FAILED, InvalidInput
from clusterbook.report.style import Style

# How long the cluster has to be well.
WELL_SECONDS = 600.0


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
        wanted = booting.wanted_hosts(opened.aws)
        site = booting.answering(site, wanted, lambda text: shown.say(text, urgent=False))
        shown.result = f"{plural(wanted, 'host')} answer"
    if code := cluster.raise_site(site, order) or _validated(site, asked.style.json):
        return code
    _welcome(site, time.monotonic() - started, asked.style.json)
    return EXIT_DONE


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
