"""Auto scaling groups: workers that come back by themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from clusterbook.cloud.aws import AGAIN, Cloud, CloudError, filters, now, pause, tags_of
from clusterbook.cloud.kinds.contract import ids, name_in_tags
from clusterbook.cloud.model import CLUSTER_TAG, Found, Wanted
from clusterbook.errors import Failed

# How long another activity of the group may hold its deletion back, and its instances may take to go.
DELETE_SECONDS = 60.0
GONE_SECONDS = 900.0


class AutoScalingGroup:
    """fields: template, subnets, minimum, maximum, count or initial_count, instance_types (in order, with commas; ''
    for the template's own on demand), on_demand_base, on_demand_percent."""

    NAME = "AutoScalingGroup"
    FIXED = frozenset[str]()

    def listing(self, cloud: Cloud) -> list[Found]:
        """See Kind."""
        wanted = filters(**{f"tag:{CLUSTER_TAG}": cloud.cluster})
        pages = cloud.pages("autoscaling", "describe_auto_scaling_groups", "AutoScalingGroups", Filters=wanted)
        found = []
        for item in pages:
            name = name_in_tags(self.NAME, tags_of(item))
            if name and item.get("Status") != "Delete in progress":
                found.append(Found(self.NAME, name, item["AutoScalingGroupName"], _fields(item)))
        return found

    def create(self, cloud: Cloud, wanted: Wanted, tags: Mapping[str, str]) -> Found:
        """See Kind."""
        arguments = {**_arguments(wanted), "Tags": [
            {"Key": name, "Value": value, "PropagateAtLaunch": False, "ResourceType": "auto-scaling-group",
             "ResourceId": wanted.name}
            for name, value in sorted(tags.items())
        ]}  # fmt: skip
        cloud.settle("autoscaling", "create_auto_scaling_group", **arguments)
        return Found(self.NAME, wanted.name, wanted.name, wanted.fields)

    def update(self, cloud: Cloud, wanted: Wanted, found: Found, changed: Sequence[str]) -> Found:
        """See Kind."""
        arguments = _arguments(wanted)
        if "count" not in wanted.fields:
            arguments.pop("DesiredCapacity")
        cloud.call("autoscaling", "update_auto_scaling_group", **arguments)
        return Found(self.NAME, found.name, found.id, wanted.fields)

    def delete(self, cloud: Cloud, found: Found) -> None:
        """See Kind. Returns when the group and its instances are gone."""
        try:
            cloud.patiently("autoscaling", "delete_auto_scaling_group", DELETE_SECONDS, AutoScalingGroupName=found.id,
                            ForceDelete=True)  # fmt: skip
        except CloudError as error:
            if "not found" not in error.message.lower():
                raise
        began = now()
        while _exists(cloud, found.id):
            waited = now() - began
            if waited > GONE_SECONDS or cloud.late:
                raise Failed(f"the group is still being deleted after {waited:.0f} s",
                             next_step=f"Look at its activities in EC2. {AGAIN}")  # fmt: skip
            pause(2)


def _exists(cloud: Cloud, name: str) -> bool:
    answer = cloud.call("autoscaling", "describe_auto_scaling_groups", AutoScalingGroupNames=[name])
    return bool(answer["AutoScalingGroups"])


def _arguments(wanted: Wanted) -> dict[str, Any]:
    fields = wanted.fields
    template = {"LaunchTemplateId": fields["template"], "Version": "$Default"}
    arguments: dict[str, Any] = {
        "AutoScalingGroupName": wanted.name, "MinSize": fields["minimum"], "MaxSize": fields["maximum"],
        "DesiredCapacity": fields.get("count", fields.get("initial_count")),
        "VPCZoneIdentifier": ",".join(sorted(ids(fields["subnets"]))),
    }  # fmt: skip
    if not fields["instance_types"]:
        return {**arguments, "LaunchTemplate": template}
    overrides = [{"InstanceType": name} for name in fields["instance_types"].split(",")]
    # On demand the first type that has capacity; of spot, pools with the most to spare, so that AWS takes fewer back.
    policy = {
        "LaunchTemplate": {"LaunchTemplateSpecification": template, "Overrides": overrides},
        "InstancesDistribution": {
            "OnDemandAllocationStrategy": "prioritized", "OnDemandBaseCapacity": fields["on_demand_base"],
            "OnDemandPercentageAboveBaseCapacity": fields["on_demand_percent"],
            "SpotAllocationStrategy": "price-capacity-optimized",
        },
    }  # fmt: skip
    return {**arguments, "MixedInstancesPolicy": policy}


def _fields(item: Mapping[str, Any]) -> dict[str, Any]:
    policy = item.get("MixedInstancesPolicy", {})
    mixed, bought = policy.get("LaunchTemplate", {}), policy.get("InstancesDistribution", {})
    template = item.get("LaunchTemplate") or mixed.get("LaunchTemplateSpecification", {})
    return {
        "template": template.get("LaunchTemplateId", ""),
        "subnets": [name for name in item.get("VPCZoneIdentifier", "").split(",") if name],
        "minimum": item["MinSize"], "maximum": item["MaxSize"], "count": item["DesiredCapacity"],
        "instance_types": ",".join(part["InstanceType"] for part in mixed.get("Overrides", ())),
        "on_demand_base": int(bought.get("OnDemandBaseCapacity", 0)),
        "on_demand_percent": int(bought.get("OnDemandPercentageAboveBaseCapacity", 100)),
    }  # fmt: skip
