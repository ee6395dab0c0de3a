"""Updates at once, each a process of its own, of one cluster in one store: in a bucket, and in a folder."""

from __future__ import annotations

import getpass
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clusterbook.cluster.store import Store, open_store
from tests.unit.cli.conftest import NAME, Run

UPDATE = [sys.executable, "-m", "clusterbook", "update-cluster", NAME, "--yes"]
SECONDS = 120
WHO = (
    rf"cluster '{NAME}' is in use by {re.escape(getpass.getuser())} on {{machine}} \(process {{process}}, "
    r"update-cluster\) since 20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC; last sign of life \d+ s ago"
)


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of an EC2 that takes requests and answers none."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture(params=["s3://demo-state/team", "file"])
def store(run: Run, aws: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: Any) -> Store:
    """A store with a cluster that is configured and not made."""
    address = f"file://{tmp_path}/store" if request.param == "file" else request.param
    monkeypatch.setenv("CLUSTERBOOK_STATE_STORE", address)
    image = aws("ec2").describe_images()["Images"][0]["ImageId"]
    assert run("create-cluster", NAME, "--zones", "us-east-2a", "--image", image)[0] == 0
    return open_store(os.environ)


def update() -> subprocess.CompletedProcess[str]:
    return subprocess.run(UPDATE, capture_output=True, text=True, timeout=SECONDS)


def at_work(store: Store, ec2: str) -> subprocess.Popen[bytes]:
    """An update that holds the lock, and waits for EC2."""
    process = subprocess.Popen(UPDATE, env={**os.environ, "AWS_ENDPOINT_URL_EC2": ec2}, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + SECONDS
    while not store.read(f"{NAME}/lock"):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.1)
    return process


def end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()


def test_the_second_is_told_who_is_at_work_and_goes_on_where_that_one_was_killed(store: Store, silent: str) -> None:
    first = at_work(store, silent)
    try:
        second = update()
    finally:
        end(first)
    who = WHO.format(machine=re.escape(socket.gethostname()), process=first.pid)
    assert second.returncode == 1 and re.search(who, second.stderr), second.stderr
    assert f"force-unlock {NAME}" in second.stderr
    third = update()
    assert third.returncode == 0, third.stderr
    assert re.search(rf"taking over the lock of .*process {first.pid}, .*: that process is gone", third.stderr)
    assert "22 resources done." in third.stdout
    assert store.read(f"{NAME}/lock") is None


def test_who_was_killed_on_another_machine_is_waited_for_until_its_heartbeat_is_old(store: Store, silent: str) -> None:
    first = at_work(store, silent)
    end(first)
    left = json.loads(store.read(f"{NAME}/lock") or b"")
    there = {**left, "machine": "elsewhere.example", "heartbeat": time.time() - 30}
    store.write(f"{NAME}/lock", json.dumps(there).encode())
    refused = update()
    who = WHO.format(machine=r"elsewhere\.example", process=first.pid)
    assert refused.returncode == 1 and re.search(who, refused.stderr), refused.stderr
    store.write(f"{NAME}/lock", json.dumps({**there, "heartbeat": time.time() - 91}).encode())
    taken = update()
    assert taken.returncode == 0, taken.stderr
    assert re.search(r"taking over the lock of .* on elsewhere\.example .*: no sign of life for \d+ s", taken.stderr)
    assert store.read(f"{NAME}/lock") is None
