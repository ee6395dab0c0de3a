"""From the name of an inventory to everything that a run on it needs: hosts, cluster, variables, services.

What only a cluster needs (certificates, artifacts) is imported where it is used: a run on hosts alone starts without.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clusterbook import source
from clusterbook.cli import places
from clusterbook.cli.clusters import check_fits, chosen, lab_wishes, open_chosen
from clusterbook.cli.supplying import refuse_another_version, refuse_other_versions, refuse_without, supplied
from clusterbook.cli.vaults import decrypter, open_vault
from clusterbook.cluster.store import Store, UnwrittenStore, cluster_names, open_store
from clusterbook.errors import Failed, InvalidInput
from clusterbook.execute.services import Services
from clusterbook.inventory import SourcedInventory
from clusterbook.inventory import load as load_inventory
from clusterbook.inventory.yaml_file import plugin_of
from clusterbook.lab.inventory_file import spec_from_inventory_file
from clusterbook.lab.spec import STATE as LABS
from clusterbook.lab.spec import LabSpec
from clusterbook.language.scope import Scope
from clusterbook.lookups.expressions import local_expressions
from clusterbook.model import Host
from clusterbook.records import dataclass
from clusterbook.schema.names import suggestion
from clusterbook.source import Vault
from clusterbook.transport.connect import connect
from clusterbook.transport.protocol import Connection

if TYPE_CHECKING:
    from clusterbook.cluster.cluster import Cluster
    from clusterbook.cluster.health import Hosts
    from clusterbook.cluster.variables import ClusterVariables


@dataclass(frozen=True)
class Site:
    """An inventory with its cluster. lab: when its hosts are a lab's; cluster: None when the store has none for it."""

    inventory: SourcedInventory
    path: Path | str
    store: Store
    name: str
    lab: LabSpec | None = None
    cluster: Cluster | None = None
    variables: ClusterVariables | None = None
    vault: Vault = field(default_factory=Vault)

    @property
    def called(self) -> str:
        """The inventory's name, as a person gives it."""
        return Path(self.path).stem

    @property
    def services(self) -> Services:
        """What a run may ask of this machine."""
        decrypt = decrypter(self.vault)
        if self.cluster is None or self.variables is None:
            return Services(decrypt=decrypt)
        authorities = self.cluster.authorities
        return Services(self.variables.resolve, signer(self.cluster), authorities.signers_bundle, decrypt)

    def host(self, name: str) -> Host:
        """The host of that name. Raises InvalidInput, with the name that was most likely meant."""
        known = list(self.inventory.hosts)
        if name not in known:
            raise InvalidInput(
                f"there is no host {name!r} in the inventory {self.called!r}{suggestion(name, known)}",
                next_step=f"Hosts are: {', '.join(known)}. A new one is written into the inventory first.",
            )
        return self.inventory.hosts[name]


def open_site(
    inventory: str, cluster: str = "", *, make: bool = False, keep: bool = True, looking: bool = False,
    playbook: Path | None = None, vault: Vault | None = None,
) -> Site:  # fmt: skip
    """Read an inventory and open its cluster. make: the cluster is made when the store has none of that name.

    keep: what is made is written into the store; else this run alone knows it, as one that only looks wants.
    looking: hosts will fetch nothing, so no mirror needs to be there.
    playbook: group_vars and host_vars beside it count too. vault: else the one that the environment names.
    """
    path, vault = places.inventory(inventory), vault or open_vault()
    if plugin_of(path):
        return _cloud_site(path, cluster, playbook, vault, looking)
    plain = load_inventory(path, playbook, vault=vault)
    lab = _lab(path, plain)
    store = open_store(os.environ)
    name = cluster or (lab.name if lab else Path(path).stem)
    if make:
        from clusterbook.cluster.cluster import ensure_cluster

        brought = supplied(lab, looking)
        refuse_without(Path(path).stem, plain, brought)
        place = store if keep or name in cluster_names(store) else UnwrittenStore(store)
        opened = ensure_cluster(place, name, _wishes(plain, lab), os.environ, nodes=node_count(plain))
    elif name in cluster_names(store):
        opened, brought = open_chosen(name), supplied(lab, looking)
    else:
        return Site(plain, path, store, name, lab, vault=vault)
    if not looking:
        refuse_other_versions(opened.spec.complete, brought)
    if lab is not None:
        check_fits(opened, lab)
        _share_group_variables(path)
    variables = _variables(opened, brought)
    found = load_inventory(path, playbook, variables.plain, vault)
    return Site(found, path, store, name, lab, opened, variables, vault)


def foreseen_site(inventory: str, cluster: str, playbook: Path, version: str = "") -> Site:
    """An inventory with the variables that its hosts will have, also of a cluster that is not made yet.

    version: of Kubernetes, instead of the cluster's. Nothing is written, no mirror needs to run, and secrets are empty.
    """
    from clusterbook.cluster import spec as specs
    from clusterbook.cluster.bundle.wanted import stand_ins
    from clusterbook.cluster.variables import foreseen_variables

    path, vault = places.inventory(inventory), open_vault()
    if plugin_of(path):
        raise InvalidInput("a cloud lists the hosts of this inventory, and who can ask a cloud has a way out",
                           next_step="Name an inventory that lists its hosts itself.")  # fmt: skip
    plain = load_inventory(path, playbook, vault=vault)
    lab, store = _lab(path, plain), open_store(os.environ)
    name = cluster or (lab.name if lab else Path(path).stem)
    if name in cluster_names(store):
        spec = specs.read(store, name)
    else:
        written = _wishes(plain, lab)
        written["cluster_name"] = name
        spec = specs.check(written, f"{name}/{specs.FILE}")
    if version:
        refuse_another_version(plain, version)
        spec = replace(spec, complete={**spec.complete, "kubernetes_version": version})
    if lab is not None:
        _share_group_variables(path)
    variables = foreseen_variables(spec, stand_ins(specs.versions(spec.complete)))
    return Site(load_inventory(path, playbook, variables, vault), path, store, name, lab, vault=vault)


def _cloud_site(path: Path | str, cluster: str, playbook: Path | None, vault: Vault, looking: bool) -> Site:
    """Hosts that a cloud lists: which ones, is the cluster's matter, so that is opened first."""
    store = open_store(os.environ)
    if not cluster and not cluster_names(store):
        return Site(load_inventory(path, playbook, vault=vault), path, store, Path(path).stem, vault=vault)
    name = chosen(store, cluster)
    opened = open_chosen(name)
    from clusterbook.cluster.kubeconfig import server_url

    server_url(opened)  # refuses a cluster that has no load balancer yet
    brought = supplied(None, looking)
    if not looking:
        refuse_other_versions(opened.spec.complete, brought)
    variables = _variables(opened, brought)
    found = load_inventory(path, playbook, variables.plain, vault)
    return Site(found, path, store, name, None, opened, variables, vault)


def refreshed(site: Site) -> Site:
    """The site with the hosts that its cloud lists now; one of a plain inventory as it is."""
    if not plugin_of(site.path) or site.variables is None:
        return site
    return replace(site, inventory=load_inventory(site.path, None, site.variables.plain, site.vault))


def overridden(site: Site, extra: Mapping[str, Any]) -> Site:
    """A site whose hosts have these variables above those of their inventory, as a run with --extra-vars has them."""
    known = site.inventory.hosts.items()
    hosts = {name: replace(host, variables={**host.variables, **extra}) for name, host in known}
    return replace(site, inventory=replace(site.inventory, hosts=hosts))


def expected(site: Site) -> Hosts:
    """Who should be in the cluster, by the inventory."""
    from clusterbook.cluster.health import Hosts

    members = {group: site.inventory.groups.get(group, ()) for group in ("control_plane", "etcd", "worker")}

    def addresses(group: str) -> dict[str, str]:
        return {name: value_of(site, name, "node_address") for name in members[group]}

    nodes = dict.fromkeys([*members["control_plane"], *members["worker"]])
    names = tuple(value_of(site, name, "node_name") for name in nodes)
    return Hosts(addresses("control_plane"), addresses("etcd"), names)


def node_count(inventory: SourcedInventory) -> int:
    """How many of its hosts become nodes."""
    return len({name for group in ("control_plane", "worker") for name in inventory.groups.get(group, ())})


def value_of(site: Site, host: str, name: str) -> str:
    """The value of a host's inventory variable, evaluated."""
    known = site.inventory.hosts[host]
    return str(evaluate(known, known.variables[name]))


def evaluate(host: Host, value: Any) -> Any:
    """A value as the host's own inventory variables make it; secrets stay closed."""
    magic = {"inventory_hostname": host.name, "group_names": [name for name in host.groups if name != "all"]}
    return Scope([host.variables, magic], local_expressions(), _closed).evaluate(value)


def signer(cluster: Cluster) -> Callable[[Mapping[str, Any], str], str]:
    """Signs a host's public key as its certificate step says. Names and usages come from the inventory alone."""
    from clusterbook.cluster.signing import CertificateSubject

    def sign(arguments: Mapping[str, Any], public_key: str) -> str:
        subject = CertificateSubject(
            common_name=str(arguments["common_name"]),
            organizations=_texts(arguments.get("organizations")),
            dns_names=_texts(arguments.get("dns_names")),
            ip_addresses=_texts(arguments.get("ip_addresses")),
            usages=_texts(arguments.get("usages")) or ("client_auth",),
            days=int(arguments.get("days") or 365),
        )
        return cluster.authorities.sign(str(arguments["authority"]), public_key, subject)

    return sign


def _lab(path: Path, inventory: SourcedInventory) -> LabSpec | None:
    """The lab that the inventory describes, when it is one."""
    described = any("lab_network" in host.variables for host in inventory.hosts.values())
    return spec_from_inventory_file(path) if described else None


def _wishes(inventory: SourcedInventory, lab: LabSpec | None) -> source.SourceMapping:
    """Keys of cluster.yaml, with their places, that the inventory sets for all hosts, over those that a lab brings."""
    from clusterbook.cluster.spec import cluster_schema

    known = cluster_schema()["properties"]
    layers = [layer for found in inventory.layers.values() for layer in found if layer.kind == "inventory group all"]
    values = layers[-1].values if layers else {}
    kinds = (str, int, bool, list, dict)
    found = source.chosen(values, [one for one, value in values.items() if one in known and isinstance(value, kinds)])
    for name, value in (lab_wishes(lab) if lab else {}).items():
        found.setdefault(name, value)
    return found


def _variables(cluster: Cluster, brought: Mapping[str, Any]) -> ClusterVariables:
    from clusterbook.cluster.variables import cluster_variables

    return cluster_variables(cluster, brought)


def _share_group_variables(path: Path) -> None:
    """A lab made by counts has its inventory beside its files: the project's group_vars hold for it as well."""
    if not path.is_relative_to(LABS):
        return
    link, target = path.parent / "group_vars", places.brought() / "inventory" / "group_vars"
    if link.is_symlink() and link.readlink() == target:
        return
    link.unlink(missing_ok=True)
    link.symlink_to(target)


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(str(item) for item in value or ())


def _closed(name: str) -> str:
    raise Failed(f"the secret {name!r} is not shown", next_step="Use it in a play.")


def the_cluster(site: Site) -> Cluster:
    """The site's cluster. InvalidInput when the store has none of its name."""
    if site.cluster is None:
        raise InvalidInput(
            f"there is no cluster {site.name!r} in the store {site.store.address}",
            next_step=f"Make it: invoke provision --inventory {site.called}; or name another --inventory or --cluster.",
        )
    return site.cluster


def connected(host: Host) -> Connection:
    """An open connection to a host, with its connection variables evaluated."""
    return connect(with_evaluated_connection(host))


def with_evaluated_connection(host: Host) -> Host:
    """The host with the values of its ansible_* variables."""
    found = {name: evaluate(host, value) for name, value in host.variables.items() if name.startswith("ansible_")}
    return replace(host, variables=found)
