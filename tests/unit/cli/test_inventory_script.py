"""The inventory script of a cluster on EC2 under the real ansible-inventory and ansible, where they are installed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import platformdirs
import pytest

from tests.unit.cli.conftest import NAME, Run

ORACLE = platformdirs.user_cache_path("clusterbook") / "oracle-venv" / "bin"
Ansible = Callable[..., str]
pytestmark = pytest.mark.skipif(not (ORACLE / "ansible").exists(), reason="the differential tests install Ansible")


@pytest.fixture
def ansible(created: Run, aws: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ansible:
    """Runs a program of Ansible with the script that the documentation shows, on a cluster whose tags are hostile."""
    assert created("update-cluster", NAME, "--yes")[0] == 0
    hostile = f"{{{{ lookup('pipe', 'touch {tmp_path}/done') }}}}"
    instances = [item["InstanceId"] for one in aws("ec2").describe_instances()["Reservations"]
                 for item in one["Instances"]]  # fmt: skip
    aws("ec2").create_tags(Resources=instances, Tags=[{"Key": "team", "Value": hostile}])
    script = tmp_path / "script"
    script.write_text('#!/bin/sh\nexec clusterbook inventory --inventory aws "$@"\n')
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    monkeypatch.setenv("ANSIBLE_LOCALHOST_WARNING", "false")
    monkeypatch.setenv("CLUSTERBOOK_MIRROR", "http://192.0.2.1")

    def call(program: str, *words: str) -> str:
        done = subprocess.run([ORACLE / program, "-i", script, *words], capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "WARNING" not in done.stderr, done.stderr
        return done.stdout

    return call


def test_ansible_sees_the_groups_and_variables_of_the_cluster_s_hosts(ansible: Ansible) -> None:
    found = json.loads(ansible("ansible-inventory", "--list"))
    (master,) = found["control_plane"]["hosts"]
    assert master == "master-us-east-2a" and found["etcd"]["hosts"] == [master]
    assert len(found["worker"]["hosts"]) == 2
    variables = found["_meta"]["hostvars"][master]
    of_one = json.loads(ansible("ansible-inventory", "--host", master))
    for shown in (variables, of_one):
        del shown["aws_instance"]["tags"]["team"]  # each of the two has its own form for data
    assert variables == of_one
    assert variables["ansible_user"] == "admin"
    assert f"HostKeyAlias={variables['aws_instance']['instance_id']} " in variables["ansible_ssh_common_args"]
    assert ansible("ansible-inventory", "--graph", "control_plane") == f"@control_plane:\n  |--{master}\n"


def test_tags_of_an_instance_are_data_to_ansible_too(ansible: Ansible, tmp_path: Path) -> None:
    text = ansible("ansible", "all", "-c", "local", "-m", "debug", "-a", "msg={{ aws_instance.tags.team }}")
    assert text.count("SUCCESS") == 3 and text.count("lookup('pipe'") == 3
    assert not (tmp_path / "done").exists()
