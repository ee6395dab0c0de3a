"""The laws of modules that change accounts, units, packages and rules, on a real host, with generated steps."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as some

from clusterbook.lab.spec import LabSpec
from tests.unit.modules.histories import HOSTS

ROOT = Path(__file__).parents[2]
EXAMPLES = max(2, int(os.environ.get("CLUSTERBOOK_LAW_EXAMPLES", "12")) // 6)
FOLDER = "/opt/laws"
UNIT = "[Service]\nExecStart=/bin/sleep 1000\n[Install]\nWantedBy=multi-user.target\n"
# One where an administrator writes them, which cannot be masked, and one where packages do.
UNITS = ("/etc/systemd/system/law.service", "/usr/lib/systemd/system/law2.service")
INIT = """#!/bin/sh
### BEGIN INIT INFO
# Provides: lawinit
# Required-Start: $remote_fs
# Required-Stop: $remote_fs
# Default-Start: 2 3 4 5
# Default-Stop: 0 1 6
### END INIT INFO
case $1 in start) touch /run/lawinit ;; stop) rm -f /run/lawinit ;; status) test -e /run/lawinit || exit 3 ;; esac
"""
# On the host: each step is foretold, applied, and applied again.
DRIVER = f"""
import json, sys
sys.path.insert(0, {FOLDER!r})
from clusterbook.modules.perform import perform
from clusterbook.modules.system import System
from clusterbook.modules.system.predicted import PredictedSystem
def told(outcome):
    changes = [[c.what, c.before, c.after] for c in outcome.changes]
    return {{"changed": outcome.changed, "failed": outcome.failed, "unknown": outcome.unknown, "changes": changes,
            "message": outcome.message}}
for line in sys.stdin:
    name, steps = json.loads(line)
    answers = []
    for step in steps:
        runs = ((PredictedSystem(), True), (PredictedSystem(), True), (System(), False), (System(), False))
        answers.append([told(perform(name, step, system, check)) for system, check in runs])
    print(json.dumps(answers), flush=True)
"""


class Driver:
    """The program on the host."""

    def __init__(self, spec: LabSpec) -> None:
        known = f"UserKnownHostsFile={spec.directory / 'known_hosts'}"
        self.ssh = ["ssh", "-i", str(spec.directory / "id_ed25519"), "-o", known, "-o", "LogLevel=ERROR",
                    f"admin@{spec.host('a').address}"]  # fmt: skip
        sent = [f"clusterbook/{name}" for name in ("__init__.py", "errors.py", "model.py", "records.py", "modules")]
        code = subprocess.run(["tar", "-C", str(ROOT), "-c", *sent], capture_output=True, check=True).stdout
        subprocess.run([*self.ssh, f"sudo mkdir -p {FOLDER} && sudo tar -C {FOLDER} -x"], input=code, check=True)
        self.shell("export DEBIAN_FRONTEND=noninteractive; apt-get -qq update; "
                   "apt-get -qq install -y --no-install-recommends iptables cron kmod >/dev/null")  # fmt: skip
        for path in UNITS:
            self.shell(f"printf '%s' {shlex.quote(UNIT)} > {path}")
        self.shell(f"printf '%s' {shlex.quote(INIT)} > /etc/init.d/lawinit; chmod 755 /etc/init.d/lawinit; "
                   "systemctl daemon-reload")  # fmt: skip
        command = f"sudo env PYTHONDONTWRITEBYTECODE=1 python3 -c {shlex.quote(DRIVER)}"
        self.program = subprocess.Popen([*self.ssh, command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def shell(self, script: str) -> None:
        """A script of root; it must succeed."""
        done = subprocess.run([*self.ssh, f"sudo sh -ec {shlex.quote(script)}"], capture_output=True, text=True,
                              check=False)  # fmt: skip
        assert done.returncode == 0, done.stderr

    def run(self, name: str, steps: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
        """For each step: foretold, foretold again, applied, applied again."""
        assert self.program.stdin and self.program.stdout
        self.program.stdin.write(json.dumps([name, steps]) + "\n")
        self.program.stdin.flush()
        answers: list[list[dict[str, Any]]] = json.loads(self.program.stdout.readline())
        return answers

    def close(self) -> None:
        """End the program."""
        self.program.communicate()


@pytest.fixture(scope="module")
def driver(small_lab: LabSpec) -> Iterator[Driver]:
    """The program on host a."""
    made = Driver(small_lab)
    yield made
    made.close()


@pytest.mark.parametrize("name", sorted(HOSTS))
def test_the_laws_hold_on_a_real_host(driver: Driver, name: str) -> None:
    @seed(1)
    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None,
              phases=[Phase.explicit, Phase.generate])  # fmt: skip
    @given(some.lists(HOSTS[name], min_size=2, max_size=5))
    def law(steps: list[dict[str, Any]]) -> None:
        for step, answers in zip(steps, driver.run(name, steps), strict=True):
            foretold, again, first, second = answers
            assert again == foretold, f"{step}: a plan changed the host"
            seen = (first["changed"], first["failed"], first["changes"])
            told = (foretold["changed"], foretold["failed"], foretold["changes"])
            assert foretold["unknown"] or told == seen, f"{step}: {foretold} {first}"
            assert not second["changed"] and second["failed"] == first["failed"], f"{step}: {first} {second}"

    law()
