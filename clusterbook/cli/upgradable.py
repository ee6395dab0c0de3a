"""Whether a running cluster may be brought to another version, and its site as it will be then."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from clusterbook.cli.site import Site, expected, the_cluster, value_of
from clusterbook.cli.supplying import refuse_another_version
from clusterbook.cli.validation import findings_of
from clusterbook.cluster import preflight, skew, upgrades
from clusterbook.cluster.artifacts import catalog
from clusterbook.cluster.kube import Kubectl
from clusterbook.cluster.preflight import Requested, RequestedApi
from clusterbook.cluster.skew import Live
from clusterbook.errors import Failed, InvalidInput, InvalidProject
from clusterbook.inventory import load as load_inventory

# What an upgrade restarts, in this order (roles/upgrade/vars).
CONTROLS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
ON_EVERY_NODE = ("kubelet", "kube-proxy")


@dataclass(frozen=True)
class Turn:
    """A host's part of an upgrade. turn: hosts of one number are taken together; version: its kubelet's now."""

    turn: int
    host: str
    role: str
    restarted: tuple[str, ...]
    version: str


def check_known(version: str) -> None:
    """InvalidInput for a version whose files have no known origin and sum."""
    known = catalog.load().components["kubernetes"]["versions"]
    if version not in known:
        raise InvalidInput(f"--to {version}: there is no such version of Kubernetes here",
                           next_step=f"Choose one of {', '.join(known)}.")  # fmt: skip


def versions_of(
    site: Site, kubectl: Kubectl, to: str, say: Callable[[str], None], *, resumed: bool, any_api: bool
) -> Live | None:
    """The versions that run. All that speaks against bringing them to `to` is raised together.

    resumed: an upgrade that goes on may find a host that is not well, and goes on for that; None where the API is away.
    any_api: APIs in use may be gone in that version. say: is told what is known of APIs in use.
    """
    cluster, hosts = the_cluster(site), expected(site)
    sick = [one for one in findings_of(site, kubectl) if not one.healthy]
    refused = [InvalidInput(f"{one.what} {one.subject}: {one.detail}", next_step=one.next_step) for one in sick]
    if resumed:
        for problem in refused:
            print(f"not well: {problem.message}", file=sys.stderr)
        refused = []
    try:
        live = preflight.live(cluster, kubectl, hosts, _own(site))
        asked = preflight.requested(cluster, kubectl, hosts)
    except Failed as error:
        if resumed and sick:
            return None
        raise InvalidProject(refused) if refused else error from error
    refused += skew.problems(live, to, _offered(site, "etcd") or next(iter(live.etcd.values())))
    refused += [] if any_api else [_gone(one) for one in asked.apis if one.gone(to)]
    if refused:
        raise InvalidProject(refused)
    if not any_api and skew.minor_differs(live, to):
        say(_known(asked, to))
    return live


def site_at(site: Site, playbook: Path, to: str) -> Site:
    """The site as it will be: its hosts are told of the version, which cluster.yaml does not say yet.

    InvalidInput when they could not fetch its programs, or the inventory says another version.
    """
    offered = _offered(site, "kubelet")
    if offered != to:
        place = f"--name {site.lab.name}" if site.lab else "--address ADDRESS"
        raise InvalidInput(
            f"the mirror offers hosts Kubernetes {offered or 'not at all'}, not {to}",
            next_step=f"Fill it first: invoke mirror --start {place} --kubernetes-version {to}",
        )
    assert site.variables is not None, "what is offered stands in them"
    variables = replace(site.variables, plain={**site.variables.plain, upgrades.KEY: to})
    refuse_another_version(site.inventory, to)
    found = load_inventory(site.path, playbook, variables.plain, site.vault)
    return replace(site, inventory=found, variables=variables)


def turns(site: Site, live: Live | None, workers: int) -> list[Turn]:
    """In which order hosts are taken, and what is restarted on each. workers: so many workers together."""
    groups, versions = site.inventory.groups, live.kubelets if live else {}
    controls = list(groups.get("control_plane", ()))
    others = [host for host in groups.get("worker", ()) if host not in controls]
    order = [(host, number) for number, host in enumerate(controls, 1)]
    order += [(host, len(controls) + 1 + number // max(1, workers)) for number, host in enumerate(others)]
    role = {True: ("control plane", (*CONTROLS, *ON_EVERY_NODE)), False: ("worker", ON_EVERY_NODE)}
    return [Turn(turn, host, *role[host in controls], versions.get(value_of(site, host, "node_name"), ""))
            for host, turn in order]  # fmt: skip


def _own(site: Site) -> dict[str, str]:
    return {value_of(site, host, "node_name"): host for host in site.inventory.groups.get("control_plane", ())}


def _offered(site: Site, component: str) -> str:
    artifacts = site.variables.plain["artifacts"] if site.variables else {}
    return str(artifacts[component]["version"]) if component in artifacts else ""


def _known(asked: Requested, to: str) -> str:
    since = f"{asked.since:%Y-%m-%d %H:%M} UTC" if asked.since else "each API server was started"
    return f"apis     none in use that {to} has no more, of those asked for since {since}"


def _gone(one: RequestedApi) -> InvalidInput:
    servers = ", ".join(one.servers)
    return InvalidInput(
        f"{one.name} is in use, and Kubernetes {one.removed} has it no more; kube-apiserver of {servers} was asked "
        "for it",
        next_step="Have its clients use the newer version of that API: they are named in "
                  f"/var/log/kubernetes/audit.log there (\"k8s.io/removed-release\":\"{one.removed}\"). An API server "
                  "counts what was asked for since it was started; to go on all the same: --ignore-removed-apis",
    )  # fmt: skip
