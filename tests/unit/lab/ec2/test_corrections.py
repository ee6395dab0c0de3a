"""Where moto is not like AWS. A test of plain moto that fails says that its correction is needless now."""

from __future__ import annotations

import base64
import re
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from clusterbook.lab.ec2.corrections import passes
from tests.unit.lab.ec2.stories import told
from tests.unit.ports import free_port

STORY = """
import sys, time
PORTS = sys.argv[2:]
with mock_aws():
    ec2, elb = boto3.client("ec2"), boto3.client("elbv2")
    vpc = ec2.create_vpc(CidrBlock="127.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="127.0.0.0/24")["Subnet"]["SubnetId"]
    group = ec2.create_security_group(GroupName="g", Description="g", VpcId=vpc)["GroupId"]
    image = ec2.describe_images()["Images"][0]["ImageId"]
    interface = {"DeviceIndex": 0, "SubnetId": subnet, "Groups": [group], "AssociatePublicIpAddress": True,
                 "PrivateIpAddress": "127.0.0.9", "DeleteOnTermination": True}
    name = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, NetworkInterfaces=[interface])[
        "Instances"][0]["InstanceId"]
    found = ec2.describe_instances()["Reservations"][0]["Instances"][0]
    states = []
    for port in map(int, PORTS):
        target = elb.create_target_group(Name=f"t{port}", Protocol="TCP", Port=port, VpcId=vpc)[
            "TargetGroups"][0]["TargetGroupArn"]
        elb.register_targets(TargetGroupArn=target, Targets=[{"Id": name}])
        balancer = elb.create_load_balancer(Name=f"b{port}", Type="network", Subnets=[subnet])["LoadBalancers"][0]
        elb.create_listener(LoadBalancerArn=balancer["LoadBalancerArn"], Port=port, Protocol="TCP",
                            DefaultActions=[{"Type": "forward", "TargetGroupArn": target}])
        states.append(elb.describe_target_health(TargetGroupArn=target)["TargetHealthDescriptions"][0][
            "TargetHealth"]["State"])
    iam = boto3.client("iam")
    iam.create_instance_profile(InstanceProfileName="nodes")
    data = {"ImageId": image, "InstanceType": "t3.small", "IamInstanceProfile": {"Name": "nodes"},
            "MetadataOptions": {"HttpTokens": "required"},
            "NetworkInterfaces": [{"DeviceIndex": 0, "Groups": [group]}]}
    template = ec2.create_launch_template(LaunchTemplateName="nodes", LaunchTemplateData=data)["LaunchTemplate"]
    boto3.client("autoscaling").create_auto_scaling_group(
        AutoScalingGroupName="nodes", MinSize=1, MaxSize=1, VPCZoneIdentifier=subnet,
        LaunchTemplate={"LaunchTemplateId": template["LaunchTemplateId"]})
    started = [item for page in ec2.describe_instances()["Reservations"] for item in page["Instances"]
               if item["InstanceId"] != name][0]
    profile = started.get("IamInstanceProfile", {}).get("Arn", "").rpartition("/")[2]
    tokens = started["MetadataOptions"]["HttpTokens"]
    of_template = [one["GroupId"] for one in started["NetworkInterfaces"][0]["Groups"]] == [group]
    later = {**data, "UserData": "IyEvYmluL3NoCg=="}
    first = ec2.create_launch_template(LaunchTemplateName="first", LaunchTemplateData=later)["LaunchTemplate"]
    boto3.client("autoscaling").create_auto_scaling_group(
        AutoScalingGroupName="first", MinSize=1, MaxSize=1, VPCZoneIdentifier=subnet,
        LaunchTemplate={"LaunchTemplateId": first["LaunchTemplateId"]})
    ec2.create_launch_template_version(LaunchTemplateId=template["LaunchTemplateId"], LaunchTemplateData=later)
    try:
        boto3.client("autoscaling").create_auto_scaling_group(
            AutoScalingGroupName="later", MinSize=1, MaxSize=1, VPCZoneIdentifier=subnet,
            LaunchTemplate={"LaunchTemplateId": template["LaunchTemplateId"], "Version": "2"})
        (newest,) = boto3.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=["later"])[
            "AutoScalingGroups"][0]["Instances"]
        script = ec2.describe_instance_attribute(InstanceId=newest["InstanceId"], Attribute="userData")["UserData"]
    except AssertionError:
        script = "none"
    one = elb.describe_load_balancers()["LoadBalancers"][0]
    listener = elb.describe_listeners(LoadBalancerArn=one["LoadBalancerArn"])["Listeners"][0]["ListenerArn"]
    other = elb.create_target_group(Name="other", Protocol="TCP", Port=9, VpcId=vpc)["TargetGroups"][0][
        "TargetGroupArn"]
    elb.modify_listener(ListenerArn=listener, DefaultActions=[{"Type": "forward", "TargetGroupArn": other}])
    led = [item["TargetGroupArn"] == other for item in
           elb.describe_target_groups(LoadBalancerArn=one["LoadBalancerArn"])["TargetGroups"]]
    bare = elb.create_load_balancer(Name="bare", Type="network", Subnets=[subnet])["LoadBalancers"][0][
        "LoadBalancerArn"]
    try:
        of_bare = elb.describe_target_groups(LoadBalancerArn=bare)["TargetGroups"]
    except elb.exceptions.TargetGroupNotFoundException:
        of_bare = "not found"
    try:
        topology = ec2.describe_instance_topology()["Instances"]
    except Exception as error:
        topology = type(error).__name__
    token = boto3.client("ecr").get_authorization_token()["authorizationData"][0]
    plain_interface = {"DeviceIndex": 0, "SubnetId": subnet, "Groups": [group]}
    kept = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
    left = []
    for asked in (plain_interface, {**plain_interface, "DeleteOnTermination": False},
                  {"DeviceIndex": 0, "NetworkInterfaceId": kept}):
        ended = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, NetworkInterfaces=[asked])["Instances"][0]
        ec2.terminate_instances(InstanceIds=[ended["InstanceId"]])
        known = [item["NetworkInterfaceId"] for item in ec2.describe_network_interfaces()["NetworkInterfaces"]]
        left.append(ended["NetworkInterfaces"][0]["NetworkInterfaceId"] in known)
    addresses = []
    for asked in ({}, {}, {"PrivateIpAddress": "127.0.0.99"}, {"PrivateIpAddress": "127.0.0.99"}):
        interface = {**plain_interface, "DeleteOnTermination": True, **asked}
        ended = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, NetworkInterfaces=[interface])["Instances"][0]
        ec2.terminate_instances(InstanceIds=[ended["InstanceId"]])
        addresses.append(ended["PrivateIpAddress"])
    classic = boto3.client("elb")
    classic.create_load_balancer(LoadBalancerName="classic", Subnets=[subnet], Listeners=[
        {"Protocol": "tcp", "LoadBalancerPort": 80, "InstancePort": 30080}])
    (old,) = classic.describe_load_balancers()["LoadBalancerDescriptions"]
print(json.dumps({"left": left, "addresses": addresses, "classic": old["DNSName"], "check": old.get("HealthCheck"),
                  "dns": one["DNSName"], "led": led, "of_bare": of_bare, "topology": topology, "script": script,
                  "token_good": token["expiresAt"].timestamp() > time.time() + 3600,
                  "profile": profile, "tokens": tokens, "of_template": of_template,
                  "public": found.get("PublicIpAddress"), "states": states,
                  "groups": len(found["SecurityGroups"])}))
"""


RESERVED = """
with mock_aws():
    ec2 = boto3.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="127.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="127.0.0.0/24")["Subnet"]["SubnetId"]
    image = ec2.describe_images()["Images"][0]["ImageId"]
    kind, tags = "subnet-cidr-reservation", [{"Key": "a", "Value": "b"}]
    ec2.create_subnet_cidr_reservation(SubnetId=subnet, Cidr="127.0.0.8/29", ReservationType="explicit",
                                       TagSpecifications=[{"ResourceType": kind, "Tags": tags}])
    (found,) = ec2.get_subnet_cidr_reservations(SubnetId=subnet)["SubnetIpv4CidrReservations"]
    wanted = [{"Name": "tag:a", "Values": ["b"]}]
    by_tag = ec2.get_subnet_cidr_reservations(SubnetId=subnet, Filters=wanted)["SubnetIpv4CidrReservations"]

    def given(**asked):
        interface = {"DeviceIndex": 0, "SubnetId": subnet, "DeleteOnTermination": True, **asked}
        (one,) = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, NetworkInterfaces=[interface])["Instances"]
        return one["InstanceId"], one["PrivateIpAddress"]

    by_chance = [given()[1] for _ in range(6)]
    gone, asked_for = given(PrivateIpAddress="127.0.0.10")
    ec2.terminate_instances(InstanceIds=[gone])
    by_chance.append(given()[1])
print(json.dumps({"tags": found["Tags"], "by_tag": len(by_tag), "by_chance": by_chance, "asked_for": asked_for}))
"""


@pytest.fixture(scope="module")
def story() -> list[Any]:
    """What moto says with or without corrections."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.9", 0))
        listening.listen()
        return told("corrections", STORY, str(listening.getsockname()[1]), "1")


@pytest.fixture(scope="module")
def reserved() -> list[Any]:
    """What moto says of reserved addresses with or without corrections."""
    return told("corrections", RESERVED)


def test_hosts_of_the_lab_have_no_public_address_that_belongs_to_somebody(story: Any) -> None:
    plain, corrected = story
    assert plain["public"] and corrected["public"] is None


def test_an_instance_shows_the_groups_of_its_interface(story: Any) -> None:
    plain, corrected = story
    assert (plain["groups"], corrected["groups"]) == (0, 1)


def test_an_interface_goes_with_the_instance_that_it_was_made_with_unless_it_shall_stay(story: Any) -> None:
    plain, corrected = story
    assert (plain["left"], corrected["left"]) == ([True, True, True], [False, True, True])


def test_a_freed_address_is_given_to_who_asks_for_it_and_not_at_once_to_another(story: Any) -> None:
    plain, corrected = (one["addresses"] for one in story)
    assert plain[0] == plain[1] and corrected[0] != corrected[1]
    assert corrected[2:] == ["127.0.0.99"] * 2


def test_a_reservation_of_addresses_has_the_tags_that_it_was_made_with(reserved: Any) -> None:
    plain, corrected = reserved
    assert (plain["tags"], plain["by_tag"]) == ([], 0)
    assert (corrected["tags"], corrected["by_tag"]) == ([{"Key": "a", "Value": "b"}], 1)


def test_a_reserved_address_is_given_to_who_asks_for_it_alone_also_when_it_was_freed(reserved: Any) -> None:
    plain, corrected = reserved
    assert plain["by_chance"][-1] == "127.0.0.10"
    assert corrected["asked_for"] == "127.0.0.10"
    assert corrected["by_chance"] == [f"127.0.0.{number}" for number in (4, 5, 6, 7, 16, 17, 18)]


def test_a_classic_load_balancer_has_its_region_s_name_and_a_health_check(story: Any) -> None:
    plain, corrected = story
    assert ".us-east-1." in plain["classic"] and plain["check"] is None
    assert re.fullmatch(r"classic-\d+\.us-east-2\.elb\.amazonaws\.com", corrected["classic"])
    assert corrected["check"] == {
        "Target": "TCP:30080", "Interval": 30, "Timeout": 5, "UnhealthyThreshold": 2, "HealthyThreshold": 10,
    }  # fmt: skip


def test_instances_of_a_later_version_of_a_template_have_its_user_data(story: Any) -> None:
    plain, corrected = story
    assert plain["script"] == "none"
    assert base64.b64decode(corrected["script"]["Value"]) == b"#!/bin/sh\n"


def test_a_target_is_healthy_only_where_something_listens(story: Any) -> None:
    plain, corrected = story
    assert plain["states"] == ["healthy", "healthy"]
    assert corrected["states"] == ["healthy", "unhealthy"]


class Answer(BaseHTTPRequestHandler):
    """Answers /STATUS with that status."""

    def do_GET(self) -> None:
        """Without a body."""
        self.send_response(int(self.path.strip("/")))
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture(scope="module", params=["HTTP", "HTTPS"])
def web(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    """The protocol and the port of a server whose certificate nobody vouches for."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        if request.param == "HTTPS":
            made = tmp_path_factory.mktemp("own") / "both.pem"
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                            "-nodes", "-subj", "/CN=nobody", "-keyout", made, "-out", made.with_suffix(".crt")],
                           check=True, capture_output=True)  # fmt: skip
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(made.with_suffix(".crt"), made)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield request.param, server.server_address[1]
        server.shutdown()


@pytest.mark.parametrize(("status", "passed"), [(200, True), (302, True), (404, False), (500, False)])
def test_a_health_check_of_a_path_is_passed_by_its_status(status: int, passed: bool, web: tuple[str, int]) -> None:
    protocol, port = web
    assert passes(protocol, "127.0.0.1", port, f"/{status}") is passed


@pytest.mark.parametrize("protocol", ["TCP", "HTTP", "HTTPS"])
def test_where_nothing_listens_no_health_check_is_passed(protocol: str) -> None:
    assert not passes(protocol, "127.0.0.1", free_port(), "/")


def test_an_instance_of_a_group_has_its_template_s_profile_metadata_options_and_groups(story: Any) -> None:
    plain, corrected = story
    assert (plain["of_template"], corrected["of_template"]) == (False, True)
    assert (plain["profile"], plain["tokens"]) == ("", "optional")
    assert (corrected["profile"], corrected["tokens"]) == ("nodes", "required")


def test_a_network_load_balancer_has_the_name_by_which_the_cloud_controller_knows_it(story: Any) -> None:
    plain, corrected = story
    assert ".elb.us-east-2." not in plain["dns"]
    assert re.fullmatch(r"b\d+-[0-9a-f]{16}\.elb\.us-east-2\.amazonaws\.com", corrected["dns"])


def test_the_target_groups_of_a_load_balancer_are_those_of_its_listeners(story: Any) -> None:
    plain, corrected = story
    assert plain["led"] == [False] and corrected["led"] == [True]
    assert (plain["of_bare"], corrected["of_bare"]) == ("not found", [])


def test_instances_have_no_known_topology(story: Any) -> None:
    plain, corrected = story
    assert plain["topology"] != [] and corrected["topology"] == []


def test_a_token_of_ecr_is_good_for_hours(story: Any) -> None:
    plain, corrected = story
    assert (plain["token_good"], corrected["token_good"]) == (False, True)
