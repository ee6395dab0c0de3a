"""Tasks on the dashboard: deploy it, and open it on this machine."""

from __future__ import annotations

import sys

from invoke.context import Context

from clusterbook import source
from clusterbook.cli import artifacts, browser, places, runs
from clusterbook.cli.boundary import command
from clusterbook.cli.cluster import TARGET_HELP
from clusterbook.cli.clusters import CLUSTER_HELP, open_chosen
from clusterbook.cli.kubectl import open_kubectl
from clusterbook.cli.runs import Order
from clusterbook.cli.screen import print_json_line, say, stage
from clusterbook.cli.site import Site, evaluate, open_site, the_cluster
from clusterbook.cli.use import become
from clusterbook.cluster import dashboard as dashboards
from clusterbook.cluster import tokens
from clusterbook.cluster.artifacts import supply as supplies
from clusterbook.cluster.artifacts.images import supply_image
from clusterbook.cluster.artifacts.registry import push
from clusterbook.cluster.kube import Kubectl
from clusterbook.errors import InvalidInput
from clusterbook.lab.mirror_servers import of_lab
from clusterbook.report.style import Style

PROVIDER = "dashboard_provider"
PORT = 8001


@command(
    help={
        **TARGET_HELP,
        "provider": "headlamp or kube-web-view (default: the inventory's dashboard_provider, or headlamp)",
        "check": runs.SELECTION_HELP["check"],
        "json": "one event a line as JSON, the address and the token as the last line",
    }
)
def deploy_dashboard(
    _: Context, inventory: str = "", cluster: str = "", provider: str = "", check: bool = False, json_: bool = False
) -> int:
    """Deploy a read-only dashboard; show its address and a token.

    The token is good for an hour; run it again for another. Running it again changes nothing.

    Example: invoke deploy-dashboard
    Example: invoke deploy-dashboard --provider kube-web-view
    """
    if provider:
        dashboards.check_provider(provider)
    playbook = places.playbook("deploy-dashboard")
    site = open_site(inventory, cluster, playbook=playbook)
    the_cluster(site)
    chosen = dashboards.check_provider(provider or _wanted(site))
    if not check:
        _bring_image(site, chosen, json_)
    selection = runs.selection(check=check, extra_vars=[f"{PROVIDER}={chosen}"])
    code = runs.run(site, Order(playbook, selection, Style(json=json_)))
    if code == 0 and not check:
        _tell(site, json_)
    return code


@command(
    help={
        "cluster": CLUSTER_HELP,
        "port": "port of this machine to open it on",
        "no_browser": browser.HELP,
        "admin": "show a token that may do everything, to log in to headlamp; without it, one that may only look",
    }
)
def dashboard(
    _: Context, cluster: str = "", port: int = PORT, no_browser: bool = False, admin: bool = False
) -> None:  # fmt: skip
    """Open the dashboard in a browser, until Ctrl-C.

    The account that --admin shows a token of is made when it is first asked for; the token ends after an hour.

    Example: invoke dashboard
    Example: invoke dashboard --admin
    Example: invoke dashboard --port 9000 --no-browser
    """
    if not 0 < port < 65536:
        raise InvalidInput(f"{port} is no port", next_step="Choose one from 1 to 65535, such as --port 8001.")
    program = open_kubectl(open_chosen(cluster))
    dashboards.check_deployed(program)
    token = tokens.admin_token(program) if admin else dashboards.viewer_token(program)
    print(f"http://127.0.0.1:{port}/  until Ctrl-C")
    print(f"  token ({tokens.HOURS if admin else dashboards.TOKEN_HOURS} h)  {token}")
    if admin:
        print(f"  This is an administrator's token: who has it may do everything in the cluster for {tokens.HOURS} h.")
        say(f"  To make it void now: invoke kubectl -- {tokens.REVOKE}")
    browser.show(port, not no_browser)
    become(program, dashboards.forward_arguments(port))


def _wanted(site: Site) -> str:
    """What the inventory says for the control planes, which must agree."""
    hosts = [site.inventory.hosts[name] for name in site.inventory.groups.get("control_plane", ())]
    said = {str(evaluate(host, host.variables[PROVIDER])) for host in hosts if PROVIDER in host.variables}
    if len(said) > 1:
        raise InvalidInput(
            f"control planes want different dashboards: {', '.join(sorted(said))}",
            next_step=f"Set {PROVIDER} once, in group_vars or the inventory.",
        )
    return said.pop() if said else str(source.load(places.brought() / "roles/dashboard/defaults/main.yml")[PROVIDER])


def _bring_image(site: Site, provider: str, as_json: bool) -> None:
    """Put an image that is made here into the lab's mirror; elsewhere hosts have a registry of their own."""
    name = dashboards.PROVIDERS[provider]
    if not name or site.lab is None:
        return
    with stage("image", sys.stderr if as_json else sys.stdout) as shown:
        settings = supplies.default(artifacts.reporter(shown))
        image = supply_image(settings, settings.catalog.image(name))
        push(of_lab(site.lab).registry_url, image)
        shown.result = f"{name} {image.image.component.version} in the mirror"


def _tell(site: Site, as_json: bool) -> None:
    opened = the_cluster(site)
    program: Kubectl = open_kubectl(opened)
    address, token = dashboards.page_url(opened), dashboards.viewer_token(program)
    if as_json:
        print_json_line("dashboard", {"address": address, "token": token, "hours": dashboards.TOKEN_HOURS})
        return
    print(f"The dashboard answers at {address}")
    print(f"  token ({dashboards.TOKEN_HOURS} h)  {token}")
    say("  in a browser of this machine: invoke dashboard")
