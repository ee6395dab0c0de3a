"""What AWS refuses and moto lets pass: requests that our order of making and deleting things must never need."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator
from typing import Any

# Its method -> the kind in EC2's words.
DELETIONS = {"delete_security_group": "security group", "delete_subnet": "subnet", "delete_vpc": "vpc"}
PUBLIC = "internet-facing"


def apply() -> None:
    """Change moto's classes in this process: that of the server alone."""
    _addresses()
    _security_groups_in_use()
    _subnets_in_use()
    _vpcs_in_use()
    _groups_with_instances()
    _unknown_targets()
    _balancers_of_one_name()


def _addresses() -> None:
    """An address that is taken, or in no subnet, is refused by a code; moto breaks off with HTTP 500."""
    from moto.ec2.exceptions import EC2ClientError
    from moto.ec2.models.subnets import Subnet

    original = Subnet.request_ip

    def request_ip(self: Any, ip: str, instance: Any) -> None:
        if ipaddress.ip_address(ip) not in self.cidr:
            raise EC2ClientError("InvalidParameterValue", f"Address {ip} does not fall within the subnet's range.")
        if ip in self._subnet_ips:
            raise EC2ClientError("InvalidIPAddress.InUse", f"Address {ip} is in use.")
        original(self, ip, instance)

    setattr(Subnet, "request_ip", request_ip)  # noqa: B010 (a method is replaced on purpose)


def _security_groups_in_use() -> None:
    """A group stays while an interface or a load balancer has it, or a rule of another group names it."""

    def users(backend: Any, group: str) -> Iterator[str]:
        for one in list(backend.enis.values()):
            yield from (one.id for each in one.group_set if each.id == group)
        for one in _balancers(backend):
            yield from (one.dns_name for each in one.security_groups if each == group)
        for one in backend.describe_security_groups():
            sources = [rule.source_group for rule in (*one.ingress_rules, *one.egress_rules)]
            yield from (one.id for each in sources if one.id != group and each.get("GroupId") == group)

    _unless_used("delete_security_group", "group_id", users)


def _subnets_in_use() -> None:
    """A subnet stays while an interface or a load balancer is in it."""

    def users(backend: Any, subnet: str) -> Iterator[str]:
        yield from (one.id for one in list(backend.enis.values()) if one.subnet.id == subnet)
        for one in _balancers(backend):
            yield from (one.dns_name for each in one.subnets if getattr(each, "id", each) == subnet)

    _unless_used("delete_subnet", "subnet_id", users)
    _interfaces_of_nat_gateways()


def _interfaces_of_nat_gateways() -> None:
    """A NAT gateway's interface goes with it."""
    from moto.ec2.models.nat_gateways import NatGatewayBackend

    original = NatGatewayBackend.delete_nat_gateway

    def delete_nat_gateway(self: Any, nat_gateway_id: str) -> Any:
        gateway = original(self, nat_gateway_id)
        self.enis.pop(gateway._eni.id, None)
        return gateway

    setattr(NatGatewayBackend, "delete_nat_gateway", delete_nat_gateway)  # noqa: B010 (likewise)


def _vpcs_in_use() -> None:
    """A VPC stays while it has a gateway, or a group beside its own."""

    def users(backend: Any, vpc: str) -> Iterator[str]:
        yield from (one.id for one in list(backend.internet_gateways.values()) if one.vpc and one.vpc.id == vpc)
        yield from (one.id for one in backend.describe_security_groups()
                    if one.vpc_id == vpc and one.name != "default")  # fmt: skip

    _unless_used("delete_vpc", "vpc_id", users)


def _unless_used(action: str, parameter: str, users: Callable[[Any, str], Iterator[str]]) -> None:
    """Refuse a deletion while there are users: users(EC2's backend, the resource's id) -> their names."""
    from moto.ec2.exceptions import DependencyViolationError
    from moto.ec2.models import EC2Backend

    original = getattr(EC2Backend, action)

    def delete(self: Any, *arguments: Any, **keywords: Any) -> Any:
        name = str(keywords.get(parameter) or (arguments[0] if arguments else ""))
        if next(users(self, name), None):
            raise DependencyViolationError(f"The {DELETIONS[action]} '{name}' has dependencies and cannot be deleted.")
        return original(self, *arguments, **keywords)

    setattr(EC2Backend, action, delete)


def _balancers(backend: Any) -> Iterator[Any]:
    """Load balancers of EC2's account and region, of both kinds."""
    from moto.elb.models import elb_backends
    from moto.elbv2.models import elbv2_backends

    for backends in (elb_backends, elbv2_backends):
        yield from list(backends[backend.account_id][backend.region_name].load_balancers.values())


def _groups_with_instances() -> None:
    """An auto scaling group with instances goes by force alone."""
    from moto.autoscaling.exceptions import AutoscalingClientError
    from moto.autoscaling.responses import AutoScalingResponse

    original = AutoScalingResponse.delete_auto_scaling_group

    def delete_auto_scaling_group(self: Any) -> Any:
        group = self.autoscaling_backend.autoscaling_groups.get(self._get_param("AutoScalingGroupName"))
        if group is not None and group.instance_states and not self._get_bool_param("ForceDelete"):
            raise AutoscalingClientError("ResourceInUse", "You cannot delete a group while there are instances in it.")
        return original(self)

    setattr(AutoScalingResponse, "delete_auto_scaling_group", delete_auto_scaling_group)  # noqa: B010 (likewise)


def _unknown_targets() -> None:
    """An instance that does not exist is no target; moto knows this of those alone that do not run."""
    from moto.elbv2.exceptions import InvalidTargetError
    from moto.elbv2.models import FakeTargetGroup

    original = FakeTargetGroup.register

    def register(self: Any, targets: list[dict[str, Any]]) -> None:
        if self.target_type == "instance" and not all(self.ec2_backend.get_instance_by_id(one["Id"])
                                                      for one in targets):  # fmt: skip
            raise InvalidTargetError()
        original(self, targets)

    setattr(FakeTargetGroup, "register", register)  # noqa: B010 (likewise)


def _balancers_of_one_name() -> None:
    """A name is one load balancer's: who asks for the same one again gets it, for another one an error."""
    from moto.elbv2.exceptions import DuplicateLoadBalancerName
    from moto.elbv2.models import ELBv2Backend

    original = ELBv2Backend.create_load_balancer

    def create_load_balancer(self: Any, *arguments: Any, **asked: Any) -> Any:
        for one in list(self.load_balancers.values()):
            if one.name == asked["name"]:
                if _balancer(one) != _asked_balancer(asked):
                    raise DuplicateLoadBalancerName()
                return one
        return original(self, *arguments, **asked)

    setattr(ELBv2Backend, "create_load_balancer", create_load_balancer)  # noqa: B010 (likewise)


def _balancer(one: Any) -> tuple[Any, ...]:
    """What makes two requests for a load balancer the same: its type, scheme, subnets and groups."""
    return one.type, one.scheme or PUBLIC, {subnet.id for subnet in one.subnets}, set(one.security_groups or ())


def _asked_balancer(asked: dict[str, Any]) -> tuple[Any, ...]:
    subnets = {*asked["subnet_ids"], *(one["SubnetId"] for one in asked.get("subnet_mappings") or ())}
    kind = asked.get("loadbalancer_type") or "application"
    return kind, asked.get("scheme") or PUBLIC, subnets, set(asked.get("security_groups") or ())
