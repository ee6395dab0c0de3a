"""Loses a host in the middle of a run, as when its power fails; or the run itself."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clusterbook.lab import lab, network, record
from tests.lab.probing import PROGRAM

if TYPE_CHECKING:
    from tests.lab.conftest import Cluster

SECONDS = 900


class Run:
    """A task that goes on meanwhile. Its output goes to a file, so that it never waits for a reader."""

    def __init__(self, cluster: Cluster, log: Path, task: str, *words: str) -> None:
        """Start a task on the cluster's inventory. log: what it prints, errors too."""
        argv = [sys.executable, "-c", PROGRAM, task, "--inventory", str(cluster.inventory), "--json", *words]
        self._lab, self._log = cluster.name, log
        with log.open("w") as output:
            self._process = subprocess.Popen(argv, env=cluster.environment, stdin=subprocess.DEVNULL, stdout=output,
                                             stderr=subprocess.STDOUT, start_new_session=True)  # fmt: skip

    def lose_after(self, step: str, host: str, silent: bool) -> None:
        """Lose a host when it has done this step.

        silent: nothing tells the other end that the host has gone; else its connections are closed as it dies.
        """
        self._wait(lambda results: any(one["name"] == step and one["host"] == host for one in results))
        spec = record.read_spec(self._lab)
        if silent:
            network.disconnect_host(spec.name, host)
        lab.stop_host(spec, host)

    def kill_after(self, count: int) -> None:
        """Kill the run when so many steps have a result."""
        self._wait(lambda results: len(results) >= count)
        self._process.kill()
        assert self._process.wait() == -signal.SIGKILL, "it ended before it was killed"

    def _wait(self, reached: Callable[[list[dict[str, Any]]], bool]) -> None:
        while not reached(self.events("result")):
            assert self._process.poll() is None, f"it ended before\n{self._log.read_text()[-3000:]}"
            time.sleep(0.05)

    def events(self, kind: str) -> list[dict[str, Any]]:
        """Events of a kind so far."""
        whole = self._log.read_text().rpartition("\n")[0].splitlines()
        found = [json.loads(line) for line in whole if line.startswith("{")]
        return [event for event in found if event["type"] == kind]

    def end(self) -> int:
        """Wait for its end; its exit status."""
        return self._process.wait(timeout=SECONDS)
