"""Where moto is not like AWS, and the lab needs it to be. Each has a test that fails when moto does it itself."""

from __future__ import annotations

import datetime
import http.client
import socket
import ssl
import zlib
from collections.abc import Callable, Mapping
from typing import Any

HEALTH_SECONDS = 1.0
# A token of ECR is good for so long.
TOKEN_HOURS = 12


def apply() -> None:
    """Change moto's classes in this process: that of the server alone."""
    _no_public_addresses()
    _groups_of_instances()
    _interfaces_of_instances()
    _freed_addresses()
    tags_of_reservations()
    _profiles_of_templates()
    _user_data_of_versions()
    _health_of_targets()
    _names_of_balancers()
    _target_groups_of_balancers()
    _classic_balancers()
    _topology()
    _tokens_of_ecr()


def _no_public_addresses() -> None:
    """Public addresses of moto are made up and belong to somebody: hosts of the lab have private ones alone."""
    from moto.ec2.models import elastic_network_interfaces

    vars(elastic_network_interfaces)["random_public_ip"] = lambda: None


def _groups_of_instances() -> None:
    """AWS shows an instance's security groups also when they were given with its network interface."""

    def groups(backend: Any, instance: Any, asked: Mapping[str, Any]) -> None:
        if not instance.security_groups and instance.nics:
            instance.security_groups = list(instance.nics[0].group_set)

    _when_started(groups)


def _interfaces_of_instances() -> None:
    """An interface that was made with its instance goes with it, and its address is free again."""

    def going(backend: Any, instance: Any, asked: Mapping[str, Any]) -> None:
        given = {int(one["DeviceIndex"]): one for one in asked.get("nics") or ()}
        for number, interface in instance.nics.items():
            one = given.get(number, {})
            if "NetworkInterfaceId" not in one and one.get("DeleteOnTermination") is not False:
                interface.delete_on_termination = True

    _when_started(going)


def _freed_addresses() -> None:
    """A freed address is there for who asks for it; another instance is not given it at once, with its node's name.

    moto hands it on at once, also out of a range that is reserved, and heeds reservations for all others.
    """
    from moto.ec2.models.subnets import Subnet

    def del_subnet_ip(self: Any, ip: str) -> None:
        self._subnet_ips.pop(ip, None)

    setattr(Subnet, "del_subnet_ip", del_subnet_ip)  # noqa: B010 (a method is replaced on purpose)


def tags_of_reservations() -> None:
    """A reservation of a subnet's addresses has the tags that it was made with: moto forgets them."""
    from moto.ec2.models.subnets import Subnet

    original = Subnet.create_cidr_reservation

    def create_cidr_reservation(self: Any, kind: Any, cidr: Any, tags: Any = None) -> Any:
        made = original(self, kind, cidr, tags)
        made.add_tags({tag["Key"]: tag["Value"] for one in tags or () for tag in one["Tags"]})
        return made

    setattr(Subnet, "create_cidr_reservation", create_cidr_reservation)  # noqa: B010 (likewise)


def _profiles_of_templates() -> None:
    """An instance of a launch template has the template's profile, metadata options and security groups, too."""
    from moto.ec2.models.instances import MetadataOptions

    def described(backend: Any, instance: Any, asked: Mapping[str, Any]) -> None:
        template = asked.get("launch_template")
        data = backend._get_template_from_args(template).data if template else {}
        if data.get("MetadataOptions") and not asked.get("metadata_options"):
            instance.metadata_options = MetadataOptions(data["MetadataOptions"])
        groups = [backend.get_security_group_from_id(one) for interface in data.get("NetworkInterfaces", ())
                  for one in interface.get("Groups", ())]  # fmt: skip
        if groups:
            instance.security_groups = groups
            vars(instance.nics[0])["_group_set"] = list(groups)
        profile = data.get("IamInstanceProfile", {})
        if profile and not any(asked.get(f"iam_instance_profile_{kind}") for kind in ("name", "arn")):
            backend.associate_iam_instance_profile(
                instance.id, iam_instance_profile_name=profile.get("Name"),
                iam_instance_profile_arn=profile.get("Arn"),
            )  # fmt: skip

    _when_started(described)


def _user_data_of_versions() -> None:
    """A later version of a launch template may have user data as the first one; moto's groups then make no instance."""
    from moto.ec2.models.launch_templates import LaunchTemplateVersion
    from moto.ec2.utils import parse_user_data

    def user_data(self: Any) -> Any:
        found = self.data.get("UserData")
        return parse_user_data(found) if type(found) is str else found

    setattr(LaunchTemplateVersion, "user_data", property(user_data))  # noqa: B010 (likewise)


def _when_started(change: Callable[[Any, Any, Mapping[str, Any]], None]) -> None:
    """Call change(EC2's backend, the instance, what was asked for) for each instance that is started."""
    from moto.ec2.models.instances import InstanceBackend

    original = InstanceBackend.run_instances

    def run_instances(self: Any, *arguments: Any, **keywords: Any) -> Any:
        reservation = original(self, *arguments, **keywords)
        for instance in reservation.instances:
            change(self, instance, keywords)
        return reservation

    setattr(InstanceBackend, "run_instances", run_instances)  # noqa: B010 (likewise)


def _health_of_targets() -> None:
    """A target is healthy when it passes its group's health check; moto calls every running instance healthy."""
    from moto.elbv2.models import FakeTargetGroup

    original = FakeTargetGroup.health_for

    def health_for(self: Any, target: dict[str, Any], ec2_backend: Any) -> Any:
        status = original(self, target, ec2_backend)
        if status.status == "healthy":
            instance = ec2_backend.get_instance_by_id(target["Id"])
            own = self.health_check_port in (None, "traffic-port")
            port = int((target.get("Port") or self.port) if own else self.health_check_port)
            if instance is None or not passes(self.health_check_protocol, instance.private_ip, port,
                                              self.health_check_path or "/"):  # fmt: skip
                status.status, status.reason = "unhealthy", "Target.FailedHealthChecks"
        return status

    setattr(FakeTargetGroup, "health_for", health_for)  # noqa: B010 (likewise)


def _names_of_balancers() -> None:
    """A network load balancer is NAME-ID.elb.REGION.…; by `.elb.` the cloud controller knows it from a classic one."""
    from moto.elbv2.models import ELBv2Backend

    original = ELBv2Backend.create_load_balancer

    def create_load_balancer(self: Any, *arguments: Any, **keywords: Any) -> Any:
        balancer = original(self, *arguments, **keywords)
        if balancer.type == "network":
            number = balancer.arn.rpartition("/")[2]
            balancer.dns_name = f"{balancer.name}-{number}.elb.{self.region_name}.amazonaws.com"
        return balancer

    setattr(ELBv2Backend, "create_load_balancer", create_load_balancer)  # noqa: B010 (likewise)


def _target_groups_of_balancers() -> None:
    """A load balancer's target groups are those of its listeners; none is no error, and a changed listener counts."""
    from moto.elbv2.models import ELBv2Backend

    original = ELBv2Backend.describe_target_groups

    def describe_target_groups(self: Any, load_balancer_arn: str | None, *rest: Any, **keywords: Any) -> Any:
        balancer = self.load_balancers.get(load_balancer_arn)
        if balancer is None:
            return original(self, load_balancer_arn, *rest, **keywords)
        actions = [action for listener in balancer.listeners.values() for action in listener.default_actions]
        arns = {action.data.get("TargetGroupArn") for action in actions}
        return [group for arn, group in sorted(self.target_groups.items()) if arn in arns]

    setattr(ELBv2Backend, "describe_target_groups", describe_target_groups)  # noqa: B010 (likewise)


def _classic_balancers() -> None:
    """A classic load balancer has its region's name and a health check from the start: the cloud controller reads both.

    Its defaults: the guide of classic load balancers, "Configure health checks".
    """
    from moto.elb.models import ELBBackend, FakeHealthCheck

    original = ELBBackend.create_load_balancer

    def create_load_balancer(self: Any, *arguments: Any, **keywords: Any) -> Any:
        balancer = original(self, *arguments, **keywords)
        number = zlib.crc32(balancer.name.encode())
        balancer.dns_name = f"{balancer.name}-{number}.{self.region_name}.elb.amazonaws.com"
        port = balancer.listeners[0].instance_port
        balancer.health_check = FakeHealthCheck(timeout="5", healthy_threshold="10", unhealthy_threshold="2",
                                                interval="30", target=f"TCP:{port}")  # fmt: skip
        return balancer

    setattr(ELBBackend, "create_load_balancer", create_load_balancer)  # noqa: B010 (likewise)


def _topology() -> None:
    """DescribeInstanceTopology knows few types of instances on AWS, too: of the lab's it knows none."""
    from moto.core.responses import ActionResult
    from moto.ec2.responses import EC2Response

    def describe_instance_topology(self: Any) -> Any:
        return ActionResult({"Instances": []})

    setattr(EC2Response, "describe_instance_topology", describe_instance_topology)  # noqa: B010 (likewise)


def _tokens_of_ecr() -> None:
    """Tokens of moto's ECR ended years ago, so that a kubelet would ask for one with each image."""
    from moto.ecr.responses import ECRResponse

    original = ECRResponse.get_authorization_token

    def get_authorization_token(self: Any) -> Any:
        answer = original(self)
        until = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=TOKEN_HOURS)
        for one in vars(answer)["_result"]["authorizationData"]:
            one["expiresAt"] = until
        return answer

    setattr(ECRResponse, "get_authorization_token", get_authorization_token)  # noqa: B010 (likewise)


def passes(protocol: str, address: str, port: int, path: str) -> bool:
    """Whether a health check is passed: a TCP connection is taken, or HTTP(S) answers with a status of 200 to 399.

    No certificate is checked: the guide of network load balancers, "Health checks for target groups".
    """
    if protocol not in ("HTTP", "HTTPS"):
        return answers(address, port)
    unchecked = ssl._create_unverified_context()  # noqa: S323
    connection = (
        http.client.HTTPSConnection(address, port, timeout=HEALTH_SECONDS, context=unchecked) if protocol == "HTTPS"
        else http.client.HTTPConnection(address, port, timeout=HEALTH_SECONDS)
    )  # fmt: skip
    try:
        connection.request("GET", path)
        return 200 <= connection.getresponse().status < 400
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def answers(address: str, port: int) -> bool:
    """Whether a TCP connection is taken."""
    try:
        with socket.create_connection((address, port), timeout=HEALTH_SECONDS):
            return True
    except OSError:
        return False
