"""Tasks that change which hosts a cluster has."""

from __future__ import annotations

from invoke.context import Context

from clusterbook.cli import places, runs
from clusterbook.cli.boundary import command
from clusterbook.cli.cluster import TARGET_HELP
from clusterbook.cli.kubectl import open_kubectl
from clusterbook.cli.runs import SELECTION_HELP, Order
from clusterbook.cli.screen import print_json_line, say, with_yes
from clusterbook.cli.site import Site, evaluate, open_site, the_cluster, value_of
from clusterbook.cli.validation import nodes_of
from clusterbook.compile import Selection
from clusterbook.errors import EXIT_CHANGES, EXIT_DONE, EXIT_UNREACHABLE, ClusterbookError, InvalidInput
from clusterbook.report.style import Style

NODE_HELP = {
    "node": "name of the host in the inventory",
    **TARGET_HELP,
    "json": SELECTION_HELP["json"],
    "verbose": SELECTION_HELP["verbose"],
}
LEAVE_HELP = {"yes": "really do it", "drain-seconds": "time for its pods to go elsewhere (default: 300)"}
# How a plan ends after which the next one has a sense.
GOOD = (EXIT_DONE, EXIT_CHANGES)


@command(positional=["node"], help={**NODE_HELP, "check": SELECTION_HELP["check"]})
def add_node(
    _: Context, node: str, inventory: str = "", cluster: str = "", check: bool = False, json_: bool = False,
    verbose: bool = False,
) -> int:  # fmt: skip
    """Bring a host of the inventory into the cluster.

    A worker, a control plane or a member of etcd. Write it into the inventory first. Only the new host and the control
    planes that are in the cluster are worked on. With a new control plane, so are the hosts that have a list of them:
    workers with proxies (api_endpoint_mode: local_proxy) and the host of Prometheus.

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
    if code in GOOD and not yes:
        taken = _take_off(site, node, style)
        if taken != EXIT_UNREACHABLE:
            code = _both(code, taken)
        elif not json_:
            print(f"{node} does not answer: it leaves all the same, and its components stay on it.")
    elif code == EXIT_DONE:
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
    if code in GOOD and not yes:
        code = _both(code, _foretell_exchange(site, node, style))
    elif code == EXIT_DONE:
        code = _take_off(site, node, style) or _come(site, node, style)
    return _told(code, yes, json_, f"replace-node {node}")


def _foretell_exchange(site: Site, node: str, style: Style) -> int:
    """Show what a host that left would lose and then get. What is on it hides what it would lack once that is off."""
    code = _take_off(site, node, style)
    if code == EXIT_DONE:
        return _come(site, node, style)
    if code == EXIT_CHANGES:
        words = "cannot be known yet: its return, as by add-node, follows once its components are off"
        if style.json:
            print_json_line("unknown", {"host": node, "msg": words})
        else:
            print(f"? {node:<8} {words}")
    return code


def _site(inventory: str, cluster: str, node: str) -> Site:
    site = open_site(inventory, cluster, playbook=places.playbook("site"))
    the_cluster(site)
    site.host(node)
    return site


def _come(site: Site, node: str, style: Style) -> int:
    chosen = Selection(limit=":".join(_concerned(site, node)), check=style.plan)
    return runs.run(site, Order(places.playbook("site"), chosen, style))


def _concerned(site: Site, node: str) -> list[str]:
    """The new host, and those in the cluster that have to know of it. Nodes that nobody installed yet are left out."""
    groups, own = site.inventory.groups, site.inventory.hosts[node]
    found = [*groups.get("control_plane", ())]
    if node in found:
        if value_of(site, node, "api_endpoint_mode") == "local_proxy":
            found += groups.get("worker", ())
        server = value_of(site, node, "prometheus_host")
        if evaluate(own, own.variables["prometheus"]) and server in site.inventory.hosts:
            found.append(server)
    absent = _absent(site)
    return list(dict.fromkeys([node, *(name for name in found if name not in absent)]))


def _absent(site: Site) -> set[str]:
    """Hosts of the inventory that are to be nodes and are none; nobody while the API does not answer."""
    try:
        there = {one["name"] for one in nodes_of(open_kubectl(the_cluster(site)))}
    except ClusterbookError:  # no kubectl for this machine
        there = set()
    groups = site.inventory.groups
    wanted = {*groups.get("control_plane", ()), *groups.get("worker", ())} if there else set()
    return {name for name in wanted if value_of(site, name, "node_name") not in there}


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
    chosen = Selection(limit=node, check=style.plan, extra_variables={"reset_packages": False})
    return runs.run(site, Order(places.playbook("reset"), chosen, style))


def _both(first: int, second: int) -> int:
    """The exit code of a plan that went well and of the next one."""
    return max(first, second) if second in GOOD else second


def _told(code: int, yes: bool, as_json: bool, words: str) -> int:
    if not yes and not as_json:
        print(f"Nothing has been done. To do it: {with_yes(words)}")
    return code
