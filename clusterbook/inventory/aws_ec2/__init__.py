"""Hosts of EC2 as an inventory: a YAML file with `plugin: aws_ec2`."""

from __future__ import annotations

import functools
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from clusterbook.errors import Position
from clusterbook.inventory.aws_ec2 import cache, fetch, keys
from clusterbook.inventory.aws_ec2.hosts import FoundHost, hosts_of
from clusterbook.inventory.aws_ec2.settings import Settings, settings_of
from clusterbook.inventory.tree import Tree, empty_mapping

# Groups that playbooks name exist although nobody is in them.
ALWAYS = ("control_plane", "etcd", "worker")


def read_aws(path: Path, written: Mapping[str, Any], tree: Tree, cluster: Mapping[str, Any]) -> None:
    """Add the running instances to the tree. cluster: the variables of the command's cluster.

    Raises InvalidProject for the file, Failed when AWS cannot be asked, InvalidInput for a host key that changed.
    """
    settings = settings_of(path, written, cluster)
    sessions = fetch.Sessions()
    found = cache.cached(settings, sessions, functools.partial(fetch.instances, settings, sessions))
    hosts = hosts_of(settings, found)
    options = ""
    if settings.host_keys == "aws":

        def console(host: FoundHost) -> str:
            return fetch.console(host.place, host.instance, sessions)

        file = keys.pin(hosts, console, keys.known_hosts_file(), settings.where)
        options = f"-o UserKnownHostsFile={file} -o StrictHostKeyChecking=yes"
    if settings.variables:
        tree.group("all", settings.where).variables.append(settings.variables)
    for name in ALWAYS:
        tree.group(name, settings.where)
    for host in hosts:
        _add(host, ssh_options(host, options, settings), tree, settings.where)


def ssh_options(host: FoundHost, keys_by_id: str, settings: Settings) -> str:
    """OpenSSH's options for a host: its key by its instance's id, and the way through a bastion, whose key is so, too.

    keys_by_id: options that name the learnt keys; '' for a person's own known_hosts.
    """
    own = f"-o HostKeyAlias={host.instance} {keys_by_id}" if keys_by_id else ""
    bastion, address = host.bastion
    if not bastion:
        return own
    login = f"{settings.ssh_user}@{address}" if settings.ssh_user else address
    trusted = f"-o HostKeyAlias={bastion} {keys_by_id} " if keys_by_id else ""
    key = settings.variables.get("ansible_ssh_private_key_file", "") if settings.variables else ""
    identity = f"-i {shlex.quote(key)} " if isinstance(key, str) and key else ""
    command = f"ssh -o BatchMode=yes {trusted}{identity}-W %h:%p {shlex.quote(login)}"
    return f"{own} -o {shlex.quote(f'ProxyCommand={command}')}".strip()


def _add(host: FoundHost, options: str, tree: Tree, where: Position) -> None:
    values = dict(host.variables)
    if options:
        values["ansible_ssh_common_args"] = options
    tree.host(host.name, where, empty_mapping(where, {name: (value, where) for name, value in values.items()}))
    for name in host.groups:
        tree.group(name, where).hosts[host.name] = None
