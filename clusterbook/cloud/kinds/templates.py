"""Launch templates: what a new worker is made of."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from clusterbook.cloud.aws import Cloud, tag_list
from clusterbook.cloud.kinds.compute import METADATA, network_interface, root_volume
from clusterbook.cloud.kinds.contract import ec2_listing, specification
from clusterbook.cloud.kinds.network import remove
from clusterbook.cloud.model import Found, Wanted, client_token

# Requests about versions at the same time.
AT_ONCE = 8


class LaunchTemplate:
    """fields: image, type, key, profile, groups, volume_gib, root_device, public, instance_tags, user_data.

    A change is a new version.
    """

    NAME = "LaunchTemplate"
    FIXED = frozenset[str]()

    def listing(self, cloud: Cloud) -> list[Found]:
        """See Kind."""
        # EC2 lists 200 at the most at once; moto 15, without a next page, unless it is told a number.
        items = list(ec2_listing(cloud, self.NAME, "describe_launch_templates", "LaunchTemplates", page=200))
        with ThreadPoolExecutor(AT_ONCE) as pool:
            data = list(pool.map(lambda item: _default(cloud, item[1]["LaunchTemplateId"]), items))
        return [Found(self.NAME, name, item["LaunchTemplateId"], _fields(version))
                for (name, item), version in zip(items, data, strict=True)]  # fmt: skip

    def create(self, cloud: Cloud, wanted: Wanted, tags: Mapping[str, str]) -> Found:
        """See Kind."""
        answer = cloud.call(
            "ec2", "create_launch_template", LaunchTemplateName=wanted.name, LaunchTemplateData=_data(wanted.fields),
            TagSpecifications=specification("launch-template", tags), ClientToken=client_token(cloud.cluster, wanted),
        )  # fmt: skip
        return Found(self.NAME, wanted.name, answer["LaunchTemplate"]["LaunchTemplateId"], wanted.fields)

    def update(self, cloud: Cloud, wanted: Wanted, found: Found, changed: Sequence[str]) -> Found:
        """See Kind. Running workers stay as they are; those that are started from now on follow it."""
        answer = cloud.call(
            "ec2", "create_launch_template_version", LaunchTemplateId=found.id,
            LaunchTemplateData=_data(wanted.fields),
        )  # fmt: skip
        version = str(answer["LaunchTemplateVersion"]["VersionNumber"])
        cloud.call("ec2", "modify_launch_template", LaunchTemplateId=found.id, DefaultVersion=version)
        return Found(self.NAME, found.name, found.id, wanted.fields)

    def delete(self, cloud: Cloud, found: Found) -> None:
        """See Kind."""
        remove(cloud, "delete_launch_template", "InvalidLaunchTemplateId.NotFound", LaunchTemplateId=found.id)


def _default(cloud: Cloud, template: str) -> Mapping[str, Any]:
    """What the template makes. EC2 tells versions of one template at a time."""
    versions = cloud.call(
        "ec2", "describe_launch_template_versions", LaunchTemplateId=template, Versions=["$Default"]
    )["LaunchTemplateVersions"]  # fmt: skip
    found: Mapping[str, Any] = versions[0]["LaunchTemplateData"] if versions else {}
    return found


def _data(fields: Mapping[str, Any]) -> dict[str, Any]:
    tags = tag_list(fields["instance_tags"])
    data: dict[str, Any] = {
        "ImageId": fields["image"], "InstanceType": fields["type"], "MetadataOptions": METADATA,
        "IamInstanceProfile": {"Name": fields["profile"]},
        "NetworkInterfaces": [network_interface(fields["groups"], bool(fields["public"]))],
        "BlockDeviceMappings": [root_volume(fields["root_device"], fields["volume_gib"])],
        "TagSpecifications": [{"ResourceType": kind, "Tags": tags} for kind in ("instance", "volume")],
    }  # fmt: skip
    if fields["key"]:
        data["KeyName"] = fields["key"]
    if fields["user_data"]:
        data["UserData"] = base64.b64encode(fields["user_data"].encode()).decode()
    return data


def _fields(data: Mapping[str, Any]) -> dict[str, Any]:
    interface = (data.get("NetworkInterfaces") or [{}])[0]
    volume = (data.get("BlockDeviceMappings") or [{}])[0]
    tags = [item["Tags"] for item in data.get("TagSpecifications", ()) if item["ResourceType"] == "instance"]
    return {
        "image": data.get("ImageId"), "type": data.get("InstanceType"), "key": data.get("KeyName", ""),
        "profile": data.get("IamInstanceProfile", {}).get("Name", ""), "groups": interface.get("Groups", []),
        "volume_gib": volume.get("Ebs", {}).get("VolumeSize"), "root_device": volume.get("DeviceName"),
        "public": interface.get("AssociatePublicIpAddress", False),
        "user_data": base64.b64decode(data.get("UserData", "")).decode("utf-8", "replace"),
        "instance_tags": {tag["Key"]: tag["Value"] for tag in (tags[0] if tags else ())},
    }  # fmt: skip
