"""Tasks that raise, change, check and take off a cluster."""

from __future__ import annotations

from collections.abc import Sequence

from invoke.context import Context

from clusterbook.cli import places, runs
from clusterbook.cli.boundary import command
from clusterbook.cli.clusters import CLUSTER_HELP
from clusterbook.cli.prompts import task_asker
from clusterbook.cli.runs import SELECTION_HELP, Order
from clusterbook.cli.screen import with_yes
from clusterbook.cli.site import Site, node_count, open_site, the_cluster
from clusterbook.cli.supplying import refuse_without
from clusterbook.cli.vaults import VAULT_HELP, VAULT_OPTIONS, open_vault
from clusterbook.cluster.formed import is_now_formed
from clusterbook.cluster.reset import forget_access
from clusterbook.compile import Selection
from clusterbook.errors import InvalidInput
from clusterbook.report.style import Style
from clusterbook.source import Vault

TARGET_HELP = {"inventory": places.INVENTORY_HELP, "cluster": CLUSTER_HELP}
PLAN_HELP = {name: text for name, text in SELECTION_HELP.items() if name not in ("check", "step")}


@command(iterable=["extra_vars", *VAULT_OPTIONS], help={**TARGET_HELP, **SELECTION_HELP, **VAULT_HELP})
def provision(
    _: Context, inventory: str = "", cluster: str = "", check: bool = False, diff: bool = False, limit: str = "",
    tags: str = "", skip_tags: str = "", extra_vars: Sequence[str] | None = None, forks: int = 0, executor: str = "",
    step: bool = False, json_: bool = False, verbose: bool = False, ask_vault_password: bool = False,
    vault_password_file: Sequence[str] | None = None, vault_id: Sequence[str] | None = None,
) -> int:  # fmt: skip
    """Make hosts a cluster, or bring it to what its configuration says.

    Running it again changes nothing; after an error it goes on where it stopped. New instances of
    EC2 are waited for until they have booted.

    Example: invoke provision --inventory lab
    Example: invoke provision --inventory lab --limit w-2 --diff
    """
    vault = open_vault(vault_password_file, vault_id, ask_vault_password)
    chosen = runs.selection(
        check=check, diff=diff, limit=limit, tags=tags, skip_tags=skip_tags, extra_vars=extra_vars, vault=vault
    )
    style = Style(json=json_, diff=diff, verbose=verbose, plan=check, asked=step)
    order = Order(places.playbook("site"), chosen, style, forks, executor, task_asker() if step else None)
    site = site_for(inventory, cluster, order, vault)
    if the_cluster(site).spec.on_ec2 and not (check or limit):
        from clusterbook.cli.booting import booted  # boto3 is slow to load

        site = booted(site, json_)
    return raise_site(site, order)


@command(iterable=["extra_vars", *VAULT_OPTIONS], help={**TARGET_HELP, **PLAN_HELP, **VAULT_HELP})
def plan(
    _: Context, inventory: str = "", cluster: str = "", diff: bool = False, limit: str = "", tags: str = "",
    skip_tags: str = "", extra_vars: Sequence[str] | None = None, forks: int = 0, executor: str = "",
    json_: bool = False, verbose: bool = False, ask_vault_password: bool = False,
    vault_password_file: Sequence[str] | None = None, vault_id: Sequence[str] | None = None,
) -> int:  # fmt: skip
    """Show what provision would change, and why; hosts stay as they are.

    Exit status 0: nothing to do, 2: changes pending, 1: failed.

    Example: invoke plan --inventory lab --diff
    """
    vault = open_vault(vault_password_file, vault_id, ask_vault_password)
    chosen = runs.selection(
        check=True, diff=diff, limit=limit, tags=tags, skip_tags=skip_tags, extra_vars=extra_vars, vault=vault
    )
    style = Style(json=json_, diff=diff, verbose=verbose, plan=True)
    order = Order(places.playbook("site"), chosen, style, forks, executor)
    return runs.run(site_for(inventory, cluster, order, vault), order)


@command(
    help={
        **TARGET_HELP,
        "yes": "really do it",
        "limit": SELECTION_HELP["limit"],
        "packages": "also remove the Debian packages that roles installed",
        "json": SELECTION_HELP["json"],
        "verbose": SELECTION_HELP["verbose"],
    }
)
def reset(
    _: Context, inventory: str = "", cluster: str = "", yes: bool = False, limit: str = "", packages: bool = False,
    json_: bool = False, verbose: bool = False,
) -> int:  # fmt: skip
    """Take the cluster off its hosts with all data: units, files, mounts, rules.

    Without --yes it only shows what would go.

    Example: invoke reset --inventory lab
    Example: invoke reset --inventory lab --yes
    """
    site = open_site(inventory, cluster)
    if site.cluster is None:
        raise InvalidInput(f"there is no cluster {site.name!r} in the store", next_step="Name one with --cluster.")
    given = {"reset_packages": True} if packages else {}
    chosen = Selection(limit=limit, check=not yes, extra_variables=given)
    code = runs.run(site, Order(places.playbook("reset"), chosen, Style(json=json_, verbose=verbose, plan=not yes)))
    if yes and code == 0 and not limit:
        forget_access(site.store, site.name)
    elif not yes and not json_:
        print(f"Nothing has been done. To do it: {with_yes('reset')}")
    return code


def raise_site(site: Site, order: Order) -> int:
    """Run the order on the site; after a whole run, keep what new workers join by. The exit code."""
    code = runs.run(site, order)
    chosen = order.selection
    if code == 0 and not (chosen.check or chosen.tags or chosen.skip_tags or order.asker):
        is_now_formed(site.store, site.name)
        if not chosen.limit:
            keep_joining(site, order)
    return code


def site_for(inventory: str, cluster: str, order: Order, vault: Vault) -> Site:
    """The site of a run that makes a cluster. InvalidInput when its hosts would find no binaries or no place."""
    keep = not order.selection.check
    site = open_site(inventory, cluster, make=True, keep=keep, playbook=order.playbook, vault=vault)
    check_room(site)
    refuse_without(site.called, site.inventory)
    return site


def check_room(site: Site) -> None:
    """InvalidInput when the inventory lists more nodes than the cluster can give pods' addresses to."""
    from clusterbook.cluster import room, spec

    wanted = the_cluster(site).spec
    file = str(site.store.local_file(f"{site.name}/{spec.FILE}"))
    room.check(node_count(site.inventory), wanted.complete, wanted.written, file)


def keep_joining(site: Site, order: Order) -> None:
    """Where workers join by themselves, what they do then is what this run did."""
    if site.variables is None or not site.variables.plain["joining"]:
        return
    from clusterbook.cli import joining

    groups = joining.keep(site, order.selection)
    if not order.style.json:
        print(f"New workers of {', '.join(groups) or 'no group'} join by themselves as these hosts did.")
