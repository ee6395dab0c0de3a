"""Other ways to a cluster than one provision that nobody disturbs: run by `make full`."""

from __future__ import annotations

import os
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from clusterbook.lab import lab, record
from clusterbook.lab.inventory_file import OF_LABS
from tests.lab.forms import booted, is_well
from tests.lab.losing import Run
from tests.lab.oracle import Oracle

# Results of steps after which a first provision is killed: one in each fifth of them.
STEPS = 200
_CHANCE = random.Random(20261126)
MOMENTS = [start + _CHANCE.randrange(STEPS // 5) for start in range(1, STEPS, STEPS // 5)]

pytestmark = pytest.mark.skipif("CLUSTERBOOK_FULL" not in os.environ, reason="a long form: make full")


def test_a_provision_that_is_killed_at_any_moment_is_completed_by_the_next(tmp_path: Path, clusters: Any) -> None:
    with booted("one control plane and one worker", tmp_path, clusters) as form:
        form.on("mirror", "--start")
        spec = record.read_spec(form.name)
        for number, moment in enumerate(MOMENTS):
            if number:
                lab.reset_hosts(spec, [host.name for host in spec.hosts])
                form.on("reset", "--yes")  # the store forgets that there was a cluster
            Run(form, tmp_path / f"{number}.jsonl", "provision").kill_after(moment)
            form.on("provision")
            is_well(form)


def test_our_playbooks_raise_the_same_cluster_under_ansible_playbook(tmp_path: Path, clusters: Any) -> None:
    with booted("three control planes and one worker", tmp_path, clusters) as form:
        form.on("mirror", "--start")
        oracle = Oracle(form, tmp_path)
        oracle.play("site.yml")
        is_well(form)
        again = oracle.play("site.yml")
        assert {host: one["changed"] for host, one in again.items()} == dict.fromkeys(again, 0)


def test_hosts_of_ones_own_become_a_cluster_as_the_readme_says(tmp_path: Path, clusters: Any) -> None:
    with booted("one control plane and one worker", tmp_path, clusters) as lent:
        spec = record.read_spec(lent.name)
        address = {host.name: host.address for host in spec.hosts}
        lent("init", str(tmp_path / "mine"), "--control-plane", address["cp-1"], "--worker", address["w-1"],
             "--user", "admin")  # fmt: skip
        inventory = tmp_path / "mine" / "inventory" / "mine.yml"
        written = yaml.safe_load(inventory.read_text())
        known = f"-o UserKnownHostsFile={spec.directory / 'known_hosts'} -o StrictHostKeyChecking=yes"
        written["all"]["vars"] |= {**OF_LABS, "ansible_ssh_common_args": known,
                                   "ansible_ssh_private_key_file": str(spec.directory / "id_ed25519")}  # fmt: skip
        inventory.write_text(yaml.safe_dump(written))
        own = replace(lent, name="mine", inventory=inventory)
        own.on("provision", expect=3)
        try:
            said = own("mirror", "--start", "--address", spec.gateway).output
            name, _, value = said.rpartition("export ")[2].strip().partition("=")
            own = replace(own, environment={**own.environment, name: value})
            own.on("plan", expect=2)
            own.on("provision")
            is_well(own)
        finally:
            own("mirror", "--stop", "--address", spec.gateway)
