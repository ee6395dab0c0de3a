"""An AWS of the test's own: moto's server on loopback, empty before each test, and credentials that are none."""

from __future__ import annotations

import fcntl
import functools
import json
import signal
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

# A background job of a shell has Ctrl-C ignored, and hands that down; tests press it.
signal.signal(signal.SIGINT, signal.default_int_handler)
REGION = "us-east-2"
SETTINGS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
}
# moto takes any name by default; AWS does not.
VALIDATION = (
    "MOTO_ENABLE_AMI_VALIDATION", "MOTO_EC2_ENABLE_INSTANCE_TYPE_VALIDATION", "MOTO_ENABLE_KEYPAIR_VALIDATION"
)  # fmt: skip
IMAGE = {
    "ami_id": "ami-0123456789abcdef0", "name": "debian-12-amd64", "description": "Debian 12", "state": "available",
    "public": True, "owner_id": "136693071363", "image_location": "debian/debian-12-amd64", "sriov": "simple",
    "root_device_type": "ebs", "root_device_name": "/dev/xvda", "image_type": "machine", "platform": None,
    "architecture": "x86_64", "virtualization_type": "hvm", "hypervisor": "xen",
}  # fmt: skip


@pytest.fixture
def machine() -> Iterator[None]:
    """This machine as the host of a run: one run at a time works on a host, and tests run beside each other."""
    with Path(tempfile.gettempdir(), "clusterbook-tests-machine").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def moto_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of this process's moto server."""
    patch = pytest.MonkeyPatch()
    # A list of all the images that moto knows takes seconds.
    few = tmp_path_factory.mktemp("moto") / "images.json"
    few.write_text(json.dumps([IMAGE]))
    patch.setenv("MOTO_AMIS_PATH", str(few))
    for name in VALIDATION:
        patch.setenv(name, "true")
    from moto.server import ThreadedMotoServer

    from clusterbook.lab.ec2.corrections import tags_of_reservations

    tags_of_reservations()
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()
    patch.undo()


@pytest.fixture
def aws(moto_address: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """boto3 against an empty AWS: aws("ec2") gives a client."""
    for name, value in {**SETTINGS, "AWS_ENDPOINT_URL": moto_address}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    request = urllib.request.Request(f"{moto_address}/moto-api/reset", method="POST")
    urllib.request.urlopen(request, timeout=120).close()
    import boto3

    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    # Each session reads the descriptions of services anew, which takes longer than most tests.
    monkeypatch.setattr("botocore.session.create_loader", _shared_loader)
    yield boto3.client


@functools.cache
def _shared_loader(search_path: str | None = None) -> Any:
    from botocore.loaders import Loader

    return Loader()
