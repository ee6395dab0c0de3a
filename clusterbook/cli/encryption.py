"""The task that gives a cluster a new key for what it stores encrypted."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from invoke.context import Context

from clusterbook.cli import places, runs
from clusterbook.cli.boundary import command
from clusterbook.cli.cluster import TARGET_HELP
from clusterbook.cli.runs import SELECTION_HELP, Order
from clusterbook.cli.screen import with_yes
from clusterbook.cli.site import Site, open_site, the_cluster
from clusterbook.cluster import encryption
from clusterbook.cluster.encryption import Keys
from clusterbook.cluster.kubeconfig import ensure_kubeconfig
from clusterbook.cluster.probe import api_of
from clusterbook.cluster.rewriting import rewrite
from clusterbook.compile import Selection
from clusterbook.errors import EXIT_DONE
from clusterbook.report.style import Style

PLAYBOOK = "rotate-encryption-key"


@command(help={**TARGET_HELP, "yes": "really do it", "json": SELECTION_HELP["json"],
               "verbose": SELECTION_HELP["verbose"]})  # fmt: skip
def rotate_encryption_key(
    _: Context, inventory: str = "", cluster: str = "", yes: bool = False, json_: bool = False,
    verbose: bool = False,
) -> int:  # fmt: skip
    """Encrypt what the cluster stores (Secrets, ConfigMaps) by a new key.

    API servers learn to read by the new key, then write by it; every object is written anew, etcd is searched for what
    is under the old key, and the old key goes. No API server is restarted, no request fails. It takes some three
    minutes: kube-apiserver looks for new keys once a minute. Without --yes it only shows what each host would see.
    Run again after an error, it goes on where it stopped; when nothing is left to do, it makes another key.

    Example: invoke rotate-encryption-key --inventory lab
    Example: invoke rotate-encryption-key --inventory lab --yes
    """
    style = Style(json=json_, verbose=verbose, plan=not yes)
    if not yes:
        return _shown(inventory, cluster, style)
    site = open_site(inventory, cluster, playbook=places.playbook(PLAYBOOK))
    the_cluster(site)
    with runs.holding(site, PLAYBOOK):
        return _all_stages(inventory, cluster, style)


def _all_stages(inventory: str, cluster: str, style: Style) -> int:
    while True:
        site = open_site(inventory, cluster, playbook=places.playbook(PLAYBOOK))
        keys = _keys(site)
        if len(keys) == 1:
            made = encryption.begun(keys, datetime.now(UTC))
            _write(site, keys, made, style, "a new key is made; API servers learn to read by it")
            continue
        code = _stage(site, keys, style)
        if code != EXIT_DONE or len(_keys(site)) == 1:
            return code


def _stage(site: Site, keys: Keys, style: Style) -> int:
    """Bring the hosts to these keys, then to what follows; the store forgets the old key last."""
    code = _run(site, style)
    if code != EXIT_DONE:
        return code
    turned = encryption.turned(keys)
    if turned != keys:
        _write(site, keys, turned, style, "every API server reads by the new key; now they write by it")
        return code
    api = api_of(ensure_kubeconfig(the_cluster(site)))
    for resource in encryption.RESOURCES:
        count = rewrite(api, resource)
        _say(style, f"{count} {resource} were read and written by the new key")
    code = _run(site, style, encrypted_by=keys[0].name)
    if code == EXIT_DONE:
        _say(style, "etcd holds nothing under an old key; now the old key goes")
        code = _run(_with(site, keys[:1]), style)
    if code == EXIT_DONE:
        _write(site, keys, keys[:1], style, f"rotated  Secrets and ConfigMaps are under {keys[0].name} alone")
    return code


def _shown(inventory: str, cluster: str, style: Style) -> int:
    """A plan of the next stage, with a key that nobody keeps."""
    site = open_site(inventory, cluster, playbook=places.playbook(PLAYBOOK))
    code = _run(_with(site, encryption.begun(_keys(site), datetime.now(UTC))), style, check=True)
    if not style.json:
        print(f"Nothing has been done. To do it: {with_yes('rotate-encryption-key')}")
    return code


def _with(site: Site, keys: Keys) -> Site:
    """The site with other keys for its hosts than the store has."""
    assert site.variables is not None, "a site with a cluster has its variables"
    resolve = site.variables.resolve

    def resolved(name: str) -> str:
        return encryption.render(keys) if name == "cluster_encryption_keys" else resolve(name)

    return replace(site, variables=replace(site.variables, resolve=resolved))


def _keys(site: Site) -> Keys:
    opened = the_cluster(site)
    return encryption.ensure_keys(opened.store, opened.keyring, opened.name)


def _write(site: Site, old: Keys, new: Keys, style: Style, words: str) -> None:
    opened = the_cluster(site)
    encryption.replace(opened.store, opened.keyring, opened.name, old, new)
    _say(style, words)


def _run(site: Site, style: Style, *, check: bool = False, encrypted_by: str = "") -> int:
    chosen = Selection(check=check, extra_variables={"encrypted_by": encrypted_by})
    return runs.run(site, Order(places.playbook(PLAYBOOK), chosen, style, locked=not check))


def _say(style: Style, words: str) -> None:
    if not style.json:
        print(words)
