"""What tests ask of a lab's hosts, and how they wait for an answer."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable

import pytest

from clusterbook.lab import host as machine
from clusterbook.lab.spec import LabSpec


def as_root(spec: LabSpec, name: str, command: str, seconds: float = 180) -> str:
    """What a command of root prints on a host; it must succeed."""
    done = machine.ssh(spec, spec.host(name), [f"sudo sh -c {shlex.quote(command)}"], seconds=seconds)
    assert done.returncode == 0, f"{name}: {command}\n{done.stdout}{done.stderr}"
    return done.stdout.strip()


def until(true: Callable[[], bool], what: str) -> None:
    """Wait for something to become true, for minutes at most."""
    for _ in range(180):
        if true():
            return
        time.sleep(1)
    pytest.fail(f"it did not happen: {what}")
