"""Tasks that change which hosts a cluster has."""

from __future__ import annotations

from invoke.context import Context

from clusterbook.cli import places, runs
from clusterbook.cli.boundary import command
from clusterbook.cli.cluster import TARGET_HELP
from clusterbook.cli.runs import SELECTION_HELP, Order
from clusterbook.cli.screen import say, with_yes
from clusterbook.cli.site import Site, open_site, the_cluster
from clusterbook.compile import Selection
from clusterbook.errors import EXIT_DONE, EXIT_UNREACHABLE, InvalidInput
from clusterbook.report.style import Style

NODE_HELP = {
    "node": "name of the host in the inventory",
    **TARGET_HELP,
    "json": SELECTION_HELP["json"],
    "verbose": SELECTION_HELP["verbose"],
}
LEAVE_HELP = {"yes": "really do it", "drain-seconds": "time for its pods to go elsewhere (default: 300)"}


@command(positional=["node"], help={**NODE_HELP, "check": SELECTION_HELP["check"]})
def add_node(
    _: Context, node: str, inventory: str = "", cluster: str = "", check: bool = False, json_: bool = False,
    verbose: bool = False,
) -> int:  # fmt: skip
    """Bring a host of the inventory into the cluster.

    A worker, a control plane or a member of etcd. Write it into the inventory first. Only the new host and the control
    planes are worked on.

    Example: invoke add-node w-3 --inventory lab
    """
    site = _site(inventory, cluster, node)
    return _come(site, node, Style(json=json_, verbose=verbose, plan=check))


@command(positional=["node"], help={**NODE_HELP, **LEAVE_HELP})
def remove_node(
    _: Context, node: str, inventory: str = "", cluster: str = "", yes: bool = False, drain_seconds: int = 300,
    json_: bool = False, verbose: bool = False,
) -> int:  # fmt: skip
    """Take a host out of the cluster, whether it still answers or not.

    Its pods go elsewhere (disruption budgets are honoured), its node and its member of etcd are removed, and the
    components are taken off it when it answers. Refused where etcd would lose its majority. Without --yes it only shows
    what would happen.

    Example: invoke remove-node w-3 --inventory lab
    Example: invoke remove-node cp-2 --inventory lab --yes
    """
    site = _site(inventory, cluster, node)
    style = Style(json=json_, verbose=verbose, plan=not yes)
    code = _leave(site, node, drain_seconds, style)
    if code == EXIT_DONE and yes:
        code = _take_off(site, node, style)
        if not json_:
            say(f"{node} is no longer in the cluster"
                + ("; it does not answer, so its components are still on it." if code == EXIT_UNREACHABLE else ".")
                + " Remove it from the inventory, then: invoke provision")  # fmt: skip
        return EXIT_DONE if code == EXIT_UNREACHABLE else code
    return _told(code, yes, json_, f"remove-node {node}")


@command(positional=["node"], help={**NODE_HELP, **LEAVE_HELP})
def replace_node(
    _: Context, node: str, inventory: str = "", cluster: str = "", yes: bool = False, drain_seconds: int = 300,
    json_: bool = False, verbose: bool = False,
) -> int:  # fmt: skip
    """Take a lost node out, and bring the host of its name in as a new one.

    For a host that was exchanged, or whose disk was lost: any worker, control plane or member of etcd, the first too.
    Without --yes it only shows what would happen.

    Example: invoke replace-node cp-1 --inventory lab --yes
    """
    site = _site(inventory, cluster, node)
    style = Style(json=json_, verbose=verbose, plan=not yes)
    code = _leave(site, node, drain_seconds, style)
    if code == EXIT_DONE and yes:
        code = _take_off(site, node, style) or _come(site, node, style)
    return _told(code, yes, json_, f"replace-node {node}")


def _site(inventory: str, cluster: str, node: str) -> Site:
    site = open_site(inventory, cluster, playbook=places.playbook("site"))
    the_cluster(site)
    site.host(node)
    return site


def _come(site: Site, node: str, style: Style) -> int:
    groups = site.inventory.groups
    of_everybody = node in groups.get("control_plane", ())  # which every local proxy has to know
    limit = "" if of_everybody else f"{node}:control_plane"
    return runs.run(site, Order(places.playbook("site"), Selection(limit=limit, check=style.plan), style))


def _leave(site: Site, node: str, drain_seconds: int, style: Style) -> int:
    for group, what in (("control_plane", "control plane"), ("etcd", "member of etcd")):
        if list(site.inventory.groups.get(group, ())) == [node]:
            raise InvalidInput(
                f"{node} is the only {what} of the cluster: there would be none left",
                next_step="Bring another one in first: write it into the inventory, then invoke add-node.",
            )
    given = {"leaving_host": node, "node_drain_seconds": drain_seconds}
    chosen = Selection(check=style.plan, extra_variables=given)
    return runs.run(site, Order(places.playbook("remove-node"), chosen, style))


def _take_off(site: Site, node: str, style: Style) -> int:
    chosen = Selection(limit=node, extra_variables={"reset_packages": False})
    return runs.run(site, Order(places.playbook("reset"), chosen, style))


def _told(code: int, yes: bool, as_json: bool, words: str) -> int:
    if not yes and not as_json:
        print(f"Nothing has been done. To do it: {with_yes(words)}")
    return code
