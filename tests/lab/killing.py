"""A command that is killed while it works on a cluster, as when its machine loses power."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

from clusterbook.lab import record
from tests.lab.asking import as_root, until
from tests.lab.conftest import PROGRAM, ROOT, Cluster


def killed_when(form: Cluster, ended: str, task: str, *words: str) -> None:
    """Kill a task (with --json) when a step of that name has ended somewhere, and wait until no host is held."""
    argv = [sys.executable, "-c", PROGRAM, task, *words, "--inventory", str(form.inventory), "--json"]
    process = subprocess.Popen(argv, env=form.environment, cwd=ROOT, stdin=subprocess.DEVNULL, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)  # fmt: skip
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("{") and ended in line and json.loads(line)["type"] == "result":
            process.send_signal(signal.SIGKILL)
            break
    process.stdout.close()
    assert process.wait() == -signal.SIGKILL, f"it ended before {ended!r}"
    names = [host.name for host in record.read_spec(form.name).hosts]
    until(lambda: all(is_free(form, name) for name in names), "the agents have ended their steps")


def is_free(form: Cluster, host: str) -> bool:
    """Whether no run holds the host."""
    look = "flock --nonblock /var/lib/clusterbook/agent/lock true && echo free || echo held"
    return as_root(record.read_spec(form.name), host, look) == "free"
