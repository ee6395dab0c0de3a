"""From an Ansible inventory to a lab, and from numbers of hosts to such an inventory."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from clusterbook.errors import InvalidInput, Position
from clusterbook.lab.rootfs import USER
from clusterbook.lab.spec import DEFAULT_IMAGE, DEFAULT_NETWORK, LabHost, LabSpec, check
from clusterbook.records import dataclass
from clusterbook.schema.names import nearest

# First address of each group within the network; the inventory of the standard lab uses the same.
_FIRST = {"control_plane": 11, "worker": 21, "etcd": 31}
_SHORT = {"control_plane": "cp", "worker": "w", "etcd": "etcd"}
# What roles are told of a lab: its hosts share this machine's kernel. inventory/lab.yml says the same and why.
OF_LABS: Mapping[str, Any] = {
    "base_kernel_modules": [],
    "base_kernel_sysctls": {},
    "base_swap_managed": False,
    "base_time_sync_enabled": False,
    "kube_proxy_conntrack_max_per_core": 0,
    "cgroup_driver": "cgroupfs",
    "containerd_restrict_oom_score_adj": True,
    "kubelet_fail_cgroup_v1": False,
    "kubelet_protect_kernel_defaults": False,
    "dashboard_provider": "kube-web-view",
}
_NUMBERS = ("files_port", "registry_port", "apt_port")


@dataclass(frozen=True)
class _Group:
    """A group's own variables and hosts, seen from the top."""

    hosts: Mapping[str, Mapping[str, Any]]
    variables: Mapping[str, Any]


def spec_from_inventory_file(path: Path) -> LabSpec:
    """Read host names, ansible_host and lab_image (of the host or a group) from a YAML inventory.

    The variables lab_name, lab_network and lab_files_port, lab_registry_port, lab_apt_port of the group
    `all` describe the lab itself; without lab_name the file's name is the lab's.
    """
    tree = _load(path)
    hosts: dict[str, dict[str, Any]] = {}
    for group in _groups(tree):
        for name, variables in group.hosts.items():
            hosts[name] = {**hosts.get(name, {}), **group.variables, **variables}
    if not hosts:
        raise InvalidInput(f"{path.name} lists no hosts", where=Position(str(path)), next_step="List one.")
    top = tree.get("all") or {}
    variables = dict(top.get("vars") or {})
    labhosts = tuple(_host(path, name, {**variables, **values}) for name, values in hosts.items())
    ports: dict[str, Any] = {name: int(variables[f"lab_{name}"]) for name in _NUMBERS if f"lab_{name}" in variables}
    return check(
        LabSpec(
            name=str(variables.get("lab_name", path.stem)), hosts=labhosts,
            network=str(variables.get("lab_network", DEFAULT_NETWORK)), **ports,
        )
    )  # fmt: skip


def describes_lab(path: Path) -> bool:
    """Whether a file lists a lab's hosts. Raises InvalidInput for one that is no inventory."""
    return "lab_network" in dict((_load(path).get("all") or {}).get("vars") or {})


def spec_from_counts(
    name: str,
    control_planes: int,
    workers: int,
    etcd: int = 0,
    image: str = DEFAULT_IMAGE,
    network: str = DEFAULT_NETWORK,
) -> LabSpec:
    """A lab with so many hosts of each group; its inventory is written beside the lab's files."""
    check(LabSpec(name, (), network))
    counts = {"control_plane": control_planes, "etcd": etcd, "worker": workers}
    groups = {
        group: [_numbered(group, number, image, network) for number in range(count)] for group, count in counts.items()
    }
    spec = check(LabSpec(name, tuple(host for hosts in groups.values() for host in hosts), network))
    spec.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    (spec.directory / "inventory.yml").write_text(inventory_text(spec, groups))
    return spec


def inventory_text(spec: LabSpec, groups: Mapping[str, list[LabHost]]) -> str:
    """An inventory of a lab. An empty etcd group holds the control planes: etcd then runs beside them."""
    members: dict[str, Any] = {group: {"hosts": _entries(hosts)} for group, hosts in groups.items() if hosts}
    if not groups.get("etcd"):
        members["etcd"] = {"children": {"control_plane": {}}}
    variables = {
        "lab_name": spec.name,
        "lab_network": spec.network,
        "ansible_user": USER,
        "ansible_ssh_private_key_file": str(spec.directory / "id_ed25519"),
        "ansible_ssh_common_args": (
            f"-o UserKnownHostsFile={spec.directory / 'known_hosts'} -o StrictHostKeyChecking=yes"
        ),
        **OF_LABS,
    }
    return yaml.safe_dump({"all": {"vars": variables, "children": members}}, sort_keys=False, width=200)


def _entries(hosts: list[LabHost]) -> dict[str, dict[str, str]]:
    """Hosts as an inventory lists them."""
    plain = {host.name: {"ansible_host": host.address} for host in hosts}
    for host in hosts:
        if host.image != DEFAULT_IMAGE:
            plain[host.name]["lab_image"] = host.image
    return plain


def _numbered(group: str, number: int, image: str, network: str) -> LabHost:
    """The host with that number, counted from 0, of a group."""
    addresses, index = ipaddress.ip_network(network), _FIRST[group] + number
    if index >= addresses.num_addresses - 1:
        raise InvalidInput(f"{network} has no room for {group} number {number + 1}",
                           next_step=f"Use a larger network, such as {DEFAULT_NETWORK}.")  # fmt: skip
    return LabHost(f"{_SHORT[group]}-{number + 1}", str(addresses[index]), image)


def _load(path: Path) -> dict[str, Any]:
    """The inventory as plain data. Raises InvalidInput with the place of a mistake."""
    try:
        tree = yaml.safe_load(path.read_text())
    except FileNotFoundError as error:
        raise InvalidInput(
            f"there is no inventory {path}", next_step="Name one with --inventory, or give --name and counts."
        ) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = Position(str(path), mark.line + 1, mark.column + 1) if mark else Position(str(path))
        raise InvalidInput(f"not valid YAML: {error}", where=where, next_step="Correct the line.") from error
    if not isinstance(tree, dict):
        raise InvalidInput("an inventory is a mapping of groups", where=Position(str(path)),
                           next_step="Begin it with all: and children:.")  # fmt: skip
    return tree


def _groups(tree: Mapping[str, Any], inherited: Mapping[str, Any] | None = None) -> Iterator[_Group]:
    """Every group of a level and below, outer ones first; a group inherits the variables of its parents."""
    for group in tree.values():
        content = group or {}
        variables = {**(inherited or {}), **(content.get("vars") or {})}
        hosts = {name: values or {} for name, values in (content.get("hosts") or {}).items()}
        yield _Group(hosts, variables)
        yield from _groups(content.get("children") or {}, variables)


def _host(path: Path, name: str, variables: Mapping[str, Any]) -> LabHost:
    """One host of the inventory."""
    if "ansible_host" not in variables:
        near = nearest("ansible_host", [str(each) for each in variables if str(each).startswith("ansible_h")])
        raise InvalidInput(f"the host {name} has no ansible_host", where=Position(str(path)),
                           next_step=f"Write ansible_host instead of {near}." if near else
                           "Give it an address in the lab's network.")  # fmt: skip
    return LabHost(name, str(variables["ansible_host"]), str(variables.get("lab_image", DEFAULT_IMAGE)))
