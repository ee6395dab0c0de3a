"""The image of the hosts, and what it calls its root volume."""

from __future__ import annotations

from typing import Any

import pytest

from clusterbook.cloud.aws import Cloud
from clusterbook.cloud.images import Image, find_image
from clusterbook.errors import InvalidInput

GONE = "ami-0fedcba9876543210"


@pytest.fixture
def asked(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What EC2, which has two images, was asked for."""
    items = [{"ImageId": name, "CreationDate": f"2026-0{month}-01", "RootDeviceName": device}
             for name, month, device in (("ami-1", 2, "/dev/xvda"), ("ami-2", 3, "/dev/sda1"))]  # fmt: skip
    questions: list[Any] = []

    def describe_images(**given: Any) -> Any:
        questions.append(given)
        return {"Images": [item for item in items if item["ImageId"] in given.get("ImageIds", ("ami-1", "ami-2"))]}

    monkeypatch.setattr(cloud.client("ec2"), "describe_images", describe_images)
    return questions


@pytest.mark.parametrize(("wanted", "found"), [
    ("debian-12", Image("ami-2", "/dev/sda1")), ("ami-1", Image("ami-1", "/dev/xvda")),
])  # fmt: skip
def test_one_question_gives_the_image_and_the_name_of_its_root_volume(
    cloud: Cloud, asked: list[Any], wanted: str, found: Image
) -> None:
    assert find_image(cloud, wanted) == found and len(asked) == 1


def test_a_name_of_which_debian_has_no_image_is_refused(cloud: Cloud) -> None:
    with pytest.raises(InvalidInput, match="there is no image debian-12 of Debian's account in us-east-2"):
        find_image(cloud, "debian-12")


def test_an_image_that_is_gone_keeps_nobody_from_looking_at_the_cluster(cloud: Cloud, image: str) -> None:
    assert find_image(cloud, image) == Image(image, "/dev/xvda")
    assert find_image(cloud, GONE) == Image(GONE, "/dev/xvda")
