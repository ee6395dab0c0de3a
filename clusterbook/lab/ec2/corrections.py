"""Where moto is not like AWS, and the lab needs it to be. Each has a test that fails when moto does it itself."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from typing import Any

HEALTH_SECONDS = 1.0


def apply() -> None:
    """Change moto's classes in this process: that of the server alone."""
    _no_public_addresses()
    _groups_of_instances()
    _profiles_of_templates()
    _health_of_targets()


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


def _profiles_of_templates() -> None:
    """An instance of a launch template has the template's profile and metadata options, too."""
    from moto.ec2.models.instances import MetadataOptions

    def described(backend: Any, instance: Any, asked: Mapping[str, Any]) -> None:
        template = asked.get("launch_template")
        data = backend._get_template_from_args(template).data if template else {}
        if data.get("MetadataOptions") and not asked.get("metadata_options"):
            instance.metadata_options = MetadataOptions(data["MetadataOptions"])
        profile = data.get("IamInstanceProfile", {})
        if profile and not any(asked.get(f"iam_instance_profile_{kind}") for kind in ("name", "arn")):
            backend.associate_iam_instance_profile(
                instance.id, iam_instance_profile_name=profile.get("Name"),
                iam_instance_profile_arn=profile.get("Arn"),
            )  # fmt: skip

    _when_started(described)


def _when_started(change: Callable[[Any, Any, Mapping[str, Any]], None]) -> None:
    """Call change(EC2's backend, the instance, what was asked for) for each instance that is started."""
    from moto.ec2.models.instances import InstanceBackend

    original = InstanceBackend.run_instances

    def run_instances(self: Any, *arguments: Any, **keywords: Any) -> Any:
        reservation = original(self, *arguments, **keywords)
        for instance in reservation.instances:
            change(self, instance, keywords)
        return reservation

    setattr(InstanceBackend, "run_instances", run_instances)  # noqa: B010 (a method is replaced on purpose)


def _health_of_targets() -> None:
    """A target is healthy when something listens there; moto calls every running instance healthy."""
    from moto.elbv2.models import FakeTargetGroup

    original = FakeTargetGroup.health_for

    def health_for(self: Any, target: dict[str, Any], ec2_backend: Any) -> Any:
        status = original(self, target, ec2_backend)
        if status.status == "healthy":
            instance = ec2_backend.get_instance_by_id(target["Id"])
            port = int(target.get("Port") or self.port)
            if instance is None or not answers(instance.private_ip, port):
                status.status, status.reason = "unhealthy", "Target.FailedHealthChecks"
        return status

    setattr(FakeTargetGroup, "health_for", health_for)  # noqa: B010 (likewise)


def answers(address: str, port: int) -> bool:
    """Whether a TCP connection is taken."""
    try:
        with socket.create_connection((address, port), timeout=HEALTH_SECONDS):
            return True
    except OSError:
        return False
