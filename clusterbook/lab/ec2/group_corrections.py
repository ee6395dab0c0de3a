"""How auto scaling groups of AWS start instances: over zones, of their template's version, into target groups.

Such an instance has a private name of its own region, too; moto gives it one of us-east-1.
"""

from __future__ import annotations

from collections import Counter
from typing import Any


def apply() -> None:
    """Change moto's classes in this process: that of the server alone."""
    from moto.autoscaling.models import FakeAutoScalingGroup

    original = FakeAutoScalingGroup.replace_autoscaling_group_instances

    def replace(self: Any, count_needed: int, propagated_tags: dict[str, str]) -> None:
        if self.vpc_zone_identifier and self.ec2_launch_template:
            for _ in range(count_needed):
                _start_one(self, propagated_tags)
        else:
            original(self, count_needed, propagated_tags)
        if self.name in self.autoscaling_backend.autoscaling_groups:
            self.autoscaling_backend.update_attached_target_groups(self.name)

    setattr(FakeAutoScalingGroup, "replace_autoscaling_group_instances", replace)  # noqa: B010 (replaced on purpose)


def _start_one(group: Any, tags: dict[str, str]) -> None:
    """One more instance of a group, as moto starts it but for the subnet, the region and the template's version."""
    from moto.autoscaling.models import ASG_NAME_TAG, InstanceState

    template = {"LaunchTemplateId": group.ec2_launch_template.id, "Version": group.launch_template_version}
    reservation = group.ec2_backend.run_instances(
        group.image_id, 1, group.user_data, group.security_groups, instance_type=group.instance_type,
        tags={"instance": {**tags, ASG_NAME_TAG: group.name, **group.instance_tags}}, launch_template=template,
        is_instance_type_default=False, associate_public_ip=None, subnet_id=emptiest(group),
        region_name=group.region,
    )  # fmt: skip
    (instance,) = reservation.instances
    instance.autoscaling_group = group
    protected = group.new_instances_protected_from_scale_in
    group.instance_states.append(InstanceState(instance, protected_from_scale_in=protected))


def emptiest(group: Any) -> str:
    """The subnet with the fewest of the group's instances, the first of several."""
    members = Counter(one.instance.subnet_id for one in group.instance_states)
    subnets: list[str] = group.vpc_zone_identifier.split(",")
    return min(subnets, key=lambda subnet: members[subnet])
