"""One command from nothing to a cluster that can be used: what `make up` calls."""

from __future__ import annotations

import os
import sys
import time
from typing import IO

from invoke.context import Context

from clusterbook.cli import artifacts, lab, places, runs
from clusterbook.cli.boundary import command
from clusterbook.cli.check import show_findings, show_verified, wait_until_well
from clusterbook.cli.clusters import wanted_versions
from clusterbook.cli.runs import Order
from clusterbook.cli.screen import plural, print_json, stage
from clusterbook.cli.site import Site, open_site, the_cluster
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
    help={
        "inventory": lab.HELP["inventory"],
        "verbose": runs.SELECTION_HELP["verbose"],
        "json": "show events as JSON, the result last",
    }
)
def up(_: Context, inventory: str = "lab", verbose: bool = False, json_: bool = False) -> int:
    """Raise a whole cluster here: lab, binaries, mirror, provision, verify.

    Running it again changes nothing and takes seconds. Needs root.

    Example: invoke up
    """
    started = time.monotonic()
    # With --json, standard output holds nothing but JSON.
    output = sys.stderr if json_ else sys.stdout
    with stage("lab", output) as shown:
        spec = lab.wanted(inventory)
        lab.bring_up(spec, shown)
    _fetch(spec, output)
    site = open_site(inventory, make=True, playbook=places.playbook("site"))
    if not json_:
        print("provision  playbooks/site.yml", flush=True)
    code = runs.run(site, Order(places.playbook("site"), runs.selection(), Style(json=json_, verbose=verbose)))
    if code:
        return code
    is_now_formed(site.store, site.name)
    with stage("cluster", output) as shown:
        findings = wait_until_well(site, WAIT_SECONDS, lambda text: shown.say(text, urgent=False))
        shown.result = "API, etcd, nodes, pods and names are well"
        if not all(one.healthy for one in findings):
            shown.result = "not well"
    if not all(one.healthy for one in findings):
        show_findings(findings)
        return EXIT_FAILED
    if not show_verified(site, output=output).well:
        return EXIT_FAILED
    _welcome(site, time.monotonic() - started, json_)
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
        print_json({"cluster": cluster.name, "server": server_url(cluster), "kubeconfig": str(path), "nodes": count,
                    "kubernetes": version, "seconds": round(seconds, 1)})  # fmt: skip
        return
    print(f"Your cluster is up: {plural(count, 'node')} Ready, Kubernetes v{version}, API {server_url(cluster)}"
          f"  ({seconds:.0f} s)")  # fmt: skip
    print(f"  export KUBECONFIG={path}")
    print("  kubectl get nodes          (or: invoke kubectl -- get nodes)")
    print("  invoke cluster-info        invoke verify --acceptance        invoke plan")
