"""The task that tells what on the hosts is no longer as the playbooks made it."""

from __future__ import annotations

from collections.abc import Sequence

from invoke.context import Context

from clusterbook.cli import places, runs
from clusterbook.cli.boundary import command
from clusterbook.cli.cluster import TARGET_HELP
from clusterbook.cli.extra_variables import PROVISIONED_HELP
from clusterbook.cli.runs import SELECTION_HELP, Order
from clusterbook.cli.site import Site, open_site, the_cluster
from clusterbook.report.style import Style


@command(
    iterable=["extra_vars"],
    help={
        **TARGET_HELP,
        "limit": SELECTION_HELP["limit"],
        **PROVISIONED_HELP,
        "json": "show the result as JSON",
    },
)
def drift(
    _: Context, inventory: str = "", cluster: str = "", limit: str = "", extra_vars: Sequence[str] | None = None,
    json_: bool = False,
) -> int:  # fmt: skip
    """Say what on the hosts differs from what the playbooks want.

    Which file, unit, package or setting, host by host. Nothing is changed; invoke provision heals what is shown. Exit
    status 0: nothing differs, 2: something does, 1: failed, 4: a host could not be reached.

    Example: invoke drift --inventory lab
    Example: invoke drift --limit worker --json
    """
    site = open_site(inventory, cluster, playbook=places.playbook("site"))
    the_cluster(site)
    return runs.run(site, order_of(site, limit, extra_vars, json_))


def order_of(site: Site, limit: str, extra_vars: Sequence[str] | None, as_json: bool) -> Order:
    """The run that looks for drift."""
    chosen = runs.selection(check=True, limit=limit, extra_vars=extra_vars, vault=site.vault)
    return Order(places.playbook("site"), chosen, Style(json=as_json, drift=True))
