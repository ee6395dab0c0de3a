"""The image of the hosts: an id as it is, or the newest one of Debian's own account."""

from __future__ import annotations

from clusterbook.cloud.aws import Cloud
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
