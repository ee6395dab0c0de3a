"""The network load balancer of the API, its listener, target group and targets."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from clusterbook.cloud.aws import Cloud, CloudError, tag_list, tags_of
from clusterbook.cloud.kinds.contract import ids, name_in_tags
from clusterbook.cloud.model import CLUSTER_TAG, Found, Wanted

# Names of load balancers and target groups: letters, digits and dashes, 32 at most.
MOST_LETTERS = 32
TAGS_AT_ONCE = 20
# A terminated instance is no target any more (InvalidTarget).
ABSENT = ("LoadBalancerNotFound", "ListenerNotFound", "TargetGroupNotFound", "InvalidTarget")
RELEASE_SECONDS = 300
CLIENT_ADDRESS = "preserve_client_ip.enabled"


def short_name(name: str) -> str:
    """A name that AWS takes, with a hash always, so that two long names never meet."""
    digest = hashlib.sha256(name.encode()).hexdigest()[:6]
    start = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")[: MOST_LETTERS - len(digest) - 1].rstrip("-")
    return f"{start}-{digest}"


class LoadBalancer:
    """fields: subnets, scheme, groups. attributes: dns.

    An internet-facing one is refused in a VPC whose internet gateway is not attached yet.
    """

    NAME = "LoadBalancer"
    FIXED = frozenset({"scheme"})

    def listing(self, cloud: Cloud) -> list[Found]:
        """See Kind."""
        items = {item["LoadBalancerArn"]: item
                 for item in cloud.pages("elbv2", "describe_load_balancers", "LoadBalancers")}  # fmt: skip
        found = []
        for arn, name in tagged(cloud, self.NAME, list(items)):
            item = items[arn]
            fields = {"subnets": [zone["SubnetId"] for zone in item["AvailabilityZones"]], "scheme": item["Scheme"],
                      "groups": item.get("SecurityGroups", [])}  # fmt: skip
            found.append(Found(self.NAME, name, arn, fields, {"dns": item["DNSName"]}))
        return found

    def create(self, cloud: Cloud, wanted: Wanted, tags: Mapping[str, str]) -> Found:
        """See Kind."""
        answer = cloud.settle(
            "elbv2", "create_load_balancer", Name=short_name(wanted.name), Type="network",
            Scheme=wanted.fields["scheme"], Subnets=sorted(ids(wanted.fields["subnets"])),
            SecurityGroups=ids(wanted.fields["groups"]), Tags=tag_list(tags),
        )  # fmt: skip
        item = answer["LoadBalancers"][0]
        return Found(self.NAME, wanted.name, item["LoadBalancerArn"], wanted.fields, {"dns": item["DNSName"]})

    def update(self, cloud: Cloud, wanted: Wanted, found: Found, changed: Sequence[str]) -> Found:
        """See Kind."""
        if "subnets" in changed:
            cloud.call("elbv2", "set_subnets", LoadBalancerArn=found.id, Subnets=ids(wanted.fields["subnets"]))
        if "groups" in changed:
            cloud.call(
                "elbv2", "set_security_groups", LoadBalancerArn=found.id, SecurityGroups=ids(wanted.fields["groups"])
            )
        return Found(self.NAME, found.name, found.id, wanted.fields, found.attributes)

    def delete(self, cloud: Cloud, found: Found) -> None:
        """See Kind."""
        drop(cloud, "delete_load_balancer", LoadBalancerArn=found.id)


class TargetGroup:
    """fields: vpc, port, health_path (asked by HTTPS), client_address (whether targets see who really asks)."""

    NAME = "TargetGroup"
    FIXED = frozenset({"vpc", "port"})

    def listing(self, cloud: Cloud) -> list[Found]:
        """See Kind."""
        items = {item["TargetGroupArn"]: item
                 for item in cloud.pages("elbv2", "describe_target_groups", "TargetGroups")}  # fmt: skip
        return [
            Found(self.NAME, name, arn, {"vpc": items[arn]["VpcId"], "port": items[arn]["Port"],
                                         "health_path": items[arn].get("HealthCheckPath", ""),
                                         "client_address": _client_address(cloud, arn)})
            for arn, name in tagged(cloud, self.NAME, list(items))
        ]  # fmt: skip

    def create(self, cloud: Cloud, wanted: Wanted, tags: Mapping[str, str]) -> Found:
        """See Kind."""
        answer = cloud.settle(
            "elbv2", "create_target_group", Name=short_name(wanted.name), Protocol="TCP", TargetType="instance",
            Port=wanted.fields["port"], VpcId=wanted.fields["vpc"], HealthCheckProtocol="HTTPS",
            HealthCheckPath=wanted.fields["health_path"], Tags=tag_list(tags),
            # A stopping API server says so for 20 s (roles/kube_apiserver): long enough to be noticed.
            HealthCheckIntervalSeconds=5, HealthCheckTimeoutSeconds=5, HealthyThresholdCount=2,
            UnhealthyThresholdCount=2,
        )  # fmt: skip
        arn = answer["TargetGroups"][0]["TargetGroupArn"]
        return self.update(cloud, wanted, Found(self.NAME, wanted.name, arn), ("client_address",))

    def update(self, cloud: Cloud, wanted: Wanted, found: Found, changed: Sequence[str]) -> Found:
        """See Kind."""
        if "client_address" in changed:
            wish = [{"Key": CLIENT_ADDRESS, "Value": str(bool(wanted.fields["client_address"])).lower()}]
            cloud.settle("elbv2", "modify_target_group_attributes", TargetGroupArn=found.id, Attributes=wish)
        if "health_path" in changed:
            path = wanted.fields["health_path"]
            cloud.call("elbv2", "modify_target_group", TargetGroupArn=found.id, HealthCheckPath=path)
        return Found(self.NAME, found.name, found.id, wanted.fields)

    def delete(self, cloud: Cloud, found: Found) -> None:
        """See Kind."""
        drop(cloud, "delete_target_group", TargetGroupArn=found.id)


class Listener:
    """fields: balancer, port, target."""

    NAME = "Listener"
    FIXED = frozenset({"balancer"})

    def listing(self, cloud: Cloud) -> list[Found]:
        """See Kind."""
        found = []
        for balancer in LoadBalancer().listing(cloud):
            items = {item["ListenerArn"]: item for item in cloud.pages(
                "elbv2", "describe_listeners", "Listeners", LoadBalancerArn=balancer.id)}  # fmt: skip
            for arn, name in tagged(cloud, self.NAME, list(items)):
                target = items[arn]["DefaultActions"][0].get("TargetGroupArn", "")
                fields = {"balancer": balancer.id, "port": items[arn]["Port"], "target": target}
                found.append(Found(self.NAME, name, arn, fields))
        return found

    def create(self, cloud: Cloud, wanted: Wanted, tags: Mapping[str, str]) -> Found:
        """See Kind."""
        answer = cloud.settle(
            "elbv2", "create_listener", LoadBalancerArn=wanted.fields["balancer"], Tags=tag_list(tags),
            **_listener(wanted.fields),
        )  # fmt: skip
        return Found(self.NAME, wanted.name, answer["Listeners"][0]["ListenerArn"], wanted.fields)

    def update(self, cloud: Cloud, wanted: Wanted, found: Found, changed: Sequence[str]) -> Found:
        """See Kind."""
        cloud.call("elbv2", "modify_listener", ListenerArn=found.id, **_listener(wanted.fields))
        return Found(self.NAME, found.name, found.id, wanted.fields)

    def delete(self, cloud: Cloud, found: Found) -> None:
        """See Kind."""
        drop(cloud, "delete_listener", ListenerArn=found.id)


class TargetRegistration:
    """fields: target (the group), instances. Its id is the group's."""

    NAME = "TargetRegistration"
    FIXED = frozenset({"target"})

    def listing(self, cloud: Cloud) -> list[Found]:
        """See Kind."""
        found = []
        for group in TargetGroup().listing(cloud):
            answer = cloud.call("elbv2", "describe_target_health", TargetGroupArn=group.id)
            instances = [item["Target"]["Id"] for item in answer["TargetHealthDescriptions"]]
            if instances:
                found.append(Found(self.NAME, group.name, group.id, {"target": group.id, "instances": instances}))
        return found

    def create(self, cloud: Cloud, wanted: Wanted, tags: Mapping[str, str]) -> Found:
        """See Kind."""
        group = str(wanted.fields["target"])
        return self.update(cloud, wanted, Found(self.NAME, wanted.name, group, {"instances": []}), ("instances",))

    def update(self, cloud: Cloud, wanted: Wanted, found: Found, changed: Sequence[str]) -> Found:
        """See Kind."""
        there, wished = set(found.fields["instances"]), set(ids(wanted.fields["instances"]))
        for instances, action in ((wished - there, "register_targets"), (there - wished, "deregister_targets")):
            if instances:
                targets = [{"Id": instance} for instance in sorted(instances)]
                # An instance that is still pending cannot be registered.
                cloud.settle("elbv2", action, TargetGroupArn=found.id, Targets=targets)
        return Found(self.NAME, found.name, found.id, wanted.fields)

    def delete(self, cloud: Cloud, found: Found) -> None:
        """See Kind."""
        targets = [{"Id": instance} for instance in found.fields["instances"]]
        drop(cloud, "deregister_targets", TargetGroupArn=found.id, Targets=targets)


def tagged(cloud: Cloud, kind: str, arns: Sequence[str]) -> Iterator[tuple[str, str]]:
    """(arn, name) of those that are the cluster's and of that kind."""
    for arn, tags in tags_of_each(cloud, arns):
        if tags.get(CLUSTER_TAG) == cloud.cluster and (name := name_in_tags(kind, tags)):
            yield arn, name


def tags_of_each(
    cloud: Cloud, names: Sequence[str], service: str = "elbv2", key: str = "ResourceArn"
) -> Iterator[tuple[str, dict[str, str]]]:
    """(name, tags) of resources of the whole account, without those that somebody deletes just now.

    AWS tells some at once, and none when one of them is gone. service: elbv2, whose names are ARNs, or elb.
    """
    asked = f"{key}s"
    for start in range(0, len(names), TAGS_AT_ONCE):
        part = list(names[start : start + TAGS_AT_ONCE])
        try:
            found = cloud.call(service, "describe_tags", **{asked: part})["TagDescriptions"]
        except CloudError as error:
            if error.code not in ABSENT:
                raise
            if len(part) > 1:
                for name in part:
                    yield from tags_of_each(cloud, [name], service, key)
            continue
        yield from ((str(item[key]), tags_of(item)) for item in found)


def drop(cloud: Cloud, action: str, **arguments: Any) -> None:
    """A deletion that waits while the resource is in use; that it is gone already is no error."""
    try:
        cloud.patiently("elbv2", action, RELEASE_SECONDS, **arguments)
    except CloudError as error:
        if error.code not in ABSENT:
            raise


def _client_address(cloud: Cloud, group: str) -> bool:
    answer = cloud.call("elbv2", "describe_target_group_attributes", TargetGroupArn=group)
    values = {one["Key"]: one["Value"] for one in answer["Attributes"]}
    return str(values.get(CLIENT_ADDRESS, "true")) == "true"


def _listener(fields: Mapping[str, Any]) -> dict[str, Any]:
    action = {"Type": "forward", "TargetGroupArn": fields["target"]}
    return {"Port": fields["port"], "Protocol": "TCP", "DefaultActions": [action]}
