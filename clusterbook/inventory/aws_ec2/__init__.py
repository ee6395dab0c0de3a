"""Hosts of EC2 as an inventory: a YAML file with `plugin: aws_ec2`."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from clusterbook.errors import Position
from clusterbook.inventory.aws_ec2 import cache, fetch, keys
from clusterbook.inventory.aws_ec2.hosts import FoundHost, hosts_of
from clusterbook.inventory.aws_ec2.settings import settings_of
from clusterbook.inventory.tree import Tree, empty_mapping

# Groups that playbooks name exist although nobody is in them.
ALWAYS = ("control_plane", "etcd", "worker")


def read_aws(path: Path, written: Mapping[str, Any], tree: Tree, cluster: Mapping[str, Any]) -> None:
    """Add the running instances to the tree. cluster: the variables of the command's cluster.

    Raises InvalidProject for the file, Failed when AWS cannot be asked, InvalidInput for a host key that changed.
    """
    settings = settings_of(path, written, cluster)
    answer = cache.cached(settings, functools.partial(fetch.instances, settings))
    hosts = hosts_of(settings, answer)
    options = ""
    if settings.host_keys == "aws":
        file = keys.pin(hosts, _console, keys.known_hosts_file(), settings.where)
        options = f"-o UserKnownHostsFile={file} -o StrictHostKeyChecking=yes"
    if settings.variables:
        tree.group("all", settings.where).variables.append(settings.variables)
    for name in ALWAYS:
        tree.group(name, settings.where)
    for host in hosts:
        _add(host, options, tree, settings.where)


def _add(host: FoundHost, options: str, tree: Tree, where: Position) -> None:
    values = dict(host.variables)
    if options:
        values["ansible_ssh_common_args"] = f"-o HostKeyAlias={host.instance} {options}"
    tree.host(host.name, where, empty_mapping(where, {name: (value, where) for name, value in values.items()}))
    for name in host.groups:
        tree.group(name, where).hosts[host.name] = None


def _console(host: FoundHost) -> str:
    return fetch.console(host.place, host.instance)
