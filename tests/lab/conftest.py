"""A lab of the test's own: its own name, network and store, so that a lab that is up meanwhile is left alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = "import sys; from clusterbook.cli.main import main; sys.argv[0] = 'clusterbook'; main()"
SECONDS = 1500


@dataclass(frozen=True)
class Ended:
    """A command that ended: its exit code, what it printed, and how long it took."""

    code: int
    output: str
    errors: str
    seconds: float

    def events(self) -> list[dict[str, Any]]:
        """The events of --json."""
        return [json.loads(line) for line in self.output.splitlines() if line.startswith("{")]

    def summary(self) -> dict[str, dict[str, int]]:
        """Counts by host, of --json."""
        found = [event for event in self.events() if event["type"] == "summary"]
        assert found, f"{self.output[-3000:]}\n{self.errors}"
        counts: dict[str, dict[str, int]] = found[-1]["hosts"]
        return counts


@dataclass(frozen=True)
class Cluster:
    """A lab and the cluster on it, used as a person does: by the command line."""

    name: str
    environment: dict[str, str]

    def __call__(self, *words: str, expect: int | None = 0) -> Ended:
        """Run a command, show how long it took, and check its exit code (None: any)."""
        started = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, *words], capture_output=True, text=True, check=False, timeout=SECONDS,
            env=self.environment, cwd=ROOT, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        ended = Ended(done.returncode, done.stdout, done.stderr, time.monotonic() - started)
        print(f"{ended.seconds:6.1f} s  exit {ended.code}  clusterbook {' '.join(words)}")
        if expect is not None and ended.code != expect:
            pytest.fail(f"exit {ended.code}, expected {expect}: clusterbook {' '.join(words)}\n"
                        f"{_tail(ended.output)}\n{_tail(ended.errors)}")  # fmt: skip
        return ended

    def on(self, task: str, *words: str, expect: int | None = 0) -> Ended:
        """Run a task on this lab's inventory."""
        return self(task, "--inventory", self.name, *words, expect=expect)


def environment(store: Path) -> dict[str, str]:
    """This process's environment with a store and a key of its own."""
    return {
        **os.environ,
        "CLUSTERBOOK_STATE_STORE": f"file://{store}",
        "CLUSTERBOOK_STORE_PASSPHRASE": "only for this test",
        "PYTHONUNBUFFERED": "1",
    }


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A lab named ci, removed at the end whatever happened."""
    if os.geteuid() != 0:
        pytest.skip("a lab needs root")
    one = Cluster("ci", environment(tmp_path_factory.mktemp("store")))
    try:
        yield one
    finally:
        one("lab-down", "--name", one.name, expect=None)


def _tail(text: str) -> str:
    return "\n".join(text.splitlines()[-60:])
