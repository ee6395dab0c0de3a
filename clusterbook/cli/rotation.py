"""Tasks that replace keys and certificates that are still good."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from invoke.context import Context

from clusterbook.cli import places, runs
from clusterbook.cli.boundary import command
from clusterbook.cli.cluster import TARGET_HELP
from clusterbook.cli.kubectl import open_kubectl
from clusterbook.cli.runs import SELECTION_HELP, Order
from clusterbook.cli.screen import plural, say, say_aside, with_yes
from clusterbook.cli.site import open_site, the_cluster
from clusterbook.cluster import authorities, renewal, rotation, trust
from clusterbook.cluster.cluster import Cluster
from clusterbook.cluster.kubeconfig import renew_kubeconfig
from clusterbook.compile import Selection
from clusterbook.errors import EXIT_DONE
from clusterbook.report.style import Style


@command(help={**TARGET_HELP, "yes": "really do it", "json": SELECTION_HELP["json"],
               "verbose": SELECTION_HELP["verbose"]})  # fmt: skip
def rotate_certs(
    _: Context, inventory: str = "", cluster: str = "", yes: bool = False, json_: bool = False,
    verbose: bool = False,
) -> int:  # fmt: skip
    """Give every component a new key and a new certificate.

    One host after another. Without --yes it only shows what each host would see. It works also when certificates have
    ended. Run again after an error, it goes on where it stopped. The CAs stay; those that have ended get a new
    certificate for the same key.

    Example: invoke rotate-certs --inventory lab
    Example: invoke rotate-certs --inventory lab --yes
    """
    playbook, now = places.playbook("rotate-certs"), datetime.now(UTC)
    site = open_site(inventory, cluster, playbook=playbook)
    opened = the_cluster(site)
    authorities.refuse_while_under_way(opened)
    trusted = {}
    if yes:
        since = rotation.begin(site.store, site.name, now)
        renewed = renewal.renewed(opened.authorities)
        if renewed != opened.authorities:
            renewal.keep_renewed(opened.authorities, renewed)
            site = open_site(inventory, cluster, playbook=playbook)
            opened = the_cluster(site)
    else:
        since = rotation.under_way(site.store, site.name) or int(now.timestamp())
        trusted = authorities.after_renewal(opened)
    chosen = Selection(check=not yes, extra_variables={
        "certificate_issued_after": since, "hosts_at_a_time": 1, **trusted,
    })  # fmt: skip
    code = runs.run(site, Order(playbook, chosen, Style(json=json_, verbose=verbose, plan=not yes)))
    if yes and code == EXIT_DONE:
        renew_kubeconfig(opened)
        _start_again(opened, since, say_aside if json_ else say)
        rotation.end(site.store, site.name)
        if not json_:
            say("rotated  every certificate is new, with a new key; see them: invoke certs")
    elif not yes and not json_:
        print(f"Nothing has been done. To do it: {with_yes('rotate-certs')}")
    return code


def _start_again(opened: Cluster, since: int, tell: Callable[[str], None]) -> None:
    """Where authorities were renewed: pods read their certificates once. Starts the system's own, and names others."""
    moment = datetime.fromtimestamp(since, UTC)
    if not renewal.made_since(opened.authorities, moment):
        return
    kubectl = open_kubectl(opened)
    where = "--namespace=kube-system"
    own = [f"{one['kind'].lower()}/{one['metadata']['name']}"
           for one in kubectl.json("get", "deployments,daemonsets", where)["items"]]  # fmt: skip
    if own:
        kubectl.run("rollout", "restart", where, *own)
    old = [pod for pod in trust.started_before(kubectl, moment) if not pod.startswith("kube-system/")]
    tell("renewed  the authorities' certificates, which had ended")
    if old:
        tell(f"{plural(len(old), 'pod')} of before know only the ended ones: start them again, such as by "
             f"kubectl rollout restart ({', '.join(old[:5])}{', …' if len(old) > 5 else ''})")  # fmt: skip
