"""What working with each kind of resource takes: IAM's actions, as AWS's service authorization reference names them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True)
class Permission:
    """look: reads, of which AWS can restrict none to a resource. make: action -> kinds of resource that it creates.

    inside: kinds that a creation names and that exist already. extend: actions that add a tagged part to one that
    carries the cluster's tag. change: actions on what carries it. unheld: changes that AWS can restrict to no resource.
    """

    look: tuple[str, ...] = ()
    make: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    inside: tuple[str, ...] = ()
    extend: tuple[str, ...] = ()
    change: tuple[str, ...] = ()
    unheld: tuple[str, ...] = ()


# IAM has no tags to go by in a creation of roles: they are held by their path (see operator_policy).
BY_KIND: Mapping[str, Permission] = MappingProxyType({
    "Vpc": Permission(
        ("ec2:DescribeVpcs", "ec2:DescribeVpcAttribute"), {"ec2:CreateVpc": ("vpc",)},
        change=("ec2:ModifyVpcAttribute", "ec2:DeleteVpc"),
    ),
    "Subnet": Permission(
        ("ec2:DescribeSubnets",), {"ec2:CreateSubnet": ("subnet",)}, ("vpc",),
        change=("ec2:ModifySubnetAttribute", "ec2:DeleteSubnet"),
    ),
    "AddressReservation": Permission(
        ("ec2:GetSubnetCidrReservations",), {"ec2:CreateSubnetCidrReservation": ("subnet-cidr-reservation",)},
        ("subnet",), unheld=("ec2:DeleteSubnetCidrReservation",),
    ),
    "InternetGateway": Permission(
        ("ec2:DescribeInternetGateways",), {"ec2:CreateInternetGateway": ("internet-gateway",)},
        change=("ec2:AttachInternetGateway", "ec2:DetachInternetGateway", "ec2:DeleteInternetGateway"),
    ),
    "RouteTable": Permission(
        ("ec2:DescribeRouteTables",), {"ec2:CreateRouteTable": ("route-table",)}, ("vpc",),
        change=("ec2:CreateRoute", "ec2:ReplaceRoute", "ec2:AssociateRouteTable", "ec2:DisassociateRouteTable",
         "ec2:ReplaceRouteTableAssociation", "ec2:DeleteRouteTable"),
    ),
    "SecurityGroup": Permission(
        ("ec2:DescribeSecurityGroups",), {"ec2:CreateSecurityGroup": ("security-group",)}, ("vpc",),
        change=("ec2:DeleteSecurityGroup",),
    ),
    "SecurityGroupRules": Permission(
        ("ec2:DescribeSecurityGroups",),
        change=("ec2:AuthorizeSecurityGroupIngress", "ec2:RevokeSecurityGroupIngress",
         "ec2:UpdateSecurityGroupRuleDescriptionsIngress"),
    ),
    "ElasticAddress": Permission(
        ("ec2:DescribeAddresses",), {"ec2:AllocateAddress": ("elastic-ip",)}, change=("ec2:ReleaseAddress",)
    ),
    "NatGateway": Permission(
        ("ec2:DescribeNatGateways",), {"ec2:CreateNatGateway": ("natgateway",)}, ("elastic-ip", "subnet"),
        change=("ec2:DeleteNatGateway",),
    ),
    # Route 53 knows no tags in conditions: see ON_ZONES.
    "PrivateZone": Permission(("route53:ListHostedZonesByName",)),
    # An existing VPC is looked at; what may be made in it says operator_policy.
    "SharedVpc": Permission(
        ("ec2:DescribeVpcs", "ec2:DescribeVpcAttribute", "ec2:DescribeInternetGateways"),
    ),
    "KeyPair": Permission(
        ("ec2:DescribeKeyPairs",), {"ec2:ImportKeyPair": ("key-pair",)}, change=("ec2:DeleteKeyPair",)
    ),
    "Instance": Permission(
        ("ec2:DescribeInstances", "ec2:DescribeImages", "ec2:DescribeNetworkInterfaces"),
        {"ec2:RunInstances": ("instance", "volume")}, ("key-pair", "security-group", "subnet"),
        change=("ec2:ModifyInstanceAttribute", "ec2:TerminateInstances", "ec2:GetConsoleOutput"),
    ),
    "LaunchTemplate": Permission(
        ("ec2:DescribeLaunchTemplates", "ec2:DescribeLaunchTemplateVersions"),
        {"ec2:CreateLaunchTemplate": ("launch-template",)},
        change=("ec2:CreateLaunchTemplateVersion", "ec2:ModifyLaunchTemplate", "ec2:DeleteLaunchTemplate"),
    ),
    # Who makes a group must be allowed to start what its template says.
    "AutoScalingGroup": Permission(
        ("autoscaling:DescribeAutoScalingGroups", "ec2:DescribeInstances"),
        {"autoscaling:CreateAutoScalingGroup": ("autoScalingGroup",), "ec2:RunInstances": ("instance", "volume")},
        ("key-pair", "launch-template", "security-group", "subnet"),
        change=("autoscaling:UpdateAutoScalingGroup", "autoscaling:DeleteAutoScalingGroup"),
    ),
    "LoadBalancer": Permission(
        ("elasticloadbalancing:DescribeLoadBalancers", "elasticloadbalancing:DescribeTags"),
        {"elasticloadbalancing:CreateLoadBalancer": ("loadbalancer",)},
        change=("elasticloadbalancing:SetSubnets", "elasticloadbalancing:SetSecurityGroups",
         "elasticloadbalancing:DeleteLoadBalancer"),
    ),
    "TargetGroup": Permission(
        ("elasticloadbalancing:DescribeTargetGroups", "elasticloadbalancing:DescribeTargetGroupAttributes",
         "elasticloadbalancing:DescribeTags"),
        {"elasticloadbalancing:CreateTargetGroup": ("targetgroup",)},
        change=("elasticloadbalancing:ModifyTargetGroup", "elasticloadbalancing:ModifyTargetGroupAttributes",
         "elasticloadbalancing:DeleteTargetGroup"),
    ),
    "Listener": Permission(
        ("elasticloadbalancing:DescribeListeners", "elasticloadbalancing:DescribeTags"),
        extend=("elasticloadbalancing:CreateListener",),
        change=("elasticloadbalancing:ModifyListener", "elasticloadbalancing:DeleteListener"),
    ),
    "TargetRegistration": Permission(
        ("elasticloadbalancing:DescribeTargetHealth",),
        change=("elasticloadbalancing:RegisterTargets", "elasticloadbalancing:DeregisterTargets"),
    ),
    "Role": Permission(("iam:ListRoles",)),
    "InstanceProfile": Permission(("iam:ListInstanceProfiles",)),
})  # fmt: skip
# What Kubernetes' controllers make, and delete-cluster deletes.
OF_CONTROLLERS = Permission(("ec2:DescribeVolumes",), change=("ec2:DeleteVolume",))
# On the roles and profiles below the cluster's path.
ON_ROLES = (
    "iam:CreateRole", "iam:DeleteRole", "iam:DeleteRolePolicy", "iam:GetRole", "iam:GetRolePolicy",
    "iam:PutRolePolicy", "iam:TagRole",
)  # fmt: skip
ON_PROFILES = (
    "iam:AddRoleToInstanceProfile", "iam:CreateInstanceProfile", "iam:DeleteInstanceProfile", "iam:GetInstanceProfile",
    "iam:RemoveRoleFromInstanceProfile", "iam:TagInstanceProfile",
)  # fmt: skip
ON_ZONES = (
    "route53:AssociateVPCWithHostedZone", "route53:ChangeResourceRecordSets", "route53:CreateHostedZone",
    "route53:DeleteHostedZone", "route53:GetHostedZone", "route53:ListResourceRecordSets",
)  # fmt: skip
# AWS makes these roles when an account first uses a service.
SERVICE_ROLES = ("autoscaling.amazonaws.com", "elasticloadbalancing.amazonaws.com", "spot.amazonaws.com")
ON_OBJECTS = ("s3:DeleteObject", "s3:GetObject", "s3:PutObject")
ON_BUCKET = (
    "s3:CreateBucket", "s3:GetBucketPolicy", "s3:GetBucketPublicAccessBlock", "s3:GetBucketVersioning",
    "s3:PutBucketOwnershipControls", "s3:PutBucketPolicy", "s3:PutBucketPublicAccessBlock", "s3:PutBucketVersioning",
    "s3:PutEncryptionConfiguration", "s3:PutLifecycleConfiguration",
)  # fmt: skip
