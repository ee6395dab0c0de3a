"""What AWS refuses. A test of plain moto that fails says that it refuses it by itself now."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.lab.ec2.stories import told

STORY = """
with mock_aws():
    ec2, groups, elb, classic = map(boto3.client, ("ec2", "autoscaling", "elbv2", "elb"))
    answers = {}

    def network(number):
        vpc = ec2.create_vpc(CidrBlock=f"10.{number}.0.0/16")["Vpc"]["VpcId"]
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.{number}.1.0/24", AvailabilityZone="us-east-2a")[
            "Subnet"]["SubnetId"]
        return vpc, subnet, ec2.create_security_group(GroupName="g", Description="g", VpcId=vpc)["GroupId"]

    vpc, subnet, group = network(20)
    image = ec2.describe_images()["Images"][0]["ImageId"]

    def started(subnet, group, address):
        interface = {"DeviceIndex": 0, "SubnetId": subnet, "Groups": [group], "PrivateIpAddress": address,
                     "DeleteOnTermination": True}
        return ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, NetworkInterfaces=[interface])[
            "Instances"][0]["InstanceId"]

    def start(address):
        return started(subnet, group, address)

    name = start("10.20.1.9")
    answers["address that is taken"] = said(start, address="10.20.1.9")
    answers["address of no subnet"] = said(start, address="10.99.1.9")
    answers["group of an instance"] = said(ec2.delete_security_group, GroupId=group)
    answers["subnet of an instance"] = said(ec2.delete_subnet, SubnetId=subnet)

    vpc, subnet, group = network(21)
    other = ec2.create_security_group(GroupName="other", Description="g", VpcId=vpc)["GroupId"]
    ec2.authorize_security_group_ingress(GroupId=other, IpPermissions=[
        {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "UserIdGroupPairs": [{"GroupId": group}]}])
    answers["group that a rule names"] = said(ec2.delete_security_group, GroupId=group)

    vpc, subnet, group = network(22)
    elb.create_load_balancer(Name="b", Type="network", Subnets=[subnet], SecurityGroups=[group])
    answers["group of a load balancer"] = said(ec2.delete_security_group, GroupId=group)
    answers["subnet of a load balancer"] = said(ec2.delete_subnet, SubnetId=subnet)

    vpc, subnet, group = network(23)
    classic.create_load_balancer(LoadBalancerName="c", Subnets=[subnet], SecurityGroups=[group], Listeners=[
        {"Protocol": "tcp", "LoadBalancerPort": 80, "InstancePort": 30080}])
    answers["group of a classic load balancer"] = said(ec2.delete_security_group, GroupId=group)
    answers["subnet of a classic load balancer"] = said(ec2.delete_subnet, SubnetId=subnet)

    vpc, subnet, group = network(24)
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    gateway = ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address)["NatGateway"]["NatGatewayId"]
    answers["subnet of a NAT gateway"] = said(ec2.delete_subnet, SubnetId=subnet)

    vpc, subnet, group = network(25)
    ec2.delete_subnet(SubnetId=subnet)
    answers["VPC of a group"] = said(ec2.delete_vpc, VpcId=vpc)
    vpc, subnet, group = network(26)
    ec2.delete_subnet(SubnetId=subnet)
    ec2.delete_security_group(GroupId=group)
    internet = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=internet, VpcId=vpc)
    answers["VPC of a gateway"] = said(ec2.delete_vpc, VpcId=vpc)

    vpc, subnet, group = network(27)
    template = ec2.create_launch_template(LaunchTemplateName="t", LaunchTemplateData={
        "ImageId": image, "InstanceType": "t3.small"})["LaunchTemplate"]["LaunchTemplateId"]
    groups.create_auto_scaling_group(AutoScalingGroupName="n", MinSize=1, MaxSize=1, VPCZoneIdentifier=subnet,
                                     LaunchTemplate={"LaunchTemplateId": template})
    answers["scaling group with instances"] = said(groups.delete_auto_scaling_group, AutoScalingGroupName="n")

    target = elb.create_target_group(Name="t", Protocol="TCP", Port=80, VpcId=vpc)["TargetGroups"][0]["TargetGroupArn"]
    answers["target that is not there"] = said(
        elb.register_targets, TargetGroupArn=target, Targets=[{"Id": "i-0123456789abcdef0"}])

    def balancer(**more):
        return elb.create_load_balancer(Name="twice", Type="network", Subnets=[subnet], **more)["LoadBalancers"][0][
            "LoadBalancerArn"]

    once = balancer()
    answers["another load balancer of that name"] = said(balancer, Scheme="internal")
    same = balancer() == once

    # What holds nothing back any more.
    vpc, subnet, group = network(28)
    gone = started(subnet, group, "10.28.1.9")
    ec2.terminate_instances(InstanceIds=[gone])
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    gateway = ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address)["NatGateway"]["NatGatewayId"]
    ec2.delete_nat_gateway(NatGatewayId=gateway)
    freed = [said(ec2.delete_security_group, GroupId=group), said(ec2.delete_subnet, SubnetId=subnet),
             said(ec2.delete_vpc, VpcId=vpc)]
print(json.dumps({"answers": answers, "same": same, "freed": freed}))
"""
IN_USE = "DependencyViolation"
# What is refused -> AWS's code, and what plain moto says.
REFUSED = {
    "address that is taken": ("InvalidIPAddress.InUse", "Exception"),
    "address of no subnet": ("InvalidParameterValue", "Exception"),
    "group of an instance": (IN_USE, "done"),
    "subnet of an instance": (IN_USE, "done"),
    "group that a rule names": (IN_USE, "done"),
    "group of a load balancer": (IN_USE, "done"),
    "subnet of a load balancer": (IN_USE, "done"),
    "group of a classic load balancer": (IN_USE, "done"),
    "subnet of a classic load balancer": (IN_USE, "done"),
    "subnet of a NAT gateway": (IN_USE, "done"),
    "VPC of a group": (IN_USE, "done"),
    "VPC of a gateway": (IN_USE, "done"),
    "scaling group with instances": ("ResourceInUse", "done"),
    "target that is not there": ("InvalidTarget", "done"),
    "another load balancer of that name": ("DuplicateLoadBalancerName", "done"),
}


@pytest.fixture(scope="module")
def story() -> list[Any]:
    """What moto says with or without corrections."""
    return told("refusals", STORY)


@pytest.mark.parametrize("what", REFUSED)
def test_what_aws_refuses_the_lab_refuses_too(story: Any, what: str) -> None:
    plain, corrected = story
    assert (corrected["answers"][what], plain["answers"][what]) == REFUSED[what]


def test_the_same_load_balancer_asked_for_again_is_the_one_that_is_there(story: Any) -> None:
    plain, corrected = story
    assert (plain["same"], corrected["same"]) == (False, True)


def test_what_is_gone_holds_nothing_back(story: Any) -> None:
    assert story[1]["freed"] == ["done"] * 3
