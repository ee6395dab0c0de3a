"""Which questions AWS asks IAM for a request, after its service authorization reference: action, resources, tags."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tests.unit.cloud.evaluator import Asked, asked

ACCOUNT = "123456789012"
TYPES = {"vpc": "vpc", "subnet": "subnet", "sg": "security-group", "rtb": "route-table", "igw": "internet-gateway",
         "i": "instance", "lt": "launch-template", "vol": "volume", "ami": "image", "nat": "natgateway",
         "eipalloc": "elastic-ip", "eni": "network-interface", "rtbassoc": "", "scr": ""}  # fmt: skip
CREATED = {
    "CreateVpc": ("vpc",), "CreateSubnet": ("subnet",), "CreateInternetGateway": ("internet-gateway",),
    "CreateRouteTable": ("route-table",), "CreateSecurityGroup": ("security-group",), "ImportKeyPair": ("key-pair",),
    "CreateLaunchTemplate": ("launch-template",), "RunInstances": ("instance", "volume"),
    "AllocateAddress": ("elastic-ip",), "CreateNatGateway": ("natgateway",),
    "CreateSubnetCidrReservation": ("subnet-cidr-reservation",),
}  # fmt: skip
S3_ACTIONS = {
    "ListObjectsV2": "ListBucket", "HeadBucket": "ListBucket", "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "PutBucketEncryption": "PutEncryptionConfiguration", "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
}  # fmt: skip
# Of what a request names, AWS asks about this alone: a route's gateway may be anybody's.
ALONE = {"CreateRoute": ("RouteTableId",), "ReplaceRoute": ("RouteTableId",)}
# The reference names no resource and no tag for it.
UNHELD = ("DeleteSubnetCidrReservation",)
READS = ("Describe", "List", "Get", "Head")
_ID = re.compile(r"(vpc|subnet|sg|rtb|rtbassoc|igw|i|lt|vol|ami|nat|eipalloc|eni|scr)-[0-9a-f]{8,17}")


def is_read(operation: str) -> bool:
    """Whether a request changes nothing."""
    return operation.startswith(READS)


class Questions:
    """Turns requests into questions. clients: of somebody who may see every tag."""

    def __init__(self, clients: Any) -> None:
        """clients: service -> boto3's client."""
        self._clients = clients

    def of(self, service: str, operation: str, given: Mapping[str, Any]) -> list[Asked]:
        """All questions; each must be answered with yes."""
        return list(getattr(self, f"_{service}")(operation, given))

    def _sts(self, operation: str, given: Mapping[str, Any]) -> Iterator[Asked]:
        return iter(())  # GetCallerIdentity is allowed to everybody

    def _ec2(self, operation: str, given: Mapping[str, Any]) -> Iterator[Asked]:
        action = f"ec2:{operation}"
        if operation in UNHELD or (is_read(operation) and operation != "GetConsoleOutput"):
            yield asked(action)
            return
        yield from self._made(operation, given)
        named = {name: value for name, value in given.items()
                 if name != "LaunchTemplateData" and name in ALONE.get(operation, given)}  # fmt: skip
        for found in sorted(set(_ids(named))):
            if kind := TYPES[found.rpartition("-")[0]]:
                yield asked(action, f"arn:aws:ec2:us-east-2:{ACCOUNT}:{kind}/{found}", tags=self._ec2_tags(found))
        if "KeyName" in given and operation != "ImportKeyPair":
            key = f"arn:aws:ec2:us-east-2:{ACCOUNT}:key-pair/{given['KeyName']}"
            yield asked(action, key, tags=self._key_tags(given["KeyName"]))
        if "IamInstanceProfile" in given:
            yield self._pass(given["IamInstanceProfile"]["Name"])

    def _made(self, operation: str, given: Mapping[str, Any]) -> Iterator[Asked]:
        specifications = given.get("TagSpecifications", ())
        tags = {item["ResourceType"]: {tag["Key"]: tag["Value"] for tag in item["Tags"]} for item in specifications}
        for kind in CREATED.get(operation, ()):
            new = f"arn:aws:ec2:us-east-2:{ACCOUNT}:{kind}/new"
            yield asked(f"ec2:{operation}", new, tags.get(kind))
            if kind in tags:
                yield asked("ec2:CreateTags", new, tags[kind], ec2_CreateAction=operation)
        if operation == "RunInstances":
            yield asked("ec2:RunInstances", f"arn:aws:ec2:us-east-2:{ACCOUNT}:network-interface/new")

    def _autoscaling(self, operation: str, given: Mapping[str, Any]) -> Iterator[Asked]:
        if is_read(operation):
            yield asked(f"autoscaling:{operation}")
            return
        name = given["AutoScalingGroupName"]
        arn = f"arn:aws:autoscaling:us-east-2:{ACCOUNT}:autoScalingGroup:0000:autoScalingGroupName/{name}"
        request = {tag["Key"]: tag["Value"] for tag in given.get("Tags", ())}
        answer = self._clients["autoscaling"].describe_auto_scaling_groups(AutoScalingGroupNames=[name])
        there = {tag["Key"]: tag["Value"] for group in answer["AutoScalingGroups"] for tag in group["Tags"]}
        yield asked(f"autoscaling:{operation}", arn, request, there)
        mixed = given.get("MixedInstancesPolicy", {}).get("LaunchTemplate", {})
        if template := given.get("LaunchTemplate") or mixed.get("LaunchTemplateSpecification"):
            yield from self._launched(template["LaunchTemplateId"], given.get("VPCZoneIdentifier", ""))

    def _launched(self, template: str, subnets: str) -> Iterator[Asked]:
        """What a group starts is asked of who makes the group."""
        answer = self._clients["ec2"].describe_launch_template_versions(
            LaunchTemplateId=template, Versions=["$Default"]
        )
        data = answer["LaunchTemplateVersions"][0]["LaunchTemplateData"]
        named = {**data, "SubnetIds": subnets.split(","), "LaunchTemplateId": template}
        yield from self._ec2("RunInstances", named)

    def _elbv2(self, operation: str, given: Mapping[str, Any]) -> Iterator[Asked]:
        action = f"elasticloadbalancing:{operation}"
        if is_read(operation):
            yield asked(action)
            return
        request = {tag["Key"]: tag["Value"] for tag in given.get("Tags", ())}
        kinds = {"CreateLoadBalancer": "loadbalancer/net/new", "CreateTargetGroup": "targetgroup/new"}
        if operation in kinds:
            arn = f"arn:aws:elasticloadbalancing:us-east-2:{ACCOUNT}:{kinds[operation]}"
            yield asked(action, arn, request)
        else:
            arn = next(given[key] for key in ("LoadBalancerArn", "ListenerArn", "TargetGroupArn") if key in given)
            yield asked(action, arn, request, self._elb_tags(arn))
        if request:
            context = {"elasticloadbalancing_CreateAction": operation}
            yield asked("elasticloadbalancing:AddTags", arn, request, **context)

    def _elb(self, operation: str, given: Mapping[str, Any]) -> Iterator[Asked]:
        """Classic load balancers: they are looked for and deleted."""
        action = f"elasticloadbalancing:{operation}"
        if is_read(operation):
            yield asked(action)
            return
        name = given["LoadBalancerName"]
        (item,) = self._clients["elb"].describe_tags(LoadBalancerNames=[name])["TagDescriptions"]
        tags = {tag["Key"]: tag["Value"] for tag in item["Tags"]}
        yield asked(action, f"arn:aws:elasticloadbalancing:us-east-2:{ACCOUNT}:loadbalancer/{name}", tags=tags)

    def _iam(self, operation: str, given: Mapping[str, Any]) -> Iterator[Asked]:
        action = f"iam:{operation}"
        if operation.startswith("List"):
            yield asked(action)
            return
        if "InstanceProfileName" in given:
            path = given.get("Path") or self._path("instance_profile", given["InstanceProfileName"])
            yield asked(action, f"arn:aws:iam::{ACCOUNT}:instance-profile{path}{given['InstanceProfileName']}")
            if operation == "AddRoleToInstanceProfile":
                yield self._pass_role(given["RoleName"])
        else:
            path = given.get("Path") or self._path("role", given["RoleName"])
            yield asked(action, f"arn:aws:iam::{ACCOUNT}:role{path}{given['RoleName']}")

    def _route53(self, operation: str, given: Mapping[str, Any]) -> Iterator[Asked]:
        yield asked(f"route53:{operation}", f"arn:aws:route53:::hostedzone/{given.get('Id', 'new')}")
        if operation == "CreateHostedZone":
            yield asked("ec2:DescribeVpcs")
            yield asked("route53:AssociateVPCWithHostedZone", "arn:aws:route53:::hostedzone/new")

    def _s3(self, operation: str, given: Mapping[str, Any]) -> Iterator[Asked]:
        action = f"s3:{S3_ACTIONS.get(operation, operation)}"
        bucket = f"arn:aws:s3:::{given['Bucket']}"
        if "Key" in given:
            yield asked(action, f"{bucket}/{given['Key']}")
            return
        context = {"s3_prefix": given["Prefix"]} if "Prefix" in given else {}
        yield asked(action, bucket, **context)
        if operation == "CreateBucket":
            yield asked("s3:PutBucketOwnershipControls", bucket)

    def _pass(self, profile: str) -> Asked:
        answer = self._clients["iam"].get_instance_profile(InstanceProfileName=profile)
        return self._pass_role(answer["InstanceProfile"]["Roles"][0]["RoleName"])

    def _pass_role(self, role: str) -> Asked:
        arn = f"arn:aws:iam::{ACCOUNT}:role{self._path('role', role)}{role}"
        return asked("iam:PassRole", arn, iam_PassedToService="ec2.amazonaws.com")

    def _path(self, kind: str, name: str) -> str:
        word = "".join(part.capitalize() for part in kind.split("_"))
        try:
            answer = getattr(self._clients["iam"], f"get_{kind}")(**{f"{word}Name": name})
        except self._clients["iam"].exceptions.NoSuchEntityException:
            return "/"
        return str(answer[word]["Path"])

    def _ec2_tags(self, found: str) -> dict[str, str]:
        filters = [{"Name": "resource-id", "Values": [found]}]
        return {tag["Key"]: tag["Value"] for tag in self._clients["ec2"].describe_tags(Filters=filters)["Tags"]}

    def _key_tags(self, name: str) -> dict[str, str]:
        pairs = self._clients["ec2"].describe_key_pairs(Filters=[{"Name": "key-name", "Values": [name]}])["KeyPairs"]
        return {tag["Key"]: tag["Value"] for pair in pairs for tag in pair["Tags"]}

    def _elb_tags(self, arn: str) -> dict[str, str]:
        answer = self._clients["elbv2"].describe_tags(ResourceArns=[arn])
        return {tag["Key"]: tag["Value"] for item in answer["TagDescriptions"] for tag in item["Tags"]}


def _ids(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if _ID.fullmatch(value):
            yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _ids(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _ids(item)
