"""The local process is killed at random moments of every long operation, and each is run to its end: `make soak`.

Each operation is started again and again, and killed with -9 after seconds that chance chooses, until it was killed
often enough; then it runs to its end. In the end the cluster must be well, nothing may be left to do, every host must
be as its roles promise, and no write that was acknowledged may be gone.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from clusterbook.lab import record
from tests.chaos import page
from tests.lab.asking import as_root, until
from tests.lab.conftest import PROGRAM, Cluster, with_store
from tests.lab.forms import booted, is_well
from tests.lab.probing import probed
from tests.lab.test_upgrade import NEW, OLD, without_version

FORM = f"three control planes and one worker, of {OLD}"


@dataclass(frozen=True)
class Operation:
    """A task. kills: how often it is killed; seconds: within which, from each start, as each goes on where the one
    before stopped; so that it is killed while it works."""

    name: str
    words: tuple[str, ...]
    kills: int
    seconds: float


OPERATIONS = (
    Operation("provision of bare hosts", ("provision",), 12, 16),
    Operation("provision that changes a setting of every API server",
              ("provision", "--extra-vars", "kube_apiserver_audit_log_days=31"), 8, 12),
    Operation("backup", ("backup",), 5, 6),
    Operation("upgrade to another minor version", ("upgrade", "--to", NEW), 8, 25),
    Operation("rotation of certificates", ("rotate-certs", "--yes"), 8, 40),
    Operation("rotation of the encryption key", ("rotate-encryption-key", "--yes"), 6, 60),
    Operation("restore", ("restore", "--from", "latest", "--yes"), 8, 30),
)  # fmt: skip


@dataclass(frozen=True)
class Told:
    """What became of an operation. moments: seconds after which it was killed; early: runs that ended before that."""

    operation: str
    moments: Sequence[float]
    early: int
    lost: int | None


def main() -> int:
    """The exit status: 1 when an operation did not end as it should (an assertion tells what)."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.kills")
    parser.add_argument("--seed", type=int, default=1, help="chooses the moments (default: 1)")
    parser.add_argument("--write", action="store_true", help="write docs/reports/kills.json and docs/chaos.md")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="clusterbook-kills-") as folder:
        told = list(_all(Path(folder), random.Random(asked.seed)))
    if asked.write:
        page.publish(page.KILLS, {
            "seed": asked.seed, "kills": sum(len(one.moments) for one in told),
            "operations": [asdict(one) for one in told],
        })  # fmt: skip
    return 0


def _all(folder: Path, chance: random.Random) -> Iterator[Told]:
    with booted(FORM, folder, with_store) as one:
        one.on("mirror", "--start", "--kubernetes-version", OLD)
        first, *others = OPERATIONS
        yield _one(one, first, chance)
        without_version(one)
        for operation in others:
            if operation.name == "restore":  # what is written meanwhile is lost, as it should be
                yield _one(one, operation, chance)
                continue
            if operation.name.startswith("upgrade"):
                one.on("mirror", "--start", "--kubernetes-version", NEW)
            with probed(one) as records:
                told = _one(one, operation, chance)
            yield Told(told.operation, told.moments, told.early, records["write"].get("lost"))
            assert records["write"].get("lost") == 0, operation.name


def _one(form: Cluster, operation: Operation, chance: random.Random) -> Told:
    moments: list[float] = []
    early = 0
    while len(moments) < operation.kills and early < 2 * operation.kills:
        after = round(chance.uniform(0.3, operation.seconds), 1)
        if _killed(form, operation.words, after):
            moments.append(after)
        else:
            early += 1
    form.on(*operation.words)
    if operation.words[0] == "provision":
        form.on(*operation.words, "--check")  # nothing is left to do
        form.on("provision")
    is_well(form)
    print(f"{operation.name}: killed after {moments} s, {early} runs ended before", flush=True)
    return Told(operation.name, moments, early, None)


def _killed(form: Cluster, words: Sequence[str], after: float) -> bool:
    """Start it and kill it after so many seconds. Whether it still ran then."""
    argv = [sys.executable, "-c", PROGRAM, words[0], "--inventory", str(form.inventory), *words[1:]]
    process = subprocess.Popen(argv, env=form.environment, cwd=page.ROOT, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)  # fmt: skip
    time.sleep(after)
    process.kill()
    errors = process.communicate()[1].decode()
    assert process.returncode in (-9, 0), errors  # never refused because of what a killed run left
    until(lambda: all(_is_free(form, host.name) for host in record.read_spec(form.name).hosts), "agents have ended")
    return process.returncode == -9


def _is_free(form: Cluster, host: str) -> bool:
    lock = "/var/lib/clusterbook/agent/lock"
    look = f"if [ ! -e {lock} ] || flock --nonblock {lock} true; then echo free; else echo held; fi"
    return as_root(record.read_spec(form.name), host, look) == "free"


if __name__ == "__main__":
    sys.exit(main())
