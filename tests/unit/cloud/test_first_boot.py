"""User data of workers: where to look for what to join by, and no secret."""

from __future__ import annotations

import base64
import json
import random
import re
import zlib
from dataclasses import replace
from typing import Any

import pytest

from clusterbook.cli.joining import first_programs
from clusterbook.cloud.aws import Cloud
from clusterbook.cloud.design import wanted
from clusterbook.cloud.first_boot import FOLDER, MOST_BYTES, user_data
from clusterbook.cloud.kinds.templates import LaunchTemplate
from clusterbook.cloud.layout import Design
from clusterbook.cloud.model import differences
from clusterbook.cluster import joining
from clusterbook.cluster.secrets import Keyring
from clusterbook.errors import InvalidInput

PLACE = {"url": "https://s3.us-east-2.amazonaws.com/bucket/team/demo.k8s.local/join", "region": "us-east-2",
         "key": joining.shown(Keyring(bytes(32)), "demo")}  # fmt: skip


def files_in(script: str) -> dict[str, str]:
    """What the script writes."""
    packed = re.search(r'b64decode\("([^"]+)"\)', script)
    assert packed
    found: dict[str, str] = json.loads(zlib.decompress(base64.b64decode(packed[1])))
    return found


def test_it_is_a_program_that_fits_and_knows_the_prefix_of_its_group() -> None:
    script = user_data("demo", "nodes", PLACE, first_programs())
    assert script.startswith("#!/usr/bin/python3\n") and len(script) < MOST_BYTES
    compile(script, "user-data", "exec")
    files = files_in(script)
    assert json.loads(files[f"{FOLDER}/settings.json"]) == {**PLACE, "cluster": "demo", "group": "nodes"}
    assert {"__main__.py", "aws.py"} == {name.rpartition("/")[2] for name in files if name.endswith(".py")}
    assert f"ExecStart=/usr/bin/python3 -I -B {FOLDER} " in files["/etc/systemd/system/clusterbook-join.service"]


def test_one_that_ec2_would_refuse_is_refused_before() -> None:
    noise = random.Random(1).randbytes(30000).hex()
    with pytest.raises(InvalidInput, match="EC2 takes 16384"):
        user_data("demo", "nodes", PLACE, {"x.py": noise})


def test_only_workers_whose_store_they_can_reach_have_one(design: Design) -> None:
    def texts(one: Design) -> list[Any]:
        return [item.fields["user_data"] for item in wanted(one) if item.kind == "LaunchTemplate"]

    assert texts(design) == [""]
    (text,) = texts(replace(design, store="s3://bucket/team", place=PLACE, programs=first_programs()))
    assert text.startswith("#!")


def test_a_launch_template_that_has_it_is_found_as_wanted(cloud: Cloud, design: Design) -> None:
    (item,) = [one for one in wanted(replace(design, place=PLACE, programs=first_programs()))
               if one.kind == "LaunchTemplate"]  # fmt: skip
    fields = {**item.fields, "key": "", "profile": "nodes", "groups": []}
    made = replace(item, fields=fields)
    tags = {"KubernetesCluster": design.name, "clusterbook.io/resource": item.key}
    LaunchTemplate().create(cloud, made, tags)
    (found,) = LaunchTemplate().listing(cloud)
    assert differences({"user_data": fields["user_data"]}, found.fields) == []
