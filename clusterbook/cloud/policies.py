"""Policy documents of IAM: what the hosts of a cluster may do, and no more.

A mutation is allowed on resources with the cluster's own tag alone (aws:ResourceTag), a creation only when it sets that
tag (aws:RequestTag). The tag is the one that the AWS cloud controller sets: kubernetes.io/cluster/NAME. The actions are
those that this controller and the ECR credential provider use.
"""

from __future__ import annotations

from typing import Any

from clusterbook.cloud.model import owner_tag

VERSION = "2012-10-17"
TRUST_EC2 = {
    "Version": VERSION,
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
READ_ECR = (
    "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetAuthorizationToken", "ecr:GetDownloadUrlForLayer"
)  # fmt: skip
DESCRIBE = (
    "autoscaling:DescribeAutoScalingGroups", "ec2:DescribeAvailabilityZones", "ec2:DescribeInstances",
    "ec2:DescribeInstanceTopology", "ec2:DescribeRegions", "ec2:DescribeRouteTables", "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets", "ec2:DescribeVolumes", "ec2:DescribeVpcs",
    "elasticloadbalancing:DescribeListeners", "elasticloadbalancing:DescribeLoadBalancerAttributes",
    "elasticloadbalancing:DescribeLoadBalancerPolicies", "elasticloadbalancing:DescribeLoadBalancers",
    "elasticloadbalancing:DescribeTags", "elasticloadbalancing:DescribeTargetGroupAttributes",
    "elasticloadbalancing:DescribeTargetGroups", "elasticloadbalancing:DescribeTargetHealth",
)  # fmt: skip
CREATE = (
    "ec2:CreateSecurityGroup", "elasticloadbalancing:CreateListener", "elasticloadbalancing:CreateLoadBalancer",
    "elasticloadbalancing:CreateTargetGroup",
)  # fmt: skip
CHANGE = (
    "ec2:AuthorizeSecurityGroupIngress", "ec2:CreateTags", "ec2:DeleteSecurityGroup", "ec2:DeleteTags",
    "ec2:ModifyInstanceAttribute", "ec2:RevokeSecurityGroupIngress", "elasticloadbalancing:AddTags",
    "elasticloadbalancing:ConfigureHealthCheck", "elasticloadbalancing:DeleteListener",
    "elasticloadbalancing:DeleteLoadBalancer", "elasticloadbalancing:DeleteTargetGroup",
    "elasticloadbalancing:DeregisterInstancesFromLoadBalancer", "elasticloadbalancing:DeregisterTargets",
    "elasticloadbalancing:ModifyListener", "elasticloadbalancing:ModifyLoadBalancerAttributes",
    "elasticloadbalancing:ModifyTargetGroup", "elasticloadbalancing:ModifyTargetGroupAttributes",
    "elasticloadbalancing:RegisterInstancesWithLoadBalancer", "elasticloadbalancing:RegisterTargets",
)  # fmt: skip


def control_plane(cluster: str) -> dict[str, Any]:
    """What control planes may do: the cloud controller's work on this cluster's own resources."""
    made = {f"aws:RequestTag/{owner_tag(cluster)}": "owned"}
    return _document(
        _allow(DESCRIBE),
        _allow(CREATE, {"StringEquals": made}),
        *(_allow((tag,), {"StringEquals": {**made, f"{tag.split(':')[0]}:CreateAction": _created(tag)}})
          for tag in ("ec2:CreateTags", "elasticloadbalancing:AddTags")),
        _allow(("ec2:CreateSecurityGroup",), resource="arn:*:ec2:*:*:vpc/*"),
        _allow(CHANGE, {"StringEquals": {f"aws:ResourceTag/{owner_tag(cluster)}": "owned"}}),
        _allow(READ_ECR),
    )


def node(cluster: str) -> dict[str, Any]:
    """What workers may do: know themselves and pull images."""
    return _document(_allow(("ec2:DescribeInstances", "ec2:DescribeRegions")), _allow(READ_ECR))


def _created(tag: str) -> list[str]:
    """Creations during which that tagging action may be used."""
    service = tag.partition(":")[0]
    return [action.split(":")[1] for action in CREATE if action.startswith(f"{service}:")]


def _document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": VERSION, "Statement": list(statements)}


def _allow(actions: tuple[str, ...], condition: Any = None, resource: str = "*") -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": resource}
    return {**statement, "Condition": condition} if condition else statement
