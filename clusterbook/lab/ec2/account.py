"""The server of the lab's AWS: moto with its corrections and with images that the lab can boot.

Started detached by lifecycle.py: python -m clusterbook.lab.ec2.account --address A --port P --images FILE
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from clusterbook.cloud.images import DEBIAN_OWNER
from clusterbook.lab.spec import IMAGES

VALIDATION = (
    "MOTO_ENABLE_AMI_VALIDATION", "MOTO_EC2_ENABLE_INSTANCE_TYPE_VALIDATION", "MOTO_ENABLE_KEYPAIR_VALIDATION"
)  # fmt: skip
MADE = "20260101-0000"
# The folder of control planes that are published as EKS's.
CONTROL_PLANES = "eks"


def images() -> list[dict[str, Any]]:
    """The lab's images as EC2 lists them: named and owned as Debian's own."""
    return [
        {
            "ami_id": f"ami-{number:017x}", "name": f"{name}-amd64-{MADE}", "owner_id": DEBIAN_OWNER,
            "architecture": "x86_64", "description": f"{name} of the lab", "public": True, "state": "available",
            "virtualization_type": "hvm", "hypervisor": "xen", "image_type": "machine", "platform": None,
            "image_location": f"lab/{name}", "root_device_name": "/dev/xvda", "root_device_type": "ebs",
            "sriov": "simple", "creation_date": "2026-01-01T00:00:00.000Z",
        }
        for number, name in enumerate(IMAGES, 0xDEB)
    ]  # fmt: skip


def image_name(images: list[dict[str, Any]], ami: str) -> str:
    """The lab's image behind an id; the first one for an id that is none of the lab's."""
    places = {str(item["ami_id"]): str(item["image_location"]) for item in images}
    return places.get(ami, IMAGES[0]).removeprefix("lab/")


def main(arguments: list[str]) -> int:
    """Serve until killed."""
    parser = argparse.ArgumentParser(prog="python -m clusterbook.lab.ec2.account", description=__doc__)
    parser.add_argument("--address", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--images", type=Path, required=True)
    options = parser.parse_args(arguments)
    options.images.write_text(json.dumps(images()))
    os.environ["MOTO_AMIS_PATH"] = str(options.images)
    os.environ.update(dict.fromkeys(VALIDATION, "true"))
    serve(options.address, options.port, options.images.parent / CONTROL_PLANES)
    return 0


def serve(address: str, port: int, control_planes: Path) -> None:
    """moto's application on one address. Its environment is set before moto is first imported: it reads it then.

    control_planes: see eks.publish.
    """
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import run_simple

    correct(control_planes)
    run_simple(address, port, DomainDispatcherApplication(create_backend_app), threaded=True)


def correct(control_planes: Path) -> None:
    """Make moto's classes in this process what the lab needs them to be."""
    from clusterbook.lab.ec2 import (
        client_tokens,
        corrections,
        eks_corrections,
        group_corrections,
        iam_corrections,
        refusals,
    )

    for part in (corrections, group_corrections, refusals, client_tokens, iam_corrections):
        part.apply()
    eks_corrections.apply(control_planes)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
