"""Every worker reaches the API: the way that its variables choose is one that the planned groups admit on AWS."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from clusterbook import source
from clusterbook.cloud.design import wanted
from clusterbook.cloud.layout import Design, control_planes, subnets
from clusterbook.cloud.model import Ref, Wanted
from clusterbook.cluster import spec
from clusterbook.language.environment import Expressions
from clusterbook.language.scope import Scope

ROOT = Path(__file__).parents[3]
VARIABLES = ("roles/api_endpoint/defaults/main.yml", "inventory/group_vars/all.yml")
NAME = "demo.k8s.local"
BALANCER = "api-demo.elb.us-east-2.amazonaws.com"
TEXT = f"cluster_name: {NAME}\naws:\n  zones: [us-east-2a, us-east-2b]\n  control_plane: {{count: 3}}\n"
BASTION = "  bastion: {}\n  ssh_access_cidrs: [203.0.113.0/24]\n"
EXISTING = "  vpc_id: vpc-0123456789abcdef0\n"
FORMS = {
    "default": "", "nat": "  nat: each_zone\n", "one gateway": "  nat: one\n", "bastion": BASTION,
    "private and bastion": f"  nat: one\n{BASTION}", "existing vpc": f"{EXISTING}  vpc_cidr: 10.20.0.0/18\n",
    "private zone": "  private_zone: demo.internal\n",
    "private zone, nat": "  nat: one\n  private_zone: demo.internal\n",
    "internal": "  api_scheme: internal\n", "internal, nat": "  api_scheme: internal\n  nat: each_zone\n",
    "internal in an existing vpc": f"{EXISTING}  api_scheme: internal\n",
}  # fmt: skip
# As (security group of who is asked, or '' for the balancer's public addresses; port).
Way = tuple[str, int]


def design(text: str) -> Design:
    return Design(NAME, spec.parse(text, "cluster.yaml").complete, "ami-0123456789abcdef0")


def ways(made: Design, mode: str = "") -> Iterator[Way]:
    """Where a worker's requests go, by inventory/group_vars/all.yml and the proxy's configuration."""
    planes = {name: {"node_address": address} for name, _, address in control_planes(made)}
    known = {**made.complete, "api_address": BALANCER, "ansible_host": "10.20.40.7", "inventory_hostname": "worker",
             "group_names": ["worker"], "groups": {"control_plane": list(planes), "etcd": list(planes)},
             "hostvars": planes, "aws_instance": {}, "ansible_managed": ""}  # fmt: skip
    if mode:
        known["api_endpoint_mode"] = mode
    role, written = (source.load_text((ROOT / file).read_text(), file) for file in VARIABLES)
    scope = Scope([role, written, known], Expressions({}), lambda name: "")
    asked = urlsplit(scope.resolve("node_api_url"))
    assert asked.hostname and asked.port
    if asked.hostname == "127.0.0.1":
        template = (ROOT / "roles/api_endpoint/templates/haproxy.cfg.j2").read_text()
        lines = Expressions({}, {"trim_blocks": True}).text(template, scope.resolve).splitlines()
        assert f"    bind 127.0.0.1:{asked.port}" in lines
        targets = [line.split()[2].split(":") for line in lines if line.strip().startswith("server ")]
        assert len(targets) == 3
        yield from ((_of_address(made, address), int(port)) for address, port in targets)
    elif asked.hostname == BALANCER:
        yield "api-elb" if made.aws["api_scheme"] == "internal" else "", asked.port
    else:
        (zone,) = [item for item in wanted(made) if item.kind == "PrivateZone"]
        addresses = [address for name, address in zone.fields["records"] if name == asked.hostname]
        assert len(addresses) == 3
        yield from ((_of_address(made, address), asked.port) for address in addresses)


def _of_address(made: Design, address: str) -> str:
    assert address in {address for _, _, address in control_planes(made)}
    return "masters"


def admitted(made: Design, way: Way) -> bool:
    """Whether workers of every zone get in: by their group, or by the range that their private addresses are in."""
    part, port = way
    if not part:  # from public addresses, which EC2 chooses: only a rule for everybody surely admits them
        return any(rule[3] == "0.0.0.0/0" for rule in _rules(wanted(made), "api-elb"))
    rules = _rules(wanted(made), part)
    places = subnets(made).values()
    return any(
        protocol == "tcp" and first <= port <= last and (
            sender == made.group("nodes") if isinstance(sender, Ref)
            else all(place.subnet_of(ipaddress.IPv4Network(sender)) for place in places))
        for protocol, first, last, sender in rules
    )  # fmt: skip


def _rules(found: tuple[Wanted, ...], part: str) -> list[Any]:
    resources: Mapping[str, Wanted] = {item.key: item for item in found}
    rules: list[Any] = resources[f"SecurityGroupRules/{part}.{NAME}"].fields["rules"]
    return rules


@pytest.mark.parametrize("form", FORMS)
def test_a_worker_reaches_the_api_by_addresses_that_groups_admit(form: str) -> None:
    made = design(TEXT + FORMS[form])
    found = list(ways(made))
    assert found and all(admitted(made, way) for way in found), found


@pytest.mark.parametrize("form", ["default", "nat", "private and bastion", "existing vpc"])
def test_the_internet_facing_balancer_would_leave_workers_outside(form: str) -> None:
    made = design(TEXT + FORMS[form])
    assert not any(admitted(made, way) for way in ways(made, "external"))


def test_a_worker_that_joins_by_itself_asks_where_its_group_is_admitted() -> None:
    made = design(TEXT)
    assert admitted(made, ("masters", made.complete["api_server_port"]))
