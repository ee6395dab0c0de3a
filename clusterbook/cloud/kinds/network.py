"""VPC, subnets, internet gateway and route tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from clusterbook.cloud.aws import Cloud, CloudError, filters
from clusterbook.cloud.kinds.contract import ec2_listing, ids, specification
from clusterbook.cloud.model import Found, Wanted, client_token

# How long EC2 may take to let go of what used a subnet, gateway or VPC.
RELEASE_SECONDS = 300


class Vpc:
    """fields: cidr, dns_hostnames (EC2 gives hosts names, which the cloud controller needs)."""

    NAME = "Vpc"
    FIXED = frozenset({"cidr"})

    def listing(self, cloud: Cloud) -> list[Found]:
        """See Kind."""
        found = []
        for name, item in ec2_listing(cloud, self.NAME, "describe_vpcs", "Vpcs"):
            answer = cloud.call("ec2", "describe_vpc_attribute", VpcId=item["VpcId"], Attribute="enableDnsHostnames")
            fields = {"cidr": item["CidrBlock"], "dns_hostnames": answer["EnableDnsHostnames"]["Value"]}
            found.append(Found(self.NAME, name, item["VpcId"], fields))
        return found

    def create(self, cloud: Cloud, wanted: Wanted, tags: Mapping[str, str]) -> Found:
        """See Kind."""
        answer = cloud.call(
            "ec2", "create_vpc", CidrBlock=wanted.fields["cidr"], TagSpecifications=specification("vpc", tags)
        )
        found = Found(self.NAME, wanted.name, answer["Vpc"]["VpcId"], {"cidr": wanted.fields["cidr"]})
        return self.update(cloud, wanted, found, ("dns_hostnames",))

    def update(self, cloud: Cloud, wanted: Wanted, found: Found, changed: Sequence[str]) -> Found:
        """See Kind."""
        wish = {"Value": bool(wanted.fields["dns_hostnames"])}
        cloud.settle("ec2", "modify_vpc_attribute", VpcId=found.id, EnableDnsHostnames=wish)
        return Found(self.NAME, found.name, found.id, wanted.fields)

    def delete(self, cloud: Cloud, found: Found) -> None:
        """See Kind."""
        remove(cloud, "delete_vpc", "InvalidVpcID.NotFound", VpcId=found.id)


class Subnet:
    """fields: vpc, cidr, zone, public (hosts get a public address)."""

    NAME = "Subnet"
    FIXED = frozenset({"vpc", "cidr", "zone"})

    def listing(self, cloud: Cloud) -> list[Found]:
        """See Kind."""
        found = []
        for name, item in ec2_listing(cloud, self.NAME, "describe_subnets", "Subnets"):
            fields = {"vpc": item["VpcId"], "cidr": item["CidrBlock"], "zone": item["AvailabilityZone"],
                      "public": item["MapPublicIpOnLaunch"]}  # fmt: skip
            found.append(Found(self.NAME, name, item["SubnetId"], fields))
        return found

    def create(self, cloud: Cloud, wanted: Wanted, tags: Mapping[str, str]) -> Found:
        """See Kind."""
        fields = wanted.fields
        answer = cloud.settle(
            "ec2", "create_subnet", VpcId=fields["vpc"], CidrBlock=fields["cidr"], AvailabilityZone=fields["zone"],
            TagSpecifications=specification("subnet", tags),
        )  # fmt: skip
        found = Found(self.NAME, wanted.name, answer["Subnet"]["SubnetId"], fields)
        return self.update(cloud, wanted, found, ("public",))

    def update(self, cloud: Cloud, wanted: Wanted, found: Found, changed: Sequence[str]) -> Found:
        """See Kind."""
        wish = {"Value": bool(wanted.fields["public"])}
        cloud.settle("ec2", "modify_subnet_attribute", SubnetId=found.id, MapPublicIpOnLaunch=wish)
        return Found(self.NAME, found.name, found.id, wanted.fields)

    def delete(self, cloud: Cloud, found: Found) -> None:
        """See Kind."""
        remove(cloud, "delete_subnet", "InvalidSubnetID.NotFound", SubnetId=found.id)


class InternetGateway:
    """fields: vpc."""

    NAME = "InternetGateway"
    FIXED = frozenset[str]()

    def listing(self, cloud: Cloud) -> list[Found]:
        """See Kind."""
        found = []
        for name, item in ec2_listing(cloud, self.NAME, "describe_internet_gateways", "InternetGateways"):
            attached = [place["VpcId"] for place in item.get("Attachments", ())]
            found.append(Found(self.NAME, name, item["InternetGatewayId"], {"vpc": attached[0] if attached else ""}))
        return found

    def create(self, cloud: Cloud, wanted: Wanted, tags: Mapping[str, str]) -> Found:
        """See Kind."""
        answer = cloud.call(
            "ec2", "create_internet_gateway", TagSpecifications=specification("internet-gateway", tags)
        )
        found = Found(self.NAME, wanted.name, answer["InternetGateway"]["InternetGatewayId"], {"vpc": ""})
        return self.update(cloud, wanted, found, ("vpc",))

    def update(self, cloud: Cloud, wanted: Wanted, found: Found, changed: Sequence[str]) -> Found:
        """See Kind."""
        cloud.settle("ec2", "attach_internet_gateway", InternetGatewayId=found.id, VpcId=wanted.fields["vpc"])
        return Found(self.NAME, found.name, found.id, wanted.fields)

    def delete(self, cloud: Cloud, found: Found) -> None:
        """See Kind."""
        if found.fields.get("vpc"):
            remove(cloud, "detach_internet_gateway", "Gateway.NotAttached",
                   InternetGatewayId=found.id, VpcId=found.fields["vpc"])  # fmt: skip
        remove(cloud, "delete_internet_gateway", "InvalidInternetGatewayID.NotFound", InternetGatewayId=found.id)


class RouteTable:
    """fields: vpc, gateway (where everything outside the VPC goes: the internet's, or a NAT), subnets."""

    NAME = "RouteTable"
    FIXED = frozenset({"vpc"})

    def listing(self, cloud: Cloud) -> list[Found]:
        """See Kind."""
        found = []
        for name, item in ec2_listing(cloud, self.NAME, "describe_route_tables", "RouteTables"):
            ways = [way.get("GatewayId") or way.get("NatGatewayId", "") for way in item.get("Routes", ())
                    if way.get("DestinationCidrBlock") == "0.0.0.0/0"]  # fmt: skip
            links = {link["SubnetId"]: link["RouteTableAssociationId"]
                     for link in item.get("Associations", ()) if link.get("SubnetId")}  # fmt: skip
            fields = {"vpc": item["VpcId"], "gateway": ways[0] if ways else "", "subnets": sorted(links)}
            found.append(Found(self.NAME, name, item["RouteTableId"], fields, links))
        return found

    def create(self, cloud: Cloud, wanted: Wanted, tags: Mapping[str, str]) -> Found:
        """See Kind."""
        answer = cloud.settle(
            "ec2", "create_route_table", VpcId=wanted.fields["vpc"],
            TagSpecifications=specification("route-table", tags), ClientToken=client_token(cloud.cluster, wanted),
        )  # fmt: skip
        found = Found(self.NAME, wanted.name, answer["RouteTable"]["RouteTableId"], {"gateway": "", "subnets": []})
        return self.update(cloud, wanted, found, ("gateway", "subnets"))

    def update(self, cloud: Cloud, wanted: Wanted, found: Found, changed: Sequence[str]) -> Found:
        """See Kind."""
        if "gateway" in changed:
            action = "replace_route" if found.fields["gateway"] else "create_route"
            gateway = str(wanted.fields["gateway"])
            way = {"NatGatewayId" if gateway.startswith("nat-") else "GatewayId": gateway}
            cloud.settle("ec2", action, RouteTableId=found.id, DestinationCidrBlock="0.0.0.0/0", **way)
        there, wished = set(found.fields["subnets"]), set(ids(wanted.fields["subnets"]))
        for subnet in sorted(wished - there):
            _associate(cloud, found.id, subnet)
        for subnet in sorted(there - wished):  # one that another table has taken over is no longer ours
            remove(cloud, "disassociate_route_table", "InvalidAssociationID.NotFound",
                   AssociationId=found.attributes[subnet])  # fmt: skip
        return Found(self.NAME, found.name, found.id, wanted.fields)

    def delete(self, cloud: Cloud, found: Found) -> None:
        """See Kind."""
        for link in found.attributes.values():
            remove(cloud, "disassociate_route_table", "InvalidAssociationID.NotFound", AssociationId=link)
        remove(cloud, "delete_route_table", "InvalidRouteTableID.NotFound", RouteTableId=found.id)


def _associate(cloud: Cloud, table: str, subnet: str) -> None:
    """A subnet follows one table: from another one it is moved without a moment without any."""
    wanted = filters(**{"association.subnet-id": subnet})
    tables = cloud.call("ec2", "describe_route_tables", Filters=wanted)["RouteTables"]
    links = [link["RouteTableAssociationId"] for item in tables for link in item["Associations"]
             if link.get("SubnetId") == subnet]  # fmt: skip
    if links:
        cloud.call("ec2", "replace_route_table_association", AssociationId=links[0], RouteTableId=table)
    else:
        cloud.settle("ec2", "associate_route_table", RouteTableId=table, SubnetId=subnet)


def remove(cloud: Cloud, action: str, *absent: str, **arguments: str) -> None:
    """A deletion of EC2 that waits until nothing uses the resource. absent: codes that say that it is gone."""
    try:
        cloud.patiently("ec2", action, RELEASE_SECONDS, **arguments)
    except CloudError as error:
        if error.code not in absent:
            raise
