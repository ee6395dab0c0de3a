"""A cluster's whole way on the lab's EC2: one command, its operator's policies, a bastion, a private zone.

Run by `make full`.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from clusterbook.lab import record
from clusterbook.lab.ec2 import lifecycle
from tests.lab.account import (
    PAGE,
    Person,
    aws,
    hosts,
    page,
    person,
    push_page,
    ready_workers,
    terminate_a_worker,
    until,
)
from tests.lab.asking import as_root

pytestmark = pytest.mark.skipif("CLUSTERBOOK_FULL" not in os.environ, reason="a long form: make full")
NAME = "round.k8s.local"
ABOUT = ("--cluster", NAME)
ON_HOSTS = ("--inventory", "aws", *ABOUT)
ZONES = "us-east-2a,us-east-2b,us-east-2c"
# The API's name in the private zone, which hosts ask.
DOMAIN = "round.internal"
API = f"api.{DOMAIN}"
MASTER = "master-us-east-2b"
FALSE_SECONDS = 30
# Without network interfaces: moto keeps those of gateways and of groups' instances when these are gone.
CENSUS = {
    "ec2": [("describe_vpcs", "Vpcs", "VpcId"), ("describe_subnets", "Subnets", "SubnetId"),
            ("describe_internet_gateways", "InternetGateways", "InternetGatewayId"),
            ("describe_route_tables", "RouteTables", "RouteTableId"),
            ("describe_security_groups", "SecurityGroups", "GroupId"), ("describe_volumes", "Volumes", "VolumeId"),
            ("describe_addresses", "Addresses", "AllocationId"),
            ("describe_launch_templates", "LaunchTemplates", "LaunchTemplateId"),
            ("describe_key_pairs", "KeyPairs", "KeyPairId")],
    "elbv2": [("describe_load_balancers", "LoadBalancers", "LoadBalancerArn"),
              ("describe_target_groups", "TargetGroups", "TargetGroupArn")],
    "autoscaling": [("describe_auto_scaling_groups", "AutoScalingGroups", "AutoScalingGroupName")],
    "iam": [("list_roles", "Roles", "RoleName"),
            ("list_instance_profiles", "InstanceProfiles", "InstanceProfileName")],
    "route53": [("list_hosted_zones", "HostedZones", "Id")],
}  # fmt: skip


def test_a_cluster_behind_a_bastion_comes_by_one_command_loses_a_worker_and_goes(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    with person(home) as run:
        with told("operator"):
            becomes_operator(run)
        before = everything()
        with told("cluster"):
            raised(run)
        with told("bastion"):
            reached_through_the_bastion_alone(run)
        with told("application"):
            address = deployed(run)
        with told("worker"):
            lost_and_replaced(run)
        with told("looks"):
            looked_at(run)
            found_by_its_name(run)
        with told("nothing to do"):
            raised_again(run)
            assert page(address).startswith("page-")
        with told("nothing"):
            gone(run, before)


@contextmanager
def told(what: str) -> Iterator[None]:
    """Says how long a part took."""
    started = time.monotonic()
    yield
    print(f"## {what}: {time.monotonic() - started:.0f} s", flush=True)


def becomes_operator(run: Person) -> None:
    """From here on IAM decides, and the person's key is the operator's."""
    credentials = re.findall(r"AWS_SHARED_CREDENTIALS_FILE=(\S+)", run("iam", NAME, "--yes"))[0]
    run.becomes(credentials)
    address = f"{run.environment['AWS_ENDPOINT_URL']}/moto-api/reset-auth"
    asked = urllib.request.Request(address, b"0", {"Content-Type": "text/plain"})
    urllib.request.urlopen(asked, timeout=60).close()
    assert "is denied" in run("iam", "another", "--yes", expect=1, errors=True)


def raised(run: Person) -> None:
    """Three control planes, two workers and a bastion, from nothing to Kubernetes; no resource is left to make."""
    access = f"{record.read_spec(lifecycle.NAME).gateway}/32"
    count = ("--master-count", "3", "--node-count", "2")
    network = ("--nat", "one", "--bastion", "--private-zone", DOMAIN, "--access", access)
    said = run("up", NAME, "--zones", ZONES, *count, *network, "--yes", *variables())
    assert "6 hosts answer" in said and "Your cluster is up: 6 hosts" in said, said
    assert "Nothing to do" in run("update-cluster", NAME)


def variables() -> tuple[str, str]:
    """What says that hosts share this machine's kernel."""
    return "--extra-vars", f"@{lifecycle.variables_file(lifecycle.spec_of())}"


def instances() -> dict[str, str]:
    """Running ones with their private addresses."""
    state = [{"Name": "instance-state-name", "Values": ["running"]}]
    found = aws("ec2").describe_instances(Filters=state)["Reservations"]
    return {item["InstanceId"]: item["PrivateIpAddress"] for one in found for item in one["Instances"]}


def the_bastion() -> str:
    """Its instance."""
    wanted = [{"Name": "tag:clusterbook.io/role", "Values": ["bastion"]}]
    found: str = aws("ec2").describe_instances(Filters=wanted)["Reservations"][0]["Instances"][0]["InstanceId"]
    return found


def reached_through_the_bastion_alone(run: Person) -> None:
    """No host but the bastion takes a connection from here; through it all do, and a false one is noticed."""
    known, bastion = instances(), the_bastion()
    others = {name: address for name, address in known.items() if name != bastion}
    until(lambda: all(closed(address) for address in others.values()))
    assert not closed(known[bastion])
    assert run("ssh", MASTER, *ON_HOSTS, "--", "hostname").startswith("ip-10-20-")
    lines = Path(run.environment["XDG_STATE_HOME"], "clusterbook/aws/known_hosts").read_text().splitlines()
    assert {line.partition(" ")[0] for line in lines} == set(known)
    a_false_bastion_is_refused(run, bastion, known[bastion])


def closed(address: str) -> bool:
    """Whether ssh's port answers nothing at all, as behind AWS's groups."""
    try:
        socket.create_connection((address, 22), timeout=1).close()
    except TimeoutError:
        return True
    return False


def a_false_bastion_is_refused(run: Person, bastion: str, address: str) -> None:
    """Somebody else answers at its address for some seconds."""
    key, own = "/etc/ssh/ssh_host_ed25519_key", "/root/own"
    put = "for end in '' .pub; do cp {0}$end {1}$end; done; systemctl restart ssh"
    steps = (f"for end in '' .pub; do cp {key}$end {own}$end; done; ssh-keygen -q -t ed25519 -N '' -f /root/false; "
             f"{put.format('/root/false', key)}; sleep {FALSE_SECONDS}; {put.format(own, key)}")  # fmt: skip
    before = key_at(address)
    unit = f"systemd-run --quiet --no-block sh -c {shlex.quote(steps)}"
    as_root(record.read_spec(lifecycle.NAME), bastion, unit)
    until(lambda: key_at(address) not in ("", before), FALSE_SECONDS)
    assert "Host key verification failed" in run("ssh", MASTER, *ON_HOSTS, "--", "true", expect=255, errors=True)
    until(lambda: key_at(address) == before)
    run("ssh", MASTER, *ON_HOSTS, "--", "true")


def key_at(address: str) -> str:
    """The ssh host key shown there; '' while nobody answers."""
    asked = ["ssh-keyscan", "-T", "2", "-t", "ed25519", address]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()


def looked_at(run: Person) -> None:
    """Each command that only looks reaches all hosts, every login coming from the bastion or the lab's own hand.

    A worker that joined by itself is as provision would make it; the bastion is one more host and no node. What ran on
    the lost worker alone is waited for: until metrics-server is ready elsewhere, the doctor rightly says so.
    """
    run("plan", *ON_HOSTS, *variables())
    run("validate-cluster", *ON_HOSTS, "--wait", "5m")
    assert "nothing is wrong" in run("doctor", *ON_HOSTS)
    holders = {one["host"] for one in json.loads(run("certs", *ON_HOSTS, "--json"))["certificates"]}
    assert MASTER in holders and len(holders - {""}) == 5, holders
    seen = json.loads(run("status", *ON_HOSTS, "--json"))
    assert len(seen["hosts"]) == 6 and len(seen["nodes"]) == 5, seen
    node = str(seen["nodes"][0]["name"])
    assert run("ssh", node, *ON_HOSTS, "--", "hostname").strip() == node
    spec, bastion, known = record.read_spec(lifecycle.NAME), the_bastion(), instances()
    accepted = "journalctl --quiet --no-pager --output=cat | grep 'Accepted publickey'"
    for name in known:
        senders = set(re.findall(r" from (\S+) port", as_root(spec, name, accepted)))
        through = spec.gateway if name == bastion else known[bastion]
        assert senders == {spec.hand, through}, (name, senders)


def found_by_its_name(run: Person) -> None:
    """The zone leads to the control planes themselves; workers, the new one too, ask the API by that name alone."""
    zone, spec, workers = aws("route53"), record.read_spec(lifecycle.NAME), ready_workers(run, NAME)
    (found,) = zone.list_hosted_zones_by_name(DNSName=DOMAIN)["HostedZones"]
    sets = zone.list_resource_record_sets(HostedZoneId=found["Id"])["ResourceRecordSets"]
    addresses = {value["Value"] for one in sets if one["Name"] == f"{API}." for value in one["ResourceRecords"]}
    planes = {address for name, address in instances().items() if name not in workers and name != the_bastion()}
    assert addresses == planes and len(planes) == 3
    by_name = ("--server", f"https://{API}:6443", "get", "--raw", "/readyz")
    assert run("kubectl", *ABOUT, "--", *by_name) == "ok"
    ask = f"getent ahostsv4 {API} | cut -d' ' -f1 | sort -u | paste -sd, && " \
          "grep --no-filename --only-matching 'https://[^:]*:6443' /etc/kubernetes/*.conf | sort -u"  # fmt: skip
    for name in workers:
        assert as_root(spec, name, ask).splitlines() == [",".join(sorted(planes)), f"https://{API}:6443"], name


def raised_again(run: Person) -> None:
    """The same command finds nothing left to make."""
    said = run("up", NAME, "--yes", *variables())
    assert "Nothing to do" in said and "6 hosts answer" in said and "Your cluster is up: 6 hosts" in said, said


def deployed(run: Person) -> str:
    """The page, its image from ECR; the address of its load balancer, where it answers."""
    push_page()
    found = json.loads(run("deploy-app", "--name", "page", "--image", PAGE, "--target-port", "8080", "--external",
                           "--probe", "/hostname", "--args", "netexec --http-port=8080", "--json", *ABOUT))  # fmt: skip
    address: str = found["service"]["balancer"]
    until(lambda: page(address).startswith("page-"))
    return address


def lost_and_replaced(run: Person) -> None:
    """A worker is terminated; its group makes another one, which joins with nothing running here."""
    planes = hosts() - set(ready_workers(run, NAME))
    assert len(planes) == 4  # the bastion is one of them
    lost = terminate_a_worker()
    until(lambda: lost not in hosts() and len(hosts()) == 6)
    until(lambda: set(ready_workers(run, NAME)) == hosts() - planes, 420)


def gone(run: Person, before: set[str]) -> None:
    """Nothing is left of the cluster: no resource, no host, no object, and at last nobody who may work on it."""
    run("delete-cluster", NAME, expect=2)
    assert f"{NAME} is gone" in run("delete-cluster", NAME, "--yes")
    until(lambda: not hosts())
    assert sorted(everything() - before) == []
    assert aws("s3").list_objects_v2(Bucket="lab-state", Prefix=f"team/{NAME}/")["KeyCount"] == 0
    run.becomes("")
    run("iam", NAME, "--delete", "--yes")
    assert aws("iam").list_users()["Users"] == [] and aws("iam").list_groups()["Groups"] == []


def everything() -> set[str]:
    """Ids of all that is in the account: a census that asks nothing of clusterbook."""
    found: set[str] = set(instances())
    for service, lists in CENSUS.items():
        client: Any = aws(service)
        for operation, answer, key in lists:
            found |= {str(one[key]) for one in getattr(client, operation)()[answer]}
    gateways = aws("ec2").describe_nat_gateways()["NatGateways"]
    return found | {one["NatGatewayId"] for one in gateways if one["State"] != "deleted"}
