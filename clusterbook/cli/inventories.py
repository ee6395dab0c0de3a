"""The task that shows an inventory, to a person and to Ansible."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from invoke.context import Context

from clusterbook.cli.boundary import command
from clusterbook.cli.cluster import TARGET_HELP
from clusterbook.cli.screen import print_json
from clusterbook.cli.site import Site, open_site, with_evaluated_connection
from clusterbook.cli.vaults import is_secret
from clusterbook.language.values import Template
from clusterbook.model import Host
from clusterbook.source import Vault


@command(
    help={
        **TARGET_HELP,
        "list": "groups and the variables of hosts as JSON, as Ansible wants it of an inventory script",
        "host": "the variables of one host as JSON, likewise",
        "json": "the same as --list",
    }
)
def inventory(
    _: Context, inventory: str = "", cluster: str = "", list_: bool = False, host: str = "", json_: bool = False
) -> None:  # fmt: skip
    """Show the groups and hosts of an inventory, also of one that asks EC2.

    The JSON leaves out secrets, and values that are known only when a run evaluates them.

    Example: invoke inventory --inventory aws
    Example: invoke inventory --inventory aws --list
    """
    site = open_site(inventory, cluster, looking=True)
    if host:
        print_json(_variables(site.host(host), site.vault))
    elif list_ or json_:
        print_json(_script(site))
    else:
        print("\n".join(_graph(site)))


def _script(site: Site) -> dict[str, Any]:
    """As docs.ansible.com says of inventory scripts, developing_inventory: `_meta` spares a call for each host."""
    variables = {host.name: _variables(host, site.vault) for host in site.inventory.hosts.values()}
    return {"_meta": {"hostvars": variables}} | {
        name: {"hosts": list(names)} for name, names in site.inventory.groups.items()
    }


def _variables(host: Host, vault: Vault) -> dict[str, Any]:
    """What is known without the host, with evaluated connection variables."""
    known = {**host.variables, **with_evaluated_connection(host).variables}
    return {name: _as_data(value) for name, value in known.items() if _plain(value, vault)}


def _as_data(value: Any) -> Any:
    """The same for Ansible, which takes text with marks of Jinja for a template unless it is told that it is none.

    What is left here is none: an instance's tags, say.
    """
    if isinstance(value, Mapping):
        return {name: _as_data(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_as_data(item) for item in value]
    if isinstance(value, str) and any(mark in value for mark in ("{{", "{%", "{#")):
        return {"__ansible_unsafe": value}
    return value


def _plain(value: Any, vault: Vault) -> bool:
    """Whether a value is all there, and no secret."""
    if isinstance(value, Mapping):
        return all(_plain(item, vault) for item in value.values())
    if isinstance(value, list):
        return all(_plain(item, vault) for item in value)
    return not isinstance(value, Template) and not is_secret(value, vault)


def _graph(site: Site) -> list[str]:
    """Groups with their hosts below them."""
    lines = []
    for group, names in site.inventory.groups.items():
        if group != "all" and (names or group != "ungrouped"):
            lines += [f"{group} ({len(names)})", *(f"  {name}" for name in names)]
    return lines
