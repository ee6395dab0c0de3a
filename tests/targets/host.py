"""The test host: one host of a lab of its own, prepared once, on which targets run one after the other."""

from __future__ import annotations

import json
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from clusterbook.lab import lab
from clusterbook.lab.inventory_file import spec_from_counts
from clusterbook.lab.spec import LabSpec
from tests.targets import suite

HERE = Path(__file__).parent
BASE = "/opt/targets"
SECONDS = 300
KEPT = 60_000
# Both tools see the same Debian: what ansible-test's own images have installed.
PACKAGES = ("python3-apt", "git", "unzip", "zip", "bzip2", "xz-utils", "zstd", "cron", "sshpass", "openssl", "acl",
            "file", "python3-venv", "locales", "gnupg", "virtualenv", "python3-setuptools", "dirmngr")  # fmt: skip
_WRAPPER = """#!/bin/sh
exec {base}/{tool}/bin/python -c 'import sys; from {module} import main; sys.exit(main())' "$@"
"""
_ORACLE = {"ansible": "adhoc", "ansible-config": "config", "ansible-console": "console", "ansible-doc": "doc",
           "ansible-galaxy": "galaxy", "ansible-inventory": "inventory", "ansible-playbook": "playbook",
           "ansible-pull": "pull", "ansible-vault": "vault"}  # fmt: skip
_INVENTORY = """[testgroup]
testhost ansible_connection=local ansible_pipelining=yes ansible_python_interpreter=/usr/bin/python3
"""
_PREPARE = """set -e
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update && apt-get -qq install -y {packages} >/dev/null
for tool in oracle ours; do
    python3 -m venv --without-pip {base}/$tool
    rm -rf {base}/$tool/lib/python3.11/site-packages
    ln -s {base}/$tool/packages {base}/$tool/lib/python3.11/site-packages
done
: > {base}/ansible.cfg
mkdir -p {base}/bin/oracle {base}/bin/ours
"""


@dataclass(frozen=True)
class Result:
    """How one target ended with one tool. status: pass, fail or timeout."""

    target: str
    tool: str
    status: str
    seconds: float
    output: str


class TestHost:
    """A prepared lab host. Use it for both tools: each run gets a root file system of its own."""

    __test__ = False

    def __init__(self, name: str, network: str) -> None:
        """name, network: of the lab, which is made when it is not up."""
        self._spec: LabSpec = spec_from_counts(name, 1, 0, 0, "debian-12", network)
        self._folder = Path("/var/lib/clusterbook/lab") / name
        self._address = self._spec.hosts[0].address

    def prepare(self) -> None:
        """Bring the lab up and put everything on the host that is not there."""
        archive = suite.base_archive()
        lab.up(self._spec, lambda line: None)
        if self.shell(f"test -f {BASE}/prepared", check=False).returncode:
            self.shell(f"mkdir -p {BASE}")
            self._unpack(archive)
            self.shell(_PREPARE.format(base=BASE, packages=" ".join(PACKAGES)))
            for name, module in _ORACLE.items():
                self._program("oracle", name, f"ansible.cli.{module}", "oracle")
                self._program("ours", name, f"ansible.cli.{module}", "oracle")
            self._program("ours", "ansible-playbook", "clusterbook.cli.ansible.program", "ours")
            self.write(f"{BASE}/test/integration/inventory", _INVENTORY)
            self.shell(f"touch {BASE}/prepared")
        self.update()

    def update(self) -> None:
        """Put this repository's present state on the host."""
        packages = f"{BASE}/ours/{suite.packages_name()}"
        if self.shell(f"test -d {packages}", check=False).returncode:
            self._unpack(suite.packages_archive())
        self.shell(f"rm -rf {BASE}/ours/packages; ln -s {packages} {BASE}/ours/packages")
        self.shell(f"echo {BASE}/ours/tree > {packages}/clusterbook.pth")
        self.shell(f"rm -rf {BASE}/ours/tree")
        subprocess.run(self._tar(), input=suite.own_archive(), check=True)
        self.shell(f"{BASE}/ours/bin/python -m compileall -q {BASE}/ours/tree", check=False)
        self.write(f"{BASE}/on_host.sh", (HERE / "on_host.sh").read_text(), "755")

    def reset(self) -> None:
        """A bare host again, prepared."""
        lab.reset_hosts(self._spec, [self._spec.hosts[0].name], lambda line: None)
        self.prepare()

    def remove(self) -> None:
        """Take the lab down."""
        lab.down(self._spec)

    def run(self, target: suite.Target, tool: str, whole: bool = False, seconds: int = SECONDS) -> Result:
        """Run one target with one tool."""
        started = time.monotonic()
        words = [f"{BASE}/on_host.sh", tool, target.name, target.kind, str(seconds), *(["whole"] if whole else [])]
        done = self.shell(" ".join(words), check=False)
        status = {0: "pass", 124: "timeout", 137: "timeout"}.get(done.returncode, "fail")
        output = done.stdout.decode("utf-8", "replace")
        return Result(target.name, tool, status, round(time.monotonic() - started, 1), output[-KEPT:])

    def shell(self, script: str, check: bool = True) -> subprocess.CompletedProcess[bytes]:
        """A script as root on the host, output and errors together."""
        return subprocess.run(
            [*self._ssh(), "sudo bash -s"], input=script.encode(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            check=check,
        )

    def write(self, path: str, text: str, mode: str = "644") -> None:
        """A file on the host."""
        subprocess.run([*self._ssh(), f"sudo install -m {mode} /dev/stdin {path}"], input=text.encode(), check=True)

    def _unpack(self, archive: Path) -> None:
        with archive.open("rb") as stream:
            subprocess.run(self._tar(), stdin=stream, check=True)

    def _tar(self) -> list[str]:
        return [*self._ssh(), f"sudo tar -xf - -C {BASE} --no-same-owner"]

    def _program(self, folder: str, name: str, module: str, tool: str) -> None:
        self.write(f"{BASE}/bin/{folder}/{name}", _WRAPPER.format(base=BASE, tool=tool, module=module), "755")

    def _ssh(self) -> list[str]:
        known = f"UserKnownHostsFile={self._folder / 'known_hosts'}"
        key = str(self._folder / "id_ed25519")
        options = [word for option in (known, "BatchMode=yes", "LogLevel=ERROR") for word in ("-o", option)]
        return ["ssh", "-i", key, *options, f"admin@{self._address}"]


def store(result: Result, folder: Path) -> None:
    """Keep a result for the table."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{result.tool}-{result.target}.json").write_text(json.dumps(asdict(result)))


def stored(folder: Path) -> dict[tuple[str, str], Result]:
    """(tool, target) -> result."""
    found = [Result(**json.loads(path.read_text())) for path in sorted(folder.glob("*.json"))]
    return {(one.tool, one.target): one for one in found}
