"""The image of the hosts: an id as it is, or the newest one of Debian's own account."""

from __future__ import annotations

from clusterbook.cloud.aws import Cloud, CloudError
from clusterbook.cloud.layout import ROOT_DEVICE
from clusterbook.errors import InvalidInput

# Debian's publishing account: wiki.debian.org/Cloud/AmazonEC2Image.
DEBIAN_OWNER = "136693071363"


def resolve_image(cloud: Cloud, wanted: str, architecture: str = "amd64") -> str:
    """The id of the image to start hosts from. Raises InvalidInput when there is none of that name."""
    if wanted.startswith("ami-"):
        return wanted
    pattern = [{"Name": "name", "Values": [f"{wanted}-{architecture}-*"]}]
    found = cloud.call("ec2", "describe_images", Owners=[DEBIAN_OWNER], Filters=pattern)["Images"]
    if not found:
        raise InvalidInput(
            f"there is no image {wanted} of Debian's account in {cloud.region}",
            next_step="Name an image by its id: aws.image: ami-… in cluster.yaml.",
        )
    newest = max(found, key=lambda image: (image["CreationDate"], image["ImageId"]))
    return str(newest["ImageId"])


def root_device(cloud: Cloud, image: str) -> str:
    """The name of an image's root volume: what is said of a volume of another name makes a second one.

    Debian's for an image that is gone, or was never there: EC2 says so when a host is made of it.
    """
    try:
        found = cloud.call("ec2", "describe_images", ImageIds=[image])["Images"]
    except CloudError as error:
        if not error.code.startswith("InvalidAMIID"):
            raise
        found = []
    return str(found[0].get("RootDeviceName") or ROOT_DEVICE) if found else ROOT_DEVICE
