"""Tasks on playbooks of one's own and on variables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from invoke.context import Context

from clusterbook import project
from clusterbook.cli import lists, places, runs
from clusterbook.cli.boundary import command, near
from clusterbook.cli.cluster import TARGET_HELP
from clusterbook.cli.extra_variables import extra_variables
from clusterbook.cli.prompts import task_asker
from clusterbook.cli.runs import SELECTION_HELP, Order
from clusterbook.cli.screen import print_json
from clusterbook.cli.site import Site, open_site
from clusterbook.cli.vaults import VAULT_HELP, VAULT_OPTIONS, is_secret, open_vault
from clusterbook.errors import EXIT_DONE
from clusterbook.language.values import Template
from clusterbook.report.style import Style
from clusterbook.schema.names import suggestion
from clusterbook.source import Vault
from clusterbook.variables import Layer, Setting, project_layers
from clusterbook.variables import explain as explain_layers


@command(
    positional=["playbook"],
    iterable=["extra_vars", *VAULT_OPTIONS],
    help={"playbook": "a file, or a name from playbooks/", **TARGET_HELP, **SELECTION_HELP, **VAULT_HELP, **lists.HELP},
)
def run(
    _: Context, playbook: str, inventory: str = "", cluster: str = "", check: bool = False, diff: bool = False,
    limit: str = "", tags: str = "", skip_tags: str = "", extra_vars: Sequence[str] | None = None, forks: int = 0,
    executor: str = "", step: bool = False, json_: bool = False, verbose: bool = False,
    ask_vault_password: bool = False, vault_password_file: Sequence[str] | None = None,
    vault_id: Sequence[str] | None = None, start_at_task: str = "", list_hosts: bool = False,
    list_tasks: bool = False, list_tags: bool = False,
) -> int:  # fmt: skip
    """Run a playbook, your own or one of clusterbook's, on an inventory.

    All of it is checked before any host is connected to. Exit status 2: with --check, something would change.

    Example: invoke run hello --inventory here
    Example: invoke run my-playbook.yml --inventory my-hosts.yml --check --diff
    Example: invoke run my-playbook.yml --list-tasks --tags packages
    """
    path, vault = places.playbook(playbook), open_vault(vault_password_file, vault_id, ask_vault_password)
    tags = tags or (lists.EVERY_TAG if list_tags else "")
    selection = runs.selection(
        check=check, diff=diff, limit=limit, tags=tags, skip_tags=skip_tags, extra_vars=extra_vars, vault=vault,
        start_at_task=start_at_task,
    )
    style = Style(json=json_, diff=diff, verbose=verbose, plan=check, asked=step)
    site = open_site(inventory, cluster, playbook=path, vault=vault)
    wanted = lists.parts(list_hosts, list_tasks, list_tags)
    if wanted:
        plan = runs.prepare(site, Order(path, selection, style))
        print_json(lists.as_data(plan, wanted)) if json_ else print("\n".join(lists.listing(playbook, plan, wanted)))
        return EXIT_DONE
    asker = task_asker() if step else None
    return runs.run(site, Order(path, selection, style, forks, executor, asker))


@command(
    positional=["variable", "host"],
    iterable=["extra_vars", *VAULT_OPTIONS],
    help={
        "variable": "name of the variable",
        "host": "name of the host",
        "playbook": "playbook whose plays and roles count (default: site)",
        **TARGET_HELP,
        "extra-vars": SELECTION_HELP["extra-vars"],
        "json": "show the result as JSON",
        **VAULT_HELP,
    },
)
def explain(
    _: Context, variable: str, host: str, playbook: str = "site", inventory: str = "", cluster: str = "",
    extra_vars: Sequence[str] | None = None, json_: bool = False, ask_vault_password: bool = False,
    vault_password_file: Sequence[str] | None = None, vault_id: Sequence[str] | None = None,
) -> int:  # fmt: skip
    """Show every place that sets a variable of a host, and which one wins.

    Example: invoke explain kubelet_max_pods w-1
    """
    path = places.playbook(playbook)
    vault = open_vault(vault_password_file, vault_id, ask_vault_password)
    site = open_site(inventory, cluster, playbook=path, vault=vault)
    given = Layer("extra vars", "", extra_variables(extra_vars or (), vault))
    layers = [*_layers(site, path, host), given]
    settings = explain_layers(variable, layers)
    if json_:
        print_json([_described(setting, site.vault) for setting in settings])
    elif not settings:
        known = {name for layer in layers for name in layer.values}
        print(f"nothing sets {variable} for {host}{suggestion(variable, known)}")
    else:
        for setting in settings:
            _show(variable, setting, site.vault)
    return 0 if settings else 1


def _layers(site: Site, playbook: Path, host: str) -> list[Layer]:
    own = site.inventory.layers[site.host(host).name]
    return [*project_layers(project.load(playbook, vault=site.vault)), *own]


def _show(variable: str, setting: Setting, vault: Vault) -> None:
    mark = "=>" if setting.wins else "  "
    print(f"{mark} {setting.layer.title():<34} {variable} = {_text(setting.value, vault)}")
    if setting.position.file:
        print(f"   {'':<34} at {near(setting.position)}")


def _text(value: Any, vault: Vault) -> str:
    text = str(_open(value, vault))
    return text if len(text) < 200 else f"{text[:200]}…"


def _open(value: Any, vault: Vault) -> Any:
    """The value with every secret in it hidden."""
    if isinstance(value, Mapping):
        return {name: _open(item, vault) for name, item in value.items()}
    if isinstance(value, list):
        return [_open(item, vault) for item in value]
    if is_secret(value, vault):
        return "(secret)"
    return value.text if isinstance(value, Template) else value


def _described(setting: Setting, vault: Vault) -> dict[str, Any]:
    return {
        "wins": setting.wins, "layer": setting.layer.title(), "value": _text(setting.value, vault),
        "file": setting.position.file, "line": setting.position.line,
    }  # fmt: skip
