"""The metadata service of instances (IMDSv2): each host of the lab is told what EC2 knows of the instance behind it.

Hosts ask 169.254.169.254 as on EC2; the lab's network brings that here, and the caller's address says which instance it
is. Answers live as many hops as the instance's metadata options say, so that pods behind a host's own network do not
get them by default. Rules: EC2's user guide, "Instance metadata and user data".

Started detached by lifecycle.py: python -m clusterbook.lab.ec2.metadata --address A --port P
"""

from __future__ import annotations

import argparse
import base64
import json
import secrets
import socket
import sys
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from clusterbook.cloud.aws import Cloud, CloudError
from clusterbook.lab.ec2 import interruptions
from clusterbook.lab.ec2.lifecycle import REGION

TOKEN_PATH = "/latest/api/token"  # noqa: S105 (a path)
TOKEN_SECONDS = 21600
LIFE = "X-aws-ec2-metadata-token-ttl-seconds"
KEPT_SECONDS = 2.0
MOMENT = "%Y-%m-%dT%H:%M:%SZ"


class Instances:
    """What the account says of the instance at an address, asked again after two seconds."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, Mapping[str, Any] | None]] = {}

    def at(self, address: str) -> Mapping[str, Any] | None:
        """EC2's description of the running instance, None when there is none."""
        with self._lock:
            asked, item = self._known.get(address, (0.0, None))
        if item is None or time.monotonic() - asked > KEPT_SECONDS:
            item = self._find(address)
            with self._lock:
                self._known[address] = time.monotonic(), item
        return item

    def _find(self, address: str) -> Mapping[str, Any] | None:
        wanted = [{"Name": "private-ip-address", "Values": [address]},
                  {"Name": "instance-state-name", "Values": ["running"]}]  # fmt: skip
        for reservation in self._cloud.pages("ec2", "describe_instances", "Reservations", Filters=wanted):
            for item in reservation["Instances"]:
                return {**item, "OwnerId": reservation["OwnerId"]}
        return None

    def user_data(self, item: Mapping[str, Any]) -> bytes | None:
        """What the instance was started with."""
        answer = self._cloud.call(
            "ec2", "describe_instance_attribute", InstanceId=item["InstanceId"], Attribute="userData"
        )
        value = answer.get("UserData", {}).get("Value")
        return base64.b64decode(value) if value else None

    def role(self, item: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The role of the instance's profile."""
        profile = str((item.get("IamInstanceProfile") or {}).get("Arn", "")).rpartition("/")[2]
        if not profile:
            return None
        roles = self._cloud.call("iam", "get_instance_profile", InstanceProfileName=profile)["InstanceProfile"]["Roles"]
        return roles[0] if roles else None

    def credentials(self, item: Mapping[str, Any], role: Mapping[str, Any]) -> dict[str, str]:
        """Keys of the role for some hours, in the words of the metadata service."""
        keys = self._cloud.call(
            "sts", "assume_role", RoleArn=role["Arn"], RoleSessionName=item["InstanceId"]
        )["Credentials"]  # fmt: skip
        return {
            "Code": "Success", "LastUpdated": time.strftime(MOMENT, time.gmtime()), "Type": "AWS-HMAC",
            "AccessKeyId": keys["AccessKeyId"], "SecretAccessKey": keys["SecretAccessKey"],
            "Token": keys["SessionToken"], "Expiration": keys["Expiration"].strftime(MOMENT),
        }  # fmt: skip


def document(item: Mapping[str, Any]) -> dict[str, Any]:
    """The instance's identity document."""
    zone = item["Placement"]["AvailabilityZone"]
    return {
        "accountId": item["OwnerId"], "architecture": item.get("Architecture", "x86_64"), "availabilityZone": zone,
        "imageId": item["ImageId"], "instanceId": item["InstanceId"], "instanceType": item["InstanceType"],
        "pendingTime": item["LaunchTime"].strftime(MOMENT), "privateIp": item["PrivateIpAddress"],
        "region": zone[:-1], "version": "2017-09-30",
    }  # fmt: skip


def leaves(item: Mapping[str, Any]) -> dict[str, str]:
    """Paths below meta-data/ with their text."""
    zone, interface = item["Placement"]["AvailabilityZone"], item["NetworkInterfaces"][0]
    card = f"network/interfaces/macs/{interface['MacAddress']}"
    found = {
        "ami-id": item["ImageId"], "instance-id": item["InstanceId"], "instance-type": item["InstanceType"],
        "hostname": item["PrivateDnsName"], "local-hostname": item["PrivateDnsName"],
        "local-ipv4": item["PrivateIpAddress"], "mac": interface["MacAddress"],
        "placement/availability-zone": zone, "placement/region": zone[:-1],
        "services/domain": "amazonaws.com", "services/partition": "aws",
        f"{card}/device-number": "0", f"{card}/interface-id": interface["NetworkInterfaceId"],
        f"{card}/local-ipv4s": item["PrivateIpAddress"], f"{card}/mac": interface["MacAddress"],
        f"{card}/owner-id": item["OwnerId"], f"{card}/subnet-id": item["SubnetId"], f"{card}/vpc-id": item["VpcId"],
        f"{card}/security-group-ids": "\n".join(group["GroupId"] for group in item["SecurityGroups"]),
        **interruptions.notice(item),
    }  # fmt: skip
    if (item.get("MetadataOptions") or {}).get("InstanceMetadataTags") == "enabled":
        found.update({f"tags/instance/{tag['Key']}": tag["Value"] for tag in item.get("Tags") or ()})
    return {name: str(value) for name, value in found.items()}


def listing(found: Mapping[str, str], path: str) -> str | None:
    """The names below a folder, those that are folders with a slash; None when there is nothing."""
    start = f"{path.rstrip('/')}/" if path.strip("/") else ""
    names = {
        name[len(start):].partition("/")[0] + ("/" if "/" in name[len(start):] else "")
        for name in found if name.startswith(start)
    }  # fmt: skip
    return "\n".join(sorted(names)) or None


class Service(ThreadingHTTPServer):
    """The service for all instances of the lab."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], instances: Instances) -> None:
        super().__init__(address, Asked)
        self.instances = instances
        self.tokens: dict[tuple[str, str], float] = {}


class Asked(BaseHTTPRequestHandler):
    """One host's request."""

    server: Service
    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        """A token for later requests."""
        item = self._instance()
        try:
            seconds = int(self.headers.get(LIFE, ""))
        except ValueError:
            seconds = 0
        if item is None or self.path != TOKEN_PATH or not 1 <= seconds <= TOKEN_SECONDS:
            return self._answer(404 if item is None else 400)
        token = secrets.token_urlsafe(40)
        self.server.tokens[self.client_address[0], token] = time.monotonic() + seconds
        # Amazon's own clients throw a token away that comes without its time.
        return self._answer(200, token, {LIFE: str(seconds)})

    def do_GET(self) -> None:
        """What is known at a path."""
        item = self._instance()
        if item is None:
            return self._answer(404)
        token = self.headers.get("X-aws-ec2-metadata-token", "")
        known = self.server.tokens.get((self.client_address[0], token), 0.0) > time.monotonic()
        if not known and (token or (item.get("MetadataOptions") or {}).get("HttpTokens") == "required"):
            return self._answer(401)
        try:
            text = self._at(item, self.path.rstrip("/"))
        except CloudError as error:
            self.log_error("%s", error)
            return self._answer(500)
        return self._answer(404) if text is None else self._answer(200, text)

    def _at(self, item: Mapping[str, Any], path: str) -> str | bytes | None:
        instances = self.server.instances
        if path == "/latest/user-data":
            return instances.user_data(item)
        if path == "/latest/dynamic/instance-identity/document":
            return json.dumps(document(item), indent=2)
        name = path.removeprefix("/latest/meta-data").strip("/")
        if not path.startswith("/latest/meta-data"):
            return None
        if name.startswith("iam/security-credentials"):
            return self._role(item, name.removeprefix("iam/security-credentials").strip("/"))
        found = leaves(item)
        return found.get(name) or listing(found, name)

    def _role(self, item: Mapping[str, Any], name: str) -> str | None:
        role = self.server.instances.role(item)
        if role is None or name not in ("", role["RoleName"]):
            return None
        return json.dumps(self.server.instances.credentials(item, role)) if name else str(role["RoleName"])

    def _instance(self) -> Mapping[str, Any] | None:
        item = self.server.instances.at(self.client_address[0])
        if item is not None:
            hops = int((item.get("MetadataOptions") or {}).get("HttpPutResponseHopLimit") or 1)
            self.connection.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, hops)
        return item

    def _answer(self, status: int, text: str | bytes = b"", headers: Mapping[str, str] | None = None) -> None:
        data = text.encode() if isinstance(text, str) else text
        self.send_response(status)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(data)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing: hosts ask all the time."""


def main(arguments: list[str]) -> int:
    """Serve until killed."""
    parser = argparse.ArgumentParser(prog="python -m clusterbook.lab.ec2.metadata", description=__doc__)
    parser.add_argument("--address", required=True)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args(arguments)
    Service((options.address, options.port), Instances(Cloud("", REGION))).serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
