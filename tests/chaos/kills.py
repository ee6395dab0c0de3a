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
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from clusterbook.lab import lab, record
from tests.chaos import page
from tests.chaos.life import ALL
from tests.lab.asking import as_root, until
from tests.lab.conftest import PROGRAM, Cluster, with_store
from tests.lab.forms import booted, is_well
from tests.lab.keeping import kept
from tests.lab.long_forms import commit
from tests.lab.probing import probed
from tests.lab.test_nodes import of, on
from tests.lab.test_upgrade import NEW, OLD, without_version

FORM = f"three control planes and two workers, of {OLD}"
FIRST = ALL[:-1]


@dataclass(frozen=True)
class Operation:
    """A task. kills: how often it is killed; seconds: within which, from each start, as each goes on where the one
    before stopped; so that it is killed while it works. served: whether the API is there meanwhile; before: what is
    done first; asked, left: hosts of the inventory for it, and afterwards."""

    name: str
    words: tuple[str, ...]
    kills: int
    seconds: float
    served: bool = True
    before: Callable[[Cluster], object] | None = None
    after: Callable[[Cluster, object], None] | None = None
    asked: tuple[str, ...] = FIRST
    left: tuple[str, ...] = FIRST


def _with_new_programs(form: Cluster) -> None:
    form.on("mirror", "--start", "--kubernetes-version", NEW)


def _with_a_backup(form: Cluster) -> object:
    """Every object that the backup has; afterwards one is gone and another is there."""
    form.kubectl("create", "configmap", "of-before")
    was = kept(form)
    on(form, "backup")
    form.kubectl("delete", "configmap", "of-before")
    form.kubectl("create", "configmap", "of-after")
    return was


def _as_in_the_backup(form: Cluster, was: object) -> None:
    assert kept(form) == was


def _with_a_second_worker(form: Cluster) -> None:
    on(form, "add-node", "w-2")


def _with_a_bare_control_plane(form: Cluster) -> None:
    lab.reset_hosts(record.read_spec(form.name), ["cp-2"])


RAISED = Operation("provision of bare hosts", ("provision",), 12, 16, served=False)
OPERATIONS = (
    RAISED,
    Operation("provision that changes a setting of every API server",
              ("provision", "--extra-vars", "kube_apiserver_audit_log_days=31"), 8, 12),
    Operation("rotation of authorities", ("rotate-ca", "--yes"), 5, 100),
    Operation("backup", ("backup",), 5, 6),
    Operation("upgrade to another minor version", ("upgrade", "--to", NEW), 8, 70, before=_with_new_programs),
    Operation("rotation of certificates", ("rotate-certs", "--yes"), 8, 40),
    Operation("rotation of the encryption key", ("rotate-encryption-key", "--yes"), 6, 60),
    # What is written meanwhile is lost, as it should be.
    Operation("restore", ("restore", "--from", "latest", "--yes"), 8, 30, served=False, before=_with_a_backup,
              after=_as_in_the_backup),
    Operation("a worker added", ("add-node", "w-2"), 5, 12, asked=ALL, left=ALL),
    Operation("a worker removed", ("remove-node", "w-2", "--yes"), 5, 10, before=_with_a_second_worker, asked=ALL),
    Operation("a control plane replaced that lost its disk", ("replace-node", "cp-2", "--yes"), 5, 30,
              before=_with_a_bare_control_plane),
)  # fmt: skip


@dataclass(frozen=True)
class Told:
    """What became of an operation, and when. moments: seconds after which it was killed; early: runs that ended
    before that; lost: writes, None where there is no API."""

    operation: str
    date: str
    commit: str
    seed: int
    moments: Sequence[float]
    early: int
    lost: int | None


def main() -> int:
    """The exit status; an assertion tells what did not end as it should. What was told before that stays written."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.kills")
    parser.add_argument("--seed", type=int, default=1, help="chooses the moments (default: 1)")
    tasks = sorted({one.words[0] for one in OPERATIONS})
    parser.add_argument("--only", choices=tasks, nargs="+", help="these tasks alone; of others the report stays")
    parser.add_argument("--points", type=int, help="how often each is killed (default: each its own number)")
    parser.add_argument("--write", action="store_true", help="write docs/reports/kills.json and docs/chaos.md")
    asked = parser.parse_args()
    chosen = [one for one in OPERATIONS if asked.only is None or one.words[0] in asked.only]
    with tempfile.TemporaryDirectory(prefix="clusterbook-kills-") as folder:
        for told in _all(chosen, Path(folder), asked.seed, asked.points):
            if asked.write:
                _write(told)
    return 0


def _write(told: Told) -> None:
    names = [one.name for one in OPERATIONS]
    operations = page.with_others(page.KILLS, "operations", "operation", names, [asdict(told)])
    page.publish(page.KILLS, {"kills": sum(len(one["moments"]) for one in operations), "operations": operations})


def _all(chosen: Sequence[Operation], folder: Path, seed: int, points: int | None) -> Iterator[Told]:
    with booted(FORM, folder, with_store, "kills", "10.69.0") as form:
        form.on("mirror", "--start", "--kubernetes-version", OLD)
        if RAISED not in chosen:
            on(of(form, *FIRST), "provision")
            without_version(form)
            on(of(form, *FIRST), "validate-cluster", "--wait", "5m")  # an upgrade of one that is not well is refused
        for operation in chosen:
            yield _one(form, operation, points or operation.kills, seed)
            if operation is RAISED:
                without_version(form)


def _one(form: Cluster, operation: Operation, kills: int, seed: int) -> Told:
    asked = of(form, *operation.asked)
    was = operation.before(asked) if operation.before is not None else None
    start = time.monotonic()
    with probed(form) if operation.served else nullcontext({}) as records:
        moments, early = _killed_often(asked, operation, kills, random.Random(f"{seed} {operation.name}"))
        on(asked, *operation.words)
        if operation.words[0] == "provision":
            on(asked, *operation.words, "--check")  # nothing is left to do
            on(asked, "provision")
        is_well(of(form, *operation.left))
    if operation.after is not None:
        operation.after(asked, was)
    print(f"{operation.name}: killed after {moments} s, {early} runs ended before, "
          f"{time.monotonic() - start:.0f} s in all", flush=True)  # fmt: skip
    lost = records["write"].get("lost") if operation.served else None
    assert not operation.served or lost == 0, operation.name
    return Told(operation.name, f"{datetime.now(UTC):%Y-%m-%d}", commit(), seed, moments, early, lost)


def _killed_often(form: Cluster, operation: Operation, kills: int, chance: random.Random) -> tuple[list[float], int]:
    """When it was killed, and how many runs ended before they were."""
    moments: list[float] = []
    early = 0
    while len(moments) < kills and early < 2 * kills:
        after = round(chance.uniform(0.3, operation.seconds), 1)
        if _killed(form, operation.words, after):
            moments.append(after)
        else:
            early += 1
    return moments, early


def _killed(form: Cluster, words: Sequence[str], after: float) -> bool:
    """Start it and kill it after so many seconds. Whether it still ran then."""
    argv = [sys.executable, "-c", PROGRAM, words[0], "--inventory", str(form.inventory), "--cluster", form.name,
            *words[1:]]  # fmt: skip
    process = subprocess.Popen(argv, env=form.environment, cwd=page.ROOT, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)  # fmt: skip
    with suppress(subprocess.TimeoutExpired):
        process.wait(after)  # one that ends before that is not waited for
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
