"""The image of the hosts: the one of an id, or the newest one of Debian's own account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clusterbook.cloud.aws import Cloud, CloudError
from clusterbook.cloud.layout import ROOT_DEVICE
from clusterbook.errors import InvalidInput

# Debian's publishing account: wiki.debian.org/Cloud/AmazonEC2Image.
DEBIAN_OWNER = "136693071363"


@dataclass(frozen=True)
class Image:
    """An AMI. root_device: the name of its root volume; what is said of a volume of another name makes a second one."""

    id: str
    root_device: str


def find_image(cloud: Cloud, wanted: str, architecture: str = "amd64") -> Image:
    """The image to start hosts from. wanted: its id, or a name of Debian's. InvalidInput when there is none of a name.

    An id is taken as it is, with Debian's root volume when EC2 does not know it (any more): EC2 says so when a host is
    made of it.
    """
    if wanted.startswith("ami-"):
        return Image(wanted, _root_device(_of_id(cloud, wanted)))
    pattern = [{"Name": "name", "Values": [f"{wanted}-{architecture}-*"]}]
    found = cloud.call("ec2", "describe_images", Owners=[DEBIAN_OWNER], Filters=pattern)["Images"]
    if not found:
        raise InvalidInput(
            f"there is no image {wanted} of Debian's account in {cloud.region}",
            next_step="Name an image by its id: aws.image: ami-… in cluster.yaml.",
        )
    newest = max(found, key=lambda image: (image["CreationDate"], image["ImageId"]))
    return Image(str(newest["ImageId"]), _root_device(newest))


def _of_id(cloud: Cloud, identity: str) -> Mapping[str, Any]:
    """What EC2 says of it; nothing of one that is gone, or was never there."""
    try:
        found = cloud.call("ec2", "describe_images", ImageIds=[identity])["Images"]
    except CloudError as error:
        if not error.code.startswith("InvalidAMIID"):
            raise
        found = []
    return found[0] if found else {}


def _root_device(image: Mapping[str, Any]) -> str:
    return str(image.get("RootDeviceName") or ROOT_DEVICE)
