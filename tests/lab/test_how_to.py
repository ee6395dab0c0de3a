"""The how-to pages, typed in: every command block of them runs on a lab, in the order of the pages."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import yaml

from clusterbook.cluster.artifacts.catalog import load as load_catalog
from clusterbook.lab import record
from tests.lab import image_tar
from tests.lab.page import Shell, blocks

pytestmark = pytest.mark.skipif("CLUSTERBOOK_FULL" not in os.environ, reason="a long form: make full")
ROOT = Path(__file__).parents[2]
LAB, SMALL = "lab", "small"
KEYS = Path("/var/lib/clusterbook/lab") / LAB
AGNHOST, BUSYBOX = (load_catalog().image(name).reference for name in ("agnhost", "busybox"))

# What the pages write as an example -> what it is here.
HERE = {
    "192.0.2.": "10.77.0.", "10.77.0.5": "10.77.0.1", "nginx:1.29": AGNHOST, "nginx:1.30": f"{AGNHOST} --env V=1.30",
    "--show RUN": "--show last", "--duration 10m": "--duration 10s", "--namespace shop": "--namespace kube-system",
    # The page's hosts have a kernel each; those of the lab share one.
    "plan --inventory my-cluster": "plan --inventory my-cluster --extra-vars '{\"base_kernel_sysctls\": {}}'",
    "--sha256 SUM": "--sha256 $(sha256sum my-cluster.tar.zst | cut -c -64)",
    # Root's units would be those of the machine that tests.
    "--schedule 00/6:00 --yes": "--schedule 00/6:00 --check",
}  # fmt: skip
# Goes on until Ctrl-C -> seconds after which it is pressed.
UNTIL_CTRL_C = {
    "invoke probe": 10, "invoke dashboard( --admin)?": 10, "invoke prometheus": 10, "invoke logs .* --follow": 10,
}  # fmt: skip
# Ends with another status than 0: 2 says that something would change.
STATUSES = {
    "clusterbook run hello --inventory here --check( --diff)?": 2,
    "clusterbook plan --inventory my-cluster .*": 2,
    "invoke upgrade .* --check": 2,
    "invoke backup .* --schedule .*": 2,
    "invoke (restore|rotate-ca|rotate-certs|rotate-encryption-key|reset|remove-node w-3)((?! --yes).)*": 2,
}
# What the text around a section's commands says that was done before.
BEFORE: Mapping[str, str] = {
    "Begin a project of your own": "",
    "Complete tasks and options in your shell":
        "mkdir -p ~/.local/share/bash-completion/completions ~/.zfunc ~/.config/fish/completions",
    "Find mistakes before a host is there": "clusterbook mirror --stop --address 10.77.0.1; unset CLUSTERBOOK_MIRROR",
    "Look before you change": "cp $FILES/lab.yml inventory/ && invoke mirror --start --kubernetes-version 1.36.3 && "
        "mkdir -p $STORE/lab && cp $FILES/cluster.yaml $STORE/lab/ && invoke provision --inventory lab",
    "Take a backup": "source $FILES/s3",
    # After a restore the API tells of pods what was so at the backup, until kubelets have told anew.
    "Upgrade Kubernetes": "invoke mirror --start --kubernetes-version 1.37.2 && sleep 30 && "
        "invoke validate-cluster --inventory lab --wait 5m",
    "See the cluster in a browser": "rm -r $STORE/small $STORE/my-cluster",
    "Air gap and mirrors": "invoke mirror --stop",
    "Bring a host in": "cp $FILES/more.yml inventory/lab.yml",
    "applications": "cp $FILES/page.tar .",
    "Run a playbook of your own": "cp playbooks/hello.yml my-playbook.yml && cp inventory/lab.yml my-hosts.yml",
}  # fmt: skip
# Section of the how-to -> what is typed in before it: "page: section", or a page, which is all that is left of it.
BETWEEN: Mapping[str, tuple[str, ...]] = {
    "Set a value": ("drift: Look before you change",),
    "Upgrade Kubernetes": ("probe", "backup"),
    "Give pods volumes on the workers' disks": ("nodes",),
    "Take a cluster off its hosts": (
        "cluster-security", "rotation: See until when certificates are good",
        "rotation: Give everything new keys and certificates", "rotation: Encrypt Secrets by a new key", "drift",
        "doctor", "logs", "applications", "rotation",
    ),
}  # fmt: skip
# A line of cluster.yaml that a page shows among its commands.
SETTING = re.compile(r"[a-z_]+: \S+$")


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """A person's shell on a machine with bare hosts: the lab's, and nothing on them."""
    if {LAB, SMALL} & set(record.names()):
        pytest.fail(f"the lab {LAB} or {SMALL} is up already: clusterbook lab-down --name {LAB}")
    _files(tmp_path)
    typed = Shell(_environment(tmp_path), tmp_path)
    try:
        assert typed.run("clusterbook lab-up --inventory $FILES/all.yml")[0] == 0
        shutil.copy(KEYS / "id_ed25519", tmp_path / ".ssh")
        shutil.copy(KEYS / "known_hosts", tmp_path / ".ssh")
        yield typed
    finally:
        for name in {LAB, SMALL} & set(record.names()):
            typed.run(f"clusterbook lab-down --name {name}")
        typed.run("kill $(jobs -p)")
        typed.close()


def test_every_command_of_the_how_to_pages_works_as_it_is_written(shell: Shell) -> None:
    failed = []
    for title, lines in sections():
        print(f"## {title}", flush=True)
        failed += [told for line in [BEFORE.get(title, ""), *lines] if (told := run(line, shell))]
    assert not failed, "\n\n".join(failed)


def sections() -> Iterator[tuple[str, list[str]]]:
    """The how-to's sections, and in between those of other pages; what a page has before them goes by its name."""
    left: dict[str, dict[str, list[str]]] = {}
    for title, lines in blocks(ROOT / "docs" / "how-to.md").items():
        for named in BETWEEN.get(title, ()):
            page, _, section = named.partition(": ")
            there = left.setdefault(page, dict(blocks(ROOT / "docs" / f"{page}.md")))
            for one in [section] if section else list(there):
                yield one or page, there.pop(one)
        yield title, lines


def run(line: str, shell: Shell) -> str:
    """Type one line in, as it is here. What was wrong when it did not end as the page lets one expect."""
    for example, here in HERE.items():
        line = line.replace(example, here)
    if SETTING.fullmatch(line):
        line = f"grep -qx '{line}' $STORE/lab/cluster.yaml || echo '{line}' >> $STORE/lab/cluster.yaml"
    if not line:
        return ""
    for pattern, seconds in UNTIL_CTRL_C.items():
        if re.fullmatch(pattern, line):
            line = f"timeout --preserve-status --signal INT {seconds} {line}"
    wanted = next((status for pattern, status in STATUSES.items() if re.match(f"{pattern}$", line)), 0)
    status, output = shell.run(re.sub("^sudo ", "", line))
    print(f"exit {status}  {line}", flush=True)
    # 255 is what ssh ends with, which the program became there.
    ended = {0, 130, 255} if line.endswith("invoke prometheus") else {0, 130}
    good = status in (ended if line.startswith("timeout") else {wanted})
    return "" if good else f"exit {status}: {line}\n{output[-4000:]}"


def _environment(folder: Path) -> dict[str, str]:
    """A home of its own, and the program first on the path."""
    cache = os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CLUSTERBOOK_")}
    return {
        **kept, "HOME": str(folder), "XDG_CACHE_HOME": cache, "NO_COLOR": "1", "BROWSER": "true",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "FILES": str(folder / "files"),
        "STORE": str(folder / ".local/state/clusterbook"),
    }  # fmt: skip


def _files(folder: Path) -> None:
    """Inventories of the lab without and with w-3, the cluster's first configuration, an image, and a small S3."""
    files = folder / "files"
    files.mkdir()
    (folder / ".ssh").mkdir(mode=0o700)
    image_tar.write(files / "page.tar", "registry.invalid/page:1")
    document = yaml.safe_load((ROOT / "inventory" / "lab.yml").read_text())
    (files / "lab.yml").write_text(yaml.safe_dump(document))
    document["all"]["children"]["worker"]["hosts"]["w-3"] = {"ansible_host": "10.77.0.23"}
    for name in ("more.yml", "all.yml"):
        (files / name).write_text(yaml.safe_dump(document))
    (files / "cluster.yaml").write_text("cluster_name: lab\nkubernetes_version: 1.36.3\napi_address: 10.77.0.10\n")
    (files / "s3").write_text(
        "export AWS_ENDPOINT_URL=http://127.0.0.1:5599 AWS_ACCESS_KEY_ID=mine AWS_SECRET_ACCESS_KEY=mine"
        " AWS_DEFAULT_REGION=us-east-2\n"
        "moto_server --port 5599 >$FILES/s3.log 2>&1 &\n"
        "for i in $(seq 50); do curl --silent --output /dev/null $AWS_ENDPOINT_URL && break; sleep 0.2; done\n"
        "curl --silent --request PUT $AWS_ENDPOINT_URL/my-backups >/dev/null\n"
    )
