"""Every kind of resource that a cluster is made of, and the order in which they go away."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from clusterbook.cloud.kinds.balancing import Listener, LoadBalancer, TargetGroup, TargetRegistration
from clusterbook.cloud.kinds.compute import Instance, KeyPair
from clusterbook.cloud.kinds.contract import Kind
from clusterbook.cloud.kinds.groups import AutoScalingGroup
from clusterbook.cloud.kinds.identity import InstanceProfile, Role
from clusterbook.cloud.kinds.names import PrivateZone
from clusterbook.cloud.kinds.network import InternetGateway, RouteTable, Subnet, Vpc
from clusterbook.cloud.kinds.reservations import AddressReservation
from clusterbook.cloud.kinds.security import SecurityGroup, SecurityGroupRules
from clusterbook.cloud.kinds.templates import LaunchTemplate
from clusterbook.cloud.kinds.translation import ElasticAddress, NatGateway

# Deleted in this order; kinds in one row do not hold each other back.
DELETION: tuple[tuple[Kind, ...], ...] = (
    (AutoScalingGroup(), TargetRegistration(), Listener()),
    (LoadBalancer(), Instance()),
    (TargetGroup(), SecurityGroupRules(), LaunchTemplate(), NatGateway(), AddressReservation()),
    (SecurityGroup(), RouteTable(), InstanceProfile(), KeyPair(), ElasticAddress(), PrivateZone()),
    (Subnet(), InternetGateway(), Role()),
    (Vpc(),),
)
KINDS: Mapping[str, Kind] = MappingProxyType({kind.NAME: kind for row in DELETION for kind in row})
