"""Policy documents of IAM: what the hosts of a cluster may do, and no more.

A mutation is allowed on resources with the cluster's own tag alone (aws:ResourceTag), a creation only when it sets that
tag (aws:RequestTag). The tag is the one that the AWS cloud controller sets: kubernetes.io/cluster/NAME. The actions are
those that this controller and the ECR credential provider use.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from clusterbook.cloud.model import owner_tag
from clusterbook.cluster.joining import FOLDER, IDENTITY

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
    "elasticloadbalancing:ApplySecurityGroupsToLoadBalancer", "elasticloadbalancing:AttachLoadBalancerToSubnets",
    "elasticloadbalancing:ConfigureHealthCheck", "elasticloadbalancing:CreateLoadBalancerListeners",
    "elasticloadbalancing:CreateLoadBalancerPolicy", "elasticloadbalancing:DeleteListener",
    "elasticloadbalancing:DeleteLoadBalancer", "elasticloadbalancing:DeleteLoadBalancerListeners",
    "elasticloadbalancing:DeleteTargetGroup", "elasticloadbalancing:DeregisterInstancesFromLoadBalancer",
    "elasticloadbalancing:DeregisterTargets", "elasticloadbalancing:DetachLoadBalancerFromSubnets",
    "elasticloadbalancing:ModifyListener", "elasticloadbalancing:ModifyLoadBalancerAttributes",
    "elasticloadbalancing:ModifyTargetGroup", "elasticloadbalancing:ModifyTargetGroupAttributes",
    "elasticloadbalancing:RegisterInstancesWithLoadBalancer", "elasticloadbalancing:RegisterTargets",
    "elasticloadbalancing:SetLoadBalancerPoliciesForBackendServer",
    "elasticloadbalancing:SetLoadBalancerPoliciesOfListener", "elasticloadbalancing:SetSecurityGroups",
)  # fmt: skip


def control_plane(cluster: str, store: str = "", addons: Sequence[str] = ()) -> dict[str, Any]:
    """What control planes may do: the cloud controller's work on this cluster's own resources.

    store: its address; in one of S3 they may write what workers join by. addons: of cluster.yaml, which run there.
    """
    made = {f"aws:RequestTag/{owner_tag(cluster)}": "owned"}
    return _document(
        _allow(DESCRIBE),
        _allow(CREATE, {"StringEquals": made}),
        *(_allow((tag,), {"StringEquals": {**made, f"{tag.split(':')[0]}:CreateAction": _created(tag)}})
          for tag in ("ec2:CreateTags", "elasticloadbalancing:AddTags")),
        _allow(("ec2:CreateSecurityGroup",), resource="arn:*:ec2:*:*:vpc/*"),
        _allow(CHANGE, _owned(cluster)),
        _allow(READ_ECR),
        *(_allow(("s3:PutObject",), resource=f"{folder}{IDENTITY}*") for folder in _joining(cluster, store)),
        *(_volumes(cluster) if "ebs-csi-driver" in addons else ()),
        *(_scaling(cluster) if "cluster-autoscaler" in addons else ()),
    )


def node(cluster: str, store: str = "") -> dict[str, Any]:
    """What workers may do: know themselves, pull images, and read what they join by in a store of S3."""
    return _document(
        _allow(("ec2:DescribeInstances", "ec2:DescribeRegions")), _allow(READ_ECR),
        *(_allow(("s3:GetObject",), resource=f"{folder}*") for folder in _joining(cluster, store)),
    )


def _joining(cluster: str, store: str) -> list[str]:
    """The prefix of the store that is for hosts; none in a store elsewhere."""
    if not store.startswith("s3://"):
        return []
    return [f"arn:*:s3:::{store.removeprefix('s3://').rstrip('/')}/{cluster}/{FOLDER}/"]


def _volumes(cluster: str) -> list[dict[str, Any]]:
    """The EBS CSI driver: volumes with the cluster's tag, attached to its instances."""
    made = {f"aws:RequestTag/{owner_tag(cluster)}": "owned"}
    return [
        _allow(("ec2:DescribeInstanceTypes", "ec2:DescribeTags", "ec2:DescribeVolumeStatus",
                "ec2:DescribeVolumesModifications")),
        _allow(("ec2:CreateVolume",), {"StringEquals": made}, "arn:*:ec2:*:*:volume/*"),
        _allow(("ec2:CreateTags",), {"StringEquals": {**made, "ec2:CreateAction": ["CreateVolume"]}},
               "arn:*:ec2:*:*:volume/*"),
        _allow(("ec2:AttachVolume", "ec2:DeleteVolume", "ec2:DetachVolume", "ec2:ModifyVolume"), _owned(cluster)),
    ]  # fmt: skip


def _scaling(cluster: str) -> list[dict[str, Any]]:
    """The cluster autoscaler: the size of the cluster's own groups."""
    return [
        _allow(("autoscaling:DescribeAutoScalingInstances", "autoscaling:DescribeLaunchConfigurations",
                "autoscaling:DescribeScalingActivities", "autoscaling:DescribeTags", "ec2:DescribeImages",
                "ec2:DescribeInstanceTypes", "ec2:DescribeLaunchTemplateVersions",
                "ec2:GetInstanceTypesFromInstanceRequirements")),
        _allow(("autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"), _owned(cluster)),
    ]  # fmt: skip


def _owned(cluster: str) -> dict[str, Any]:
    return {"StringEquals": {f"aws:ResourceTag/{owner_tag(cluster)}": "owned"}}


def _created(tag: str) -> list[str]:
    """Creations during which that tagging action may be used."""
    service = tag.partition(":")[0]
    return [action.split(":")[1] for action in CREATE if action.startswith(f"{service}:")]


def _document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": VERSION, "Statement": list(statements)}


def _allow(actions: tuple[str, ...], condition: Any = None, resource: str = "*") -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": resource}
    return {**statement, "Condition": condition} if condition else statement
