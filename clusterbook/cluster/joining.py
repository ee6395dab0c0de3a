"""Where workers that join by themselves find what they need: a prefix of the cluster's store (docs/joining.md)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clusterbook.cluster.store import Store

FOLDER = "join"
SEGMENT, AGENT, IDENTITY = "segment-", "agent-", "identity-"
# Other networks need more hosts than the new one when a worker comes.
NETWORK = "flannel"


def place(store: Store, cluster: str, complete: Mapping[str, Any]) -> dict[str, str]:
    """url and region of the cluster's prefix; {} where workers do not join by themselves.

    They do on EC2, with a store in S3, with flannel. complete: the completed cluster.yaml.
    """
    if "aws" not in complete or complete["cni"] != NETWORK or not store.address.startswith("s3://"):
        return {}
    from clusterbook.cluster.store_s3 import S3Store  # boto3 is slow to load

    assert isinstance(store, S3Store)
    return {"url": store.url(f"{cluster}/{FOLDER}"), "region": store.region}
