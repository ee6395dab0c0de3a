"""A lab of the test's own: its own name, network and store, so that a lab that is up meanwhile is left alone."""

from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from clusterbook.lab import lab, record
from clusterbook.lab.inventory_file import inventory_text
from clusterbook.lab.spec import LabHost, LabSpec
from tests.lab import long_forms
from tests.lab.asking import as_root

ROOT = Path(__file__).parents[2]
PROGRAM = "import sys; from clusterbook.cli.main import main; sys.argv[0] = 'clusterbook'; main()"
# A first run on a new machine builds every binary.
SECONDS = 3600
# One worker is of the newer Debian, so that one cluster proves both.
GROUPS = {
    "control_plane": [LabHost(f"cp-{number}", f"10.84.0.1{number}") for number in (1, 2, 3)],
    "worker": [LabHost("w-1", "10.84.0.21"), LabHost("w-2", "10.84.0.22", "debian-13")],
}
SPEC = LabSpec("ci", tuple(host for hosts in GROUPS.values() for host in hosts), "10.84.0.0/24")


def pytest_sessionstart() -> None:
    """A run that is asked to end (SIGTERM) removes its labs as one that is interrupted does."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


RECORD = long_forms.Record()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Count a test for the report of long forms."""
    RECORD.add(report.nodeid.partition("::")[0], report.outcome, report.when or "", report.duration)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Write the report of long forms, where all tests of the given files ran."""
    part = session.config.option.keyword or any("::" in word for word in session.config.args)
    ended = exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
    if "CLUSTERBOOK_FULL" in os.environ and ended and not part:
        RECORD.write()


@pytest.fixture(scope="module")
def measured(request: pytest.FixtureRequest) -> Callable[[str, float], None]:
    """Keeps a number of this file's tests in the report of long forms: measured("restore_seconds", 41.3)."""
    file: str = request.node.nodeid
    return lambda name, value: RECORD.measured(file, name, value)


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
    inventory: Path
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

    def counted(self, counts: Path, task: str, *words: str) -> dict[str, int]:
        """Run a task on this lab's inventory; round trips of each host."""
        argv = [sys.executable, "-m", "bench.counted", str(counts), task, "--inventory", str(self.inventory), *words]
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=SECONDS, cwd=ROOT,
                              env=self.environment, stdin=subprocess.DEVNULL)  # fmt: skip
        assert done.returncode == 0, f"{_tail(done.stdout)}\n{_tail(done.stderr)}"
        return {host: sum(kinds.values()) for host, kinds in json.loads(counts.read_text()).items()}

    def kubectl(self, *words: str, expect: int | None = 0) -> str:
        """What kubectl prints of this cluster."""
        return self("kubectl", "--cluster", self.name, "--", *words, expect=expect).output.strip()

    def apply(self, *objects: Mapping[str, Any]) -> Path:
        """Make these objects so; the file that names them."""
        file = self.inventory.parent / "objects.json"
        file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
        self.kubectl("apply", f"--filename={file}")
        return file

    def on(self, task: str, *words: str, expect: int | None = 0) -> Ended:
        """Run a task on this lab's inventory."""
        return self(task, "--inventory", str(self.inventory), *words, expect=expect)


def environment(store: Path) -> dict[str, str]:
    """This process's environment with a store and a key of its own."""
    return {
        **os.environ,
        "CLUSTERBOOK_STATE_STORE": f"file://{store}",
        "CLUSTERBOOK_STORE_PASSPHRASE": "only for this test",
        "PYTHONUNBUFFERED": "1",
    }


def with_store(name: str, inventory: Path, store: Path) -> Cluster:
    """The command line of a lab, with a store of its own."""
    return Cluster(name, inventory, environment(store))


@pytest.fixture(scope="session")
def clusters() -> Callable[[str, Path, Path], Cluster]:
    """Makes the command line of a lab: name, inventory, store."""
    return with_store


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A lab named ci, removed at the end whatever happened."""
    if os.geteuid() != 0:
        pytest.skip("a lab needs root")
    folder = tmp_path_factory.mktemp("ci")
    one = Cluster(SPEC.name, folder / "ci.yml", environment(folder / "store"))
    one.inventory.write_text(inventory_text(SPEC, GROUPS))
    (folder / "group_vars").symlink_to(ROOT / "inventory" / "group_vars")
    with alone(SPEC.name):
        _remove(one)  # what a run that was killed left
        try:
            yield one
        finally:
            _remove(one)


@contextmanager
def alone(lab_name: str) -> Iterator[None]:
    """Two test runs on one lab would take each other's cluster for a fault: the later one fails."""
    with Path(f"/run/lock/clusterbook-tests-{lab_name}").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pytest.fail(f"another test run works on the lab {lab_name}: wait until it has ended")
        yield


def _remove(one: Cluster) -> None:
    if one.name in record.names():
        one("lab-down", "--name", one.name, expect=None)


def _tail(text: str) -> str:
    return "\n".join(text.splitlines()[-60:])


@dataclass(frozen=True)
class TwoHosts:
    """Two bare hosts, a and b, and a folder of their own for playbooks, the store and what else a test writes."""

    spec: LabSpec
    folder: Path

    def inventory(self, **variables: str) -> dict[str, Any]:
        """The inventory as data. variables: more of them for host a."""
        lab = self.spec.directory
        common = f"-o UserKnownHostsFile={lab / 'known_hosts'} -o StrictHostKeyChecking=yes"
        own = {one.name: {"ansible_host": one.address} for one in self.spec.hosts}
        own["a"].update(variables)
        connection = {"ansible_user": "admin", "ansible_ssh_private_key_file": str(lab / "id_ed25519"),
                      "ansible_ssh_common_args": common}  # fmt: skip
        return {"all": {"vars": connection, "hosts": own}}

    def start(self, play: str, *words: str, hosts: dict[str, Any] | None = None) -> subprocess.Popen[str]:
        """Start `clusterbook run` on a play."""
        (self.folder / "hosts.yml").write_text(json.dumps(hosts or self.inventory()))
        (self.folder / "play.yml").write_text(play)
        # A shell that runs things in the background has them ignore SIGINT; ours must hear it.
        program = f"import signal; signal.signal(signal.SIGINT, signal.default_int_handler); {PROGRAM}"
        return subprocess.Popen(
            [sys.executable, "-c", program, "run", "play.yml", "--inventory", "hosts.yml", *words],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=self.folder,
            env=environment(self.folder / "store"), start_new_session=True,
        )  # fmt: skip

    def run(self, play: str, *words: str, hosts: dict[str, Any] | None = None, expect: int = 0) -> str:
        """What a run prints, without the table of counts and the seconds that it took; its exit code is checked."""
        process = self.start(play, *words, hosts=hosts)
        output, errors = process.communicate(timeout=SECONDS)
        assert process.returncode == expect, f"exit {process.returncode}\n{output}\n{errors}"
        return shown(output) + errors

    def on(self, name: str, command: str) -> str:
        """What a command of root prints on a host; it must succeed."""
        return as_root(self.spec, name, command)


def shown(output: str) -> str:
    """A report without what differs from run to run: the table, the slowest steps, the seconds at the end."""
    head, _, tail = output.partition("\n\n")
    sentence = [line.rpartition("  ")[0] for line in tail.splitlines() if re.match(r"\d+ hosts?: .* s$", line)]
    return "\n".join([head, *sentence]) + "\n"


@pytest.fixture(scope="session")
def small_lab() -> Iterator[LabSpec]:
    """A lab named faults; one that was up before is left up."""
    if os.geteuid() != 0:
        pytest.skip("a lab needs root")
    hosts = (LabHost("a", "10.85.0.11"), LabHost("b", "10.85.0.12"))
    spec = LabSpec("faults", hosts, "10.85.0.0/24")
    before = spec.name in record.names()
    try:
        lab.up(spec)
        yield spec
    finally:
        if not before:
            lab.down(spec)


@pytest.fixture(scope="session")
def hosts_of() -> Callable[[LabSpec, Path], TwoHosts]:
    """Makes the two hosts of a test module: the lab, its folder."""
    return TwoHosts


@pytest.fixture
def two_hosts(small_lab: LabSpec, tmp_path: Path) -> Iterator[TwoHosts]:
    """The two hosts, with nothing left under /srv afterwards."""
    both = TwoHosts(small_lab, tmp_path)
    yield both
    for one in small_lab.hosts:
        both.on(one.name, "rm -rf /srv/*")
