"""The task that estimates what a cluster costs."""

from __future__ import annotations

import os
from dataclasses import asdict

from invoke.context import Context

from clusterbook.cli.boundary import command
from clusterbook.cli.screen import print_json, print_table
from clusterbook.cloud.cost import estimate
from clusterbook.cloud.design import wanted
from clusterbook.cloud.layout import Design
from clusterbook.cloud.opened import open_on_ec2
from clusterbook.cluster.store import open_store


@command(positional=["name"], help={"name": "name of the cluster", "json": "show the result as JSON"})
def cost(_: Context, name: str, json_: bool = False) -> None:
    """Estimate what a cluster's configuration costs a month.

    By a dated table of list prices that comes with clusterbook; AWS is not asked. Traffic, discounts and what the
    cluster's applications order are not in it.

    Example: invoke cost demo.k8s.local
    """
    opened = open_on_ec2(open_store(os.environ), name)
    found = estimate(wanted(Design(name, opened.spec.complete, image="")), opened.aws["region"])
    if json_:
        print_json({**asdict(found), "month": round(found.month, 2), "unknown": found.unknown})
        return
    rows = [(line.what, f"{line.count:g}", "?" if line.month is None else f"{line.month:.2f}",
             "less with spot" if line.spot else "") for line in found.lines]  # fmt: skip
    print_table(("WHAT", "COUNT", f"{found.currency} A MONTH", ""), rows)
    print(f"\nAbout {found.month:.0f} {found.currency} a month, by list prices of {found.date}, without traffic.")
    if not found.region_known:
        print(f"The prices are not those of {opened.aws['region']}: expect some tens of per cent more.")
    if found.unknown:
        print(f"Not counted, for the table has no price: {', '.join(found.unknown)}")
