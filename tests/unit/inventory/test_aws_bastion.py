"""Hosts of EC2 that a bastion stands before: who is reached through it, and how both keys are checked."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from clusterbook.inventory.aws_ec2 import ssh_options
from clusterbook.inventory.aws_ec2.hosts import FoundHost, hosts_of
from clusterbook.inventory.aws_ec2.settings import Place, Settings, settings_of
from clusterbook.model import Host
from clusterbook.transport.protocol import Options
from clusterbook.transport.settings import settings_of as connection_of

CLUSTER = {"cluster_name": "demo", "aws": {"region": "us-east-2", "ssh_user": "admin"}}
KEYS = "-o UserKnownHostsFile=/keys -o StrictHostKeyChecking=yes"


def instance(name: str, role: str, private: str, public: str = "", vpc: str = "vpc-1") -> dict[str, Any]:
    tags = {"clusterbook.io/role": role, "clusterbook.io/host": name}
    return {
        "InstanceId": f"i-{name}", "InstanceType": "t3.micro", "ImageId": "ami-1", "VpcId": vpc,
        "Placement": {"AvailabilityZone": "us-east-2a"}, "PrivateIpAddress": private, "PublicIpAddress": public,
        "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
    }  # fmt: skip


def settings(**written: Any) -> Settings:
    return settings_of(Path("aws.yml"), {"plugin": "aws_ec2", **written}, CLUSTER)


def found(chosen: Settings, *instances: dict[str, Any]) -> dict[str, FoundHost]:
    return {host.name: host for host in hosts_of(chosen, [(Place("us-east-2"), item) for item in instances])}


BASTION = instance("bastion", "bastion", "10.20.0.4", "203.0.113.9")
MASTER = instance("master", "control_plane", "10.20.32.10", "203.0.113.10")


def test_hosts_of_its_vpc_are_reached_through_the_bastion_by_their_private_address() -> None:
    hosts = found(settings(), BASTION, MASTER, instance("far", "worker", "10.9.0.1", "203.0.113.11", "vpc-2"))
    assert (hosts["master"].address, hosts["master"].bastion) == ("10.20.32.10", ("i-bastion", "203.0.113.9"))
    assert (hosts["bastion"].address, hosts["bastion"].bastion) == ("203.0.113.9", ("", ""))
    assert (hosts["far"].address, hosts["far"].bastion) == ("203.0.113.11", ("", ""))
    assert "bastion" in hosts["bastion"].groups and "worker" not in hosts["bastion"].groups


def test_a_file_may_prefer_other_addresses() -> None:
    chosen = settings(address=["public_address", "bastion"])
    hosts = found(chosen, BASTION, MASTER, instance("w", "worker", "10.20.32.11"))
    assert (hosts["master"].address, hosts["master"].bastion) == ("203.0.113.10", ("", ""))
    assert (hosts["w"].address, hosts["w"].bastion) == ("10.20.32.11", ("i-bastion", "203.0.113.9"))


def test_both_keys_are_those_that_were_learnt_by_the_ids_of_the_instances() -> None:
    chosen = settings()
    words = shlex.split(ssh_options(found(chosen, BASTION, MASTER)["master"], KEYS, chosen))
    assert words[:6] == ["-o", "HostKeyAlias=i-master", *KEYS.split()]
    command = words[-1].removeprefix("ProxyCommand=")
    assert shlex.split(command) == [
        "ssh", "-o", "BatchMode=yes", "-o", "HostKeyAlias=i-bastion", *KEYS.split(), "-W", "%h:%p", "admin@203.0.113.9",
    ]  # fmt: skip
    host = Host("master", (), {"ansible_host": "10.20.32.10", "ansible_ssh_common_args": shlex.join(words)})
    assert connection_of(host, Options(), lambda address, user: {}).proxy_command == command


def test_a_key_file_of_the_inventory_opens_the_bastion_too() -> None:
    chosen = settings(host_keys="known_hosts", variables={"ansible_ssh_private_key_file": "my key"})
    text = ssh_options(found(chosen, BASTION, MASTER)["master"], "", chosen)
    assert "HostKeyAlias" not in text
    assert shlex.split(shlex.split(text)[1].removeprefix("ProxyCommand="))[3:5] == ["-i", "my key"]


def test_without_a_bastion_nothing_changes() -> None:
    chosen = settings()
    host = found(chosen, MASTER)["master"]
    assert host.address == "203.0.113.10"
    assert ssh_options(host, KEYS, chosen) == f"-o HostKeyAlias=i-master {KEYS}"
