"""Running instances of the account -> hosts of the lab, at their private addresses."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from clusterbook.cloud.aws import Cloud, CloudError, tag_list
from clusterbook.inventory.aws_ec2.keys import KEY_TAG
from clusterbook.lab import host, lab
from clusterbook.lab.ec2 import account
from clusterbook.lab.rootfs import USER
from clusterbook.lab.spec import LabHost, LabSpec


def wanted(cloud: Cloud, spec: LabSpec) -> tuple[LabHost, ...]:
    """A host for each running instance in the lab's network."""
    known = account.images()
    found = []
    for item in running(cloud):
        image = account.image_name(known, item["ImageId"])
        found.append(LabHost(item["InstanceId"], item["PrivateIpAddress"], image))
    return tuple(sorted(found, key=lambda one: one.name))


def running(cloud: Cloud) -> list[Mapping[str, Any]]:
    """What EC2 says of each running instance."""
    state = [{"Name": "instance-state-name", "Values": ["running"]}]
    pages = cloud.pages("ec2", "describe_instances", "Reservations", Filters=state)
    return [item for reservation in pages for item in reservation["Instances"]]


def reconcile(cloud: Cloud, spec: LabSpec) -> LabSpec:
    """Make hosts of new instances and remove those of terminated ones; the lab as it is then."""
    hosts = wanted(cloud, spec)
    if hosts == spec.hosts:
        return spec
    now = replace(spec, hosts=hosts)
    lab.up(now)
    new = {one.name for one in hosts} - {one.name for one in spec.hosts}
    for item in running(cloud):
        if item["InstanceId"] in new:
            _first_boot(cloud, now, item)
    return now


def _first_boot(cloud: Cloud, spec: LabSpec, item: Mapping[str, Any]) -> None:
    """What cloud-init does: name the host, let the key pair's owner in, run user data. Its host key goes into a tag."""
    one = spec.host(item["InstanceId"])
    name = item["PrivateDnsName"].partition(".")[0]
    # As Debian's image for EC2 has it: sudo looks for the host's own name.
    named = f'sed -i "s/^127.0.1.1.*/127.0.1.1 {name}/" /etc/hosts && hostnamectl set-hostname {name}'
    host.ssh(spec, one, ["sudo", "sh", "-c", f"'{named}'"])
    key = _public_key(cloud, str(item.get("KeyName") or ""))
    if key:
        path = f"/home/{USER}/.ssh/authorized_keys"
        host.ssh(spec, one, ["sh", "-c", f"'grep -qxF \"{key}\" {path} || echo \"{key}\" >> {path}'"])
    _user_data(cloud, spec, one)
    shown = " ".join(host.host_key(spec, one).split()[:2])
    cloud.call("ec2", "create_tags", Resources=[one.name], Tags=tag_list({KEY_TAG: shown}))


def _user_data(cloud: Cloud, spec: LabSpec, one: LabHost) -> None:
    """A script in the user data runs once, as root, and nobody waits for it."""
    answer = cloud.call("ec2", "describe_instance_attribute", InstanceId=one.name, Attribute="userData")
    value = str(answer.get("UserData", {}).get("Value") or "")
    if base64.b64decode(value).startswith(b"#!"):
        folder = "/var/lib/cloud/instance"
        steps = (f"mkdir -p {folder} && base64 -d > {folder}/user-data && chmod 700 {folder}/user-data "
                 f"&& systemd-run --quiet --no-block --unit=cloud-final {folder}/user-data")  # fmt: skip
        host.ssh(spec, one, ["sudo", "sh", "-c", f"'{steps}'"], program=value)


def _public_key(cloud: Cloud, name: str) -> str:
    if not name:
        return ""
    try:
        answer = cloud.call("ec2", "describe_key_pairs", KeyNames=[name], IncludePublicKey=True)
    except CloudError:
        return ""
    return str(answer["KeyPairs"][0].get("PublicKey", "")).strip()


def log_file(spec: LabSpec) -> Path:
    """What the lab's EC2 did."""
    return spec.directory / "ec2" / "machines.log"
