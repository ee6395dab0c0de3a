"""A cluster on EC2 as a person's files describe it, and the account that it is made in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from clusterbook.cloud.aws import Cloud
from clusterbook.cloud.layout import Design
from clusterbook.cloud.state import StateFile
from clusterbook.cluster import spec
from clusterbook.cluster.store import FileStore

NAME = "demo.k8s.local"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl me@here"
TEXT = f"""
cluster_name: {NAME}
aws:
  zones: [us-east-2a, us-east-2b, us-east-2c]
  ssh_public_key: {KEY}
  ssh_access_cidrs: [203.0.113.0/24]
  control_plane: {{count: 3}}
"""


@pytest.fixture
def cloud(aws: Any) -> Cloud:
    """An empty account."""
    return Cloud(NAME, "us-east-2")


@pytest.fixture
def image(cloud: Cloud) -> str:
    """An image that moto knows."""
    return str(cloud.call("ec2", "describe_images")["Images"][0]["ImageId"])


@pytest.fixture
def design(image: str) -> Design:
    """Three control planes over three zones and a group of two workers."""
    return Design(NAME, spec.parse(TEXT, "cluster.yaml").complete, image)


@pytest.fixture
def state(tmp_path: Path) -> StateFile:
    """An index that is empty."""
    return StateFile(FileStore(tmp_path), NAME)
