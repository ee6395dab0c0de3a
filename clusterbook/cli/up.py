"""One command from nothing to a cluster that can be used: on this machine (what `make up` calls), or on EC2."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from typing import IO

from invoke.context import Context

from clusterbook.cli import artifacts, lab, places, runs
from clusterbook.cli.boundary import command
from clusterbook.cli.check import exit_code, show_verified
from clusterbook.cli.clusters import wanted_versions
from clusterbook.cli.configure import MACHINES_HELP, SIZE, Wishes, network_wishes
from clusterbook.cli.runs import Order
from clusterbook.cli.screen import plural, print_json_line, say, stage
from clusterbook.cli.site import Site, open_site, the_cluster
from clusterbook.cli.up_ec2 import Raising, raise_on_ec2
from clusterbook.cli.validation import Validation, as_data, show_failures, wait_until_well
from clusterbook.cluster.artifacts import supply as supplies
from clusterbook.cluster.artifacts.publish import COMPONENTS
from clusterbook.cluster.formed import is_now_formed
from clusterbook.cluster.kubeconfig import ensure_kubeconfig, server_url
from clusterbook.cluster.store import open_store
from clusterbook.errors import EXIT_FAILED
from clusterbook.lab.mirror_servers import of_lab
from clusterbook.lab.spec import LabSpec
from clusterbook.report.style import Style

WAIT_SECONDS = 180.0
# What people know a cluster by, of all that it is made of.
NAMED = ("kubernetes", "etcd", "containerd")


@command(
    shows=False,
    word="name",
    iterable=["extra_vars"],
    help={
        "name": "with a name, a cluster on EC2; else a lab on this machine",
        **MACHINES_HELP,
        "yes": "with a name: really make it; else its resources are only shown",
        "inventory": "name of an inventory, or its file (default: lab, or aws with a name)",
        "extra-vars": "with a name: as for provision (may be repeated)",
        "verbose": runs.SELECTION_HELP["verbose"],
        "json": "one event a line as JSON, the cluster as the last line; where it only shows resources, these alone",
    },
)
def up(
    _: Context, name: str | None = None, zones: str = "", node_count: int = 2, node_size: str = SIZE,
    master_count: int = 0, master_size: str = SIZE, image: str = "", access: str = "", nat: str = "",
    bastion: bool = False, private_zone: str = "", yes: bool = False, inventory: str = "",
    extra_vars: Sequence[str] | None = None, verbose: bool = False, json_: bool = False,
) -> int:  # fmt: skip
    """Raise a whole cluster: here, or with a name on EC2.

    Here: lab, binaries, mirror, provision, verify; needs root. On EC2: create-cluster when there is none,
    update-cluster, provision as soon as the hosts answer, validate-cluster. Running it again changes nothing, and
    goes on after an error.

    Example: invoke up
    Example: invoke up demo.k8s.local --zones us-east-2a,us-east-2b,us-east-2c --access 203.0.113.0/24 --yes
    """
    style = Style(json=json_, verbose=verbose)
    if not name:
        return _here(inventory or "lab", style)
    wishes = Wishes(zones, (master_count, master_size), (node_count, node_size), image, access,
                    network=network_wishes(nat, bastion, private_zone))  # fmt: skip
    return raise_on_ec2(Raising(name, wishes, inventory or "aws", yes, tuple(extra_vars or ()), style))


def _here(inventory: str, style: Style) -> int:
    started = time.monotonic()
    # With --json, standard output holds nothing but JSON.
    output = sys.stderr if style.json else sys.stdout
    with stage("lab", output) as shown:
        spec = lab.wanted(inventory)
        lab.bring_up(spec, shown)
    _fetch(spec, output)
    site = open_site(inventory, make=True, playbook=places.playbook("site"))
    if not style.json:
        print("provision  playbooks/site.yml", flush=True)
    code = runs.run(site, Order(places.playbook("site"), runs.selection(), style))
    if code:
        return code
    is_now_formed(site.store, site.name)
    with stage("cluster", output) as shown:
        findings = wait_until_well(site, WAIT_SECONDS, lambda text: shown.say(text, urgent=False))
        shown.result = "API, etcd, nodes, pods and names are well"
        if not all(one.healthy for one in findings):
            shown.result = "not well"
    if not all(one.healthy for one in findings):
        if style.json:
            print_json_line("validation", as_data(Validation(site.name, tuple(findings))))
        else:
            show_failures(findings)
        return EXIT_FAILED
    if code := exit_code(show_verified(site, output=output)):
        return code
    _welcome(site, time.monotonic() - started, style.json)
    return 0


def _fetch(spec: LabSpec, output: IO[str]) -> None:
    with stage("binaries", output) as shown:
        settings = supplies.default(artifacts.reporter(shown))
        versions = wanted_versions(open_store(os.environ), spec.name)
        components = [settings.catalog.component(name, versions.get(name)) for name in COMPONENTS]
        sources = {supplies.supply(settings, component).source for component in components}
        named = ", ".join(f"{one.name} {one.version}" for one in components if one.name in NAMED)
        shown.result = f"{named} ({', '.join(sorted(sources))})"
    with stage("images", output) as shown:
        artifacts.serve(of_lab(spec), shown, artifacts.reporter(shown), versions)


def _welcome(site: Site, seconds: float, as_json: bool) -> None:
    cluster = the_cluster(site)
    path, version = ensure_kubeconfig(cluster), cluster.spec.complete["kubernetes_version"]
    nodes = [*site.inventory.groups.get("control_plane", ()), *site.inventory.groups.get("worker", ())]
    count = len(dict.fromkeys(nodes))
    if as_json:
        print_json_line("cluster", {"cluster": cluster.name, "server": server_url(cluster), "kubeconfig": str(path),
                                    "nodes": count, "kubernetes": version, "seconds": round(seconds, 1)})  # fmt: skip
        return
    print(f"Your cluster is up: {plural(count, 'node')} Ready, Kubernetes v{version}, API {server_url(cluster)}"
          f"  ({seconds:.0f} s)")  # fmt: skip
    print(f"  export KUBECONFIG={path}")
    say("  kubectl get nodes          (or: invoke kubectl -- get nodes)")
    say("  invoke cluster-info        invoke verify --acceptance        invoke plan")
