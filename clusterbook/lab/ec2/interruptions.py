"""Spot interruptions in the lab: a tag of an instance says when it is taken back, which its metadata announce before.

AWS decides that by itself and gives two minutes' notice. Rules: EC2's user guide, "Spot Instance interruption notices".
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from clusterbook.cloud.aws import Cloud, tags_of

# Its value: when, such as 2026-11-27T15:00:00Z.
TAG = "clusterbook.io/lab-interrupted-at"
PATH = "spot/instance-action"


def notice(item: Mapping[str, Any]) -> dict[str, str]:
    """What metadata say below meta-data/ of an instance that is taken back; nothing of others."""
    moment = tags_of(item).get(TAG, "")
    return {PATH: json.dumps({"action": "terminate", "time": moment})} if moment else {}


def carry_out(cloud: Cloud, running: Sequence[Mapping[str, Any]]) -> None:
    """Terminate the instances whose time has come. ValueError when a tag is no moment."""
    ends = {item["InstanceId"]: tags_of(item).get(TAG, "") for item in running}
    due = [name for name, moment in ends.items() if moment and _seconds(moment) <= time.time()]
    if due:
        cloud.call("ec2", "terminate_instances", InstanceIds=due)


def _seconds(moment: str) -> float:
    return datetime.strptime(moment, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()
