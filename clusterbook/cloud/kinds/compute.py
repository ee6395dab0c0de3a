"""Key pairs, and instances with a fixed private address: control planes and the bastion."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from clusterbook.cloud.aws import Cloud, CloudError, filters, tags_of
from clusterbook.cloud.kinds.contract import ids, name_in_tags, specification
from clusterbook.cloud.kinds.network import remove
from clusterbook.cloud.model import CLUSTER_TAG, Found, Wanted, client_token

ALIVE = "pending,running,stopping,stopped"
# IMDSv2 alone, and not from containers: one hop ends at the host itself.
METADATA = {"HttpTokens": "required", "HttpPutResponseHopLimit": 1, "HttpEndpoint": "enabled",
            "InstanceMetadataTags": "disabled"}  # fmt: skip


class KeyPair:
    """fields: public_key, without its comment. Its id is EC2's; attribute: name."""

    NAME = "KeyPair"
    FIXED = frozenset({"public_key"})

    def listing(self, cloud: Cloud) -> list[Found]:
        """See Kind."""
        wanted = filters(**{f"tag:{CLUSTER_TAG}": cloud.cluster})
        answer = cloud.call("ec2", "describe_key_pairs", Filters=wanted, IncludePublicKey=True)
        found = []
        for item in answer["KeyPairs"]:
            name = name_in_tags(self.NAME, tags_of(item))
            if name:
                fields = {"public_key": bare_key(item.get("PublicKey") or tags_of(item).get("public-key", ""))}
                found.append(Found(self.NAME, name, item["KeyPairId"], fields, {"name": item["KeyName"]}))
        return found

    def create(self, cloud: Cloud, wanted: Wanted, tags: Mapping[str, str]) -> Found:
        """See Kind."""
        answer = cloud.call(
            "ec2", "import_key_pair", KeyName=wanted.name, PublicKeyMaterial=wanted.fields["public_key"].encode(),
            TagSpecifications=specification("key-pair", tags),
        )  # fmt: skip
        return Found(self.NAME, wanted.name, answer["KeyPairId"], wanted.fields, {"name": wanted.name})

    def update(self, cloud: Cloud, wanted: Wanted, found: Found, changed: Sequence[str]) -> Found:
        """See Kind. Nothing of a key pair can change."""
        return found

    def delete(self, cloud: Cloud, found: Found) -> None:
        """See Kind."""
        remove(cloud, "delete_key_pair", "InvalidKeyPair.NotFound", KeyName=found.attributes["name"])


class Instance:
    """fields: image, type, key, profile, subnet, address, groups; initial_volume_gib, _root_device, _public.

    The private address is the same when the instance is made anew: etcd's members and certificates name it.
    """

    NAME = "Instance"
    FIXED = frozenset({"image", "type", "key", "profile", "subnet", "address"})

    def listing(self, cloud: Cloud) -> list[Found]:
        """See Kind."""
        wanted = [*filters(**{f"tag:{CLUSTER_TAG}": cloud.cluster}),
                  {"Name": "instance-state-name", "Values": ALIVE.split(",")}]  # fmt: skip
        found = []
        for reservation in cloud.pages("ec2", "describe_instances", "Reservations", Filters=wanted):
            for item in reservation["Instances"]:
                name = name_in_tags(self.NAME, tags_of(item))
                if name:
                    found.append(Found(self.NAME, name, item["InstanceId"], _fields(item), _addresses(item)))
        return found

    def create(self, cloud: Cloud, wanted: Wanted, tags: Mapping[str, str]) -> Found:
        """See Kind."""
        fields = wanted.fields
        arguments: dict[str, Any] = {
            "ImageId": fields["image"], "InstanceType": fields["type"], "MinCount": 1, "MaxCount": 1,
            "MetadataOptions": METADATA,
            "NetworkInterfaces": [_interface(fields)],
            "BlockDeviceMappings": [root_volume(fields["initial_root_device"], fields["initial_volume_gib"])],
            "TagSpecifications": [*specification("instance", tags), *specification("volume", tags)],
        }  # fmt: skip
        if fields["key"]:
            arguments["KeyName"] = fields["key"]
        if fields["profile"]:
            arguments["IamInstanceProfile"] = {"Name": fields["profile"]}
        item = _started(cloud, client_token(cloud.cluster, wanted), arguments)
        return Found(self.NAME, wanted.name, item["InstanceId"], fields, _addresses(item))

    def update(self, cloud: Cloud, wanted: Wanted, found: Found, changed: Sequence[str]) -> Found:
        """See Kind."""
        if "groups" in changed:
            cloud.call("ec2", "modify_instance_attribute", InstanceId=found.id, Groups=ids(wanted.fields["groups"]))
        return Found(self.NAME, found.name, found.id, wanted.fields, found.attributes)

    def delete(self, cloud: Cloud, found: Found) -> None:
        """See Kind. Returns when it is terminated: its address and groups are free then."""
        try:
            cloud.call("ec2", "terminate_instances", InstanceIds=[found.id])
        except CloudError as error:
            if error.code != "InvalidInstanceID.NotFound":
                raise
            return
        cloud.wait("ec2", "instance_terminated", InstanceIds=[found.id])


def _started(cloud: Cloud, token: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """The instance; a token whose instance is gone (the index that counts them was lost) is not used again."""
    try:
        answer = cloud.settle("ec2", "run_instances", ClientToken=token, **arguments)
    except CloudError as error:
        if error.code != "IdempotentInstanceTerminated":
            raise
        answer = cloud.settle("ec2", "run_instances", ClientToken=secrets.token_hex(32), **arguments)
    found: Mapping[str, Any] = answer["Instances"][0]
    return found


def bare_key(key: str) -> str:
    """A public key without its comment."""
    return " ".join(key.split()[:2])


def network_interface(groups: Any, public: bool) -> dict[str, Any]:
    """The one interface of an instance. It goes with the instance, so that its address is free again."""
    return {"DeviceIndex": 0, "DeleteOnTermination": True, "AssociatePublicIpAddress": public, "Groups": ids(groups)}


def root_volume(device: str, gib: int) -> dict[str, Any]:
    """An encrypted gp3 volume that goes with the instance. device: as the image calls it."""
    volume = {"VolumeSize": gib, "VolumeType": "gp3", "Encrypted": True, "DeleteOnTermination": True}
    return {"DeviceName": device, "Ebs": volume}


def _interface(fields: Mapping[str, Any]) -> dict[str, Any]:
    interface = network_interface(fields["groups"], bool(fields["initial_public"]))
    return {**interface, "SubnetId": fields["subnet"], "PrivateIpAddress": fields["address"]}


def _fields(item: Mapping[str, Any]) -> dict[str, Any]:
    profile = str(item.get("IamInstanceProfile", {}).get("Arn", ""))
    return {
        "image": item["ImageId"], "type": item["InstanceType"], "key": item.get("KeyName", ""),
        "profile": profile.rpartition("/")[2], "subnet": item.get("SubnetId", ""),
        "address": item.get("PrivateIpAddress", ""),
        "groups": [group["GroupId"] for interface in item.get("NetworkInterfaces", ())
                   for group in interface.get("Groups", ())],
    }  # fmt: skip


def _addresses(item: Mapping[str, Any]) -> dict[str, str]:
    return {"private": item.get("PrivateIpAddress", ""), "public": item.get("PublicIpAddress") or ""}
