"""What Kubernetes' controllers made for a cluster, and who keeps a resource from being deleted."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from clusterbook.cloud.aws import Cloud, CloudError, filters, tags_of
from clusterbook.cloud.design import ROLE_TAG
from clusterbook.cloud.kinds.balancing import LoadBalancer, TargetGroup, tags_of_each
from clusterbook.cloud.kinds.contract import Kind
from clusterbook.cloud.kinds.network import remove
from clusterbook.cloud.kinds.security import SecurityGroup, SecurityGroupRules
from clusterbook.cloud.model import RESOURCE_TAG, Found, owner_tag

# Kind -> by which filter EC2 finds the network interfaces, and the security groups, that use one.
INTERFACES = {"Subnet": "subnet-id", "SecurityGroup": "group-id", "Vpc": "vpc-id"}
GROUPS = {"SecurityGroup": "ip-permission.group-id", "Vpc": "vpc-id"}
CLASSIC = "ClassicLoadBalancer"
# States of a volume.
FREE, ATTACHED = "available", "in-use"
# What a rule holds beside whom it lets in.
PORTS = ("IpProtocol", "FromPort", "ToPort")


def survey(cloud: Cloud) -> list[Found]:
    """Resources with the controllers' tag and without ours."""
    looks = (_balancers, _classic_balancers, _target_groups, _groups, _volumes)
    with ThreadPoolExecutor(len(looks)) as pool:
        lists = pool.map(lambda look: list(look(cloud)), looks)
        return [item for found in lists for item in found]


def delete(cloud: Cloud, found: Found) -> None:
    """Delete one of them."""
    kinds: dict[str, Kind] = {
        kind.NAME: kind for kind in (LoadBalancer(), TargetGroup(), SecurityGroup(), SecurityGroupRules())
    }
    if found.kind == "Volume":
        remove(cloud, "delete_volume", "InvalidVolume.NotFound", VolumeId=found.id)
    elif found.kind == CLASSIC:  # AWS says nothing of one that is gone already
        cloud.call("elb", "delete_load_balancer", LoadBalancerName=found.id)
    else:
        if found.kind == SecurityGroup.NAME:
            _forget(cloud, found.id)
        kinds[found.kind].delete(cloud, found)


def _forget(cloud: Cloud, group: str) -> None:
    """Take a group out of others' rules: the controller lets a balancer's group in where its targets are."""
    wanted = [{"Name": GROUPS["SecurityGroup"], "Values": [group]}]
    for item in cloud.pages("ec2", "describe_security_groups", "SecurityGroups", Filters=wanted):
        rules = [{**{name: rule[name] for name in PORTS if name in rule}, "UserIdGroupPairs": pairs}
                 for rule in item["IpPermissions"]
                 if (pairs := [pair for pair in rule["UserIdGroupPairs"] if pair.get("GroupId") == group])]  # fmt: skip
        if rules and item["GroupId"] != group:
            cloud.call("ec2", "revoke_security_group_ingress", GroupId=item["GroupId"], IpPermissions=rules)


def blockers(cloud: Cloud, found: Found) -> str:
    """Who still uses a subnet, a group or the VPC: network interfaces and security groups, in words; '' for none."""
    if found.kind not in INTERFACES:
        return ""
    try:
        return ", ".join([*_interfaces(cloud, found), *_groups_that_use(cloud, found)])
    except CloudError:
        return ""


def _interfaces(cloud: Cloud, found: Found) -> Iterator[str]:
    wanted = filters(**{INTERFACES[found.kind]: found.id})
    for item in cloud.pages("ec2", "describe_network_interfaces", "NetworkInterfaces", Filters=wanted):
        what = item.get("Description") or item.get("Attachment", {}).get("InstanceId") or "no description"
        owner = item.get("RequesterId") or item.get("OwnerId") or "unknown"
        yield f"network interface {item['NetworkInterfaceId']} ({what}, of {owner})"


def _groups_that_use(cloud: Cloud, found: Found) -> Iterator[str]:
    """Groups whose rules name the group, or that are in the VPC; each VPC has one that goes with it."""
    if found.kind not in GROUPS:
        return
    wanted = [{"Name": GROUPS[found.kind], "Values": [found.id]}]
    for item in cloud.pages("ec2", "describe_security_groups", "SecurityGroups", Filters=wanted):
        if item["GroupId"] != found.id and item["GroupName"] != "default":
            yield f"security group {item['GroupId']} ({item['GroupName']}, of {item['OwnerId']})"


def _balancers(cloud: Cloud) -> Iterator[Found]:
    arns = {item["LoadBalancerArn"]: item for item in
            cloud.pages("elbv2", "describe_load_balancers", "LoadBalancers")}  # fmt: skip
    for arn in _owned(cloud, list(arns)):
        yield Found("LoadBalancer", arns[arn]["LoadBalancerName"], arn)


def _classic_balancers(cloud: Cloud) -> Iterator[Found]:
    """What a Service without an annotation of its own gets."""
    pages = cloud.pages("elb", "describe_load_balancers", "LoadBalancerDescriptions")
    names = [str(item["LoadBalancerName"]) for item in pages]
    for name, tags in tags_of_each(cloud, names, "elb", "LoadBalancerName"):
        if tags.get(owner_tag(cloud.cluster)) == "owned":
            yield Found(CLASSIC, name, name)


def _target_groups(cloud: Cloud) -> Iterator[Found]:
    arns = {item["TargetGroupArn"]: item for item in
            cloud.pages("elbv2", "describe_target_groups", "TargetGroups")}  # fmt: skip
    for arn in _owned(cloud, list(arns)):
        yield Found("TargetGroup", arns[arn]["TargetGroupName"], arn)


def _owned(cloud: Cloud, arns: list[str]) -> Iterator[str]:
    for arn, tags in tags_of_each(cloud, arns):
        if tags.get(owner_tag(cloud.cluster)) == "owned" and RESOURCE_TAG not in tags:
            yield arn


def _groups(cloud: Cloud) -> Iterator[Found]:
    wanted = filters(**{f"tag:{owner_tag(cloud.cluster)}": "owned"})
    for item in cloud.pages("ec2", "describe_security_groups", "SecurityGroups", Filters=wanted):
        if RESOURCE_TAG not in tags_of(item):
            yield Found("SecurityGroup", item["GroupName"], item["GroupId"])


def _volumes(cloud: Cloud) -> Iterator[Found]:
    """Free ones, and those of pods that run. A worker's own disk has the tags of its template and goes with it."""
    wanted = [*filters(**{f"tag:{owner_tag(cloud.cluster)}": "owned"}), {"Name": "status", "Values": [FREE, ATTACHED]}]
    for item in cloud.pages("ec2", "describe_volumes", "Volumes", Filters=wanted):
        tags = tags_of(item)
        if RESOURCE_TAG not in tags and not (item["State"] == ATTACHED and ROLE_TAG in tags):
            yield Found("Volume", tags.get("Name", ""), item["VolumeId"])
