"""The image of the hosts, and what it calls its root volume."""

from __future__ import annotations

import pytest

from clusterbook.cloud.aws import Cloud
from clusterbook.cloud.images import resolve_image, root_device
from clusterbook.errors import InvalidInput


def test_an_id_is_taken_as_it_is_and_a_name_is_debians_newest_image(cloud: Cloud, image: str) -> None:
    assert resolve_image(cloud, "ami-0fedcba9876543210") == "ami-0fedcba9876543210"
    with pytest.raises(InvalidInput, match="there is no image debian-12 of Debian's account in us-east-2"):
        resolve_image(cloud, "debian-12")


def test_the_root_volume_has_the_name_that_the_image_gives_it(
    cloud: Cloud, image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert root_device(cloud, image) == "/dev/xvda"
    answer = {"Images": [{"ImageId": image, "RootDeviceName": "/dev/sda1"}]}
    monkeypatch.setattr(cloud.client("ec2"), "describe_images", lambda **_: answer)
    assert root_device(cloud, image) == "/dev/sda1"


def test_an_image_that_is_gone_keeps_nobody_from_looking_at_the_cluster(cloud: Cloud) -> None:
    assert root_device(cloud, "ami-0fedcba9876543210") == "/dev/xvda"
