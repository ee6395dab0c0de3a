"""A person at the lab's EC2: their home, their commands, and what they wait for."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from clusterbook.lab import record
from clusterbook.lab.ec2 import lifecycle

ROOT = Path(__file__).parents[2]
PROGRAM = "import sys; from clusterbook.cli.main import main; sys.argv[0] = 'clusterbook'; main()"
Run = Callable[..., str]


@contextmanager
def person(home: Path) -> Iterator[Run]:
    """Runs a command as a person of the lab's EC2 does, whose home this is; the lab goes at the end."""
    if lifecycle.NAME in record.names():
        pytest.fail(f"the lab {lifecycle.NAME} is up already: clusterbook lab-down --name {lifecycle.NAME}")
    (home / ".ssh").mkdir(mode=0o700)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", home / ".ssh/id_ed25519"], check=True)
    cache = os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", home / "agent"], stdout=subprocess.DEVNULL)
    environment = {
        **os.environ, **lifecycle.environment(lifecycle.spec_of()), "HOME": str(home), "XDG_CACHE_HOME": cache,
        "XDG_STATE_HOME": str(home / "state"), "XDG_CONFIG_HOME": str(home / "config"),
        # ssh itself looks for keys where the account's home is, whatever HOME says.
        "SSH_AUTH_SOCK": str(home / "agent"),
        "CLUSTERBOOK_STATE_STORE": "s3://lab-state/team",
    }  # fmt: skip

    def call(*words: str, expect: int = 0, errors: bool = False) -> str:
        started = time.monotonic()
        done = subprocess.run([sys.executable, "-c", PROGRAM, *words], env=environment, cwd=ROOT, capture_output=True,
                              text=True, check=False, stdin=subprocess.DEVNULL, timeout=1800)  # fmt: skip
        print(f"{time.monotonic() - started:6.1f} s  exit {done.returncode}  clusterbook {' '.join(words)}")
        if done.returncode != expect:
            pytest.fail(f"exit {done.returncode}: {' '.join(words)}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}")
        return done.stderr if errors else done.stdout

    try:
        until((home / "agent").is_socket)
        subprocess.run(["ssh-add", "-q", home / ".ssh/id_ed25519"], env=environment, check=True)
        call("lab-up", "--ec2")
        yield call
    finally:
        call("lab-down", "--name", lifecycle.NAME)
        agent.terminate()
        agent.wait()
        shutil.rmtree(home)


def hosts() -> set[str]:
    """Names of the lab's hosts: instance ids."""
    return {one.name for one in record.read_spec(lifecycle.NAME).hosts}


def until(condition: Callable[[], bool], seconds: float = 300) -> None:
    """Wait for what another process does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.5)


def reachable() -> bool:
    """Whether each host's key is known to the account: it has booted."""
    from clusterbook.cloud.aws import Cloud, tags_of
    from clusterbook.inventory.aws_ec2.keys import KEY_TAG
    from clusterbook.lab.ec2.instances import running

    patch = pytest.MonkeyPatch()
    for name, value in lifecycle.environment(lifecycle.spec_of()).items():
        patch.setenv(name, value)
    try:
        return all(KEY_TAG in tags_of(item) for item in running(Cloud("", lifecycle.REGION)))
    finally:
        patch.undo()
