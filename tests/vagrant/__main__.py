"""`vagrant up` and `provision` of one control plane and one worker, each with a kernel of its own.

Everything is as in the project, the Vagrantfile too; the inventory has fewer hosts, and the box is made here.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

from tests.vagrant import box
from tests.vagrant.surroundings import WAY, environment, inside, made

ROOT = Path(__file__).parents[2]
HOSTS = ("cp-1", "w-1")
MIRROR = "192.168.56.1"
SECONDS = 3600


def main() -> int:
    """The exit status."""
    if os.geteuid() != 0:
        sys.stderr.write("libvirt and network namespaces need root\n")
        return 1
    with tempfile.TemporaryDirectory(prefix="clusterbook-vagrant-", dir="/var/tmp") as folder:
        Path(folder).chmod(0o755)
        with made():
            project = _project(Path(folder))
            packed = box.build(Path(folder), f"http://{WAY.gateway}:{WAY.apt_port}")
            try:
                _use(project, packed, environment(Path(folder), box.NAME))
            finally:
                _type(project, environment(Path(folder), box.NAME), "vagrant destroy --force")
    return 0


def _use(project: Path, packed: Path, known: dict[str, str]) -> None:
    """What a person types."""
    known |= {"CLUSTERBOOK_MIRROR": f"http://{MIRROR}:8080"}
    _type(project, known, f"vagrant box add --name {box.NAME} {packed}")
    packed.unlink()
    _type(project, known, "vagrant up --no-parallel")
    _type(project, known, f"clusterbook mirror --start --address {MIRROR}")
    try:
        for line in (
            "clusterbook provision --inventory vagrant",
            "clusterbook kubectl -- get nodes --output wide",
            "clusterbook provision --inventory vagrant",
            "clusterbook verify --inventory vagrant",
            "clusterbook cis --inventory vagrant --automated",
        ):
            _type(project, known, line)
    finally:
        _type(project, known, f"clusterbook mirror --stop --address {MIRROR}")


def _type(project: Path, known: dict[str, str], line: str) -> None:
    """Run a command in the project's folder and the machines' network, with what it prints and its time."""
    print(f"$ {line}", flush=True)
    started = time.monotonic()
    path = f"{Path(sys.executable).parent}:{known['PATH']}"
    done = subprocess.run(inside(*line.split()), cwd=project, env={**known, "PATH": path}, timeout=SECONDS,
                          check=False, stdin=subprocess.DEVNULL)  # fmt: skip
    print(f"{time.monotonic() - started:.0f} s, exit status {done.returncode}", flush=True)
    if done.returncode:
        raise SystemExit(f"exit status {done.returncode}: {line}")


def _project(folder: Path) -> Path:
    """A project with the Vagrantfile and an inventory of fewer hosts."""
    project = folder / "project"
    project.mkdir()
    shutil.copytree(ROOT / "inventory", project / "inventory")
    shutil.copy(ROOT / "Vagrantfile", project)
    path = project / "inventory" / "vagrant.yml"
    document = yaml.safe_load(path.read_text())
    for group in document["all"]["children"].values():
        if "hosts" in group:
            group["hosts"] = {name: values for name, values in group["hosts"].items() if name in HOSTS}
    # The way that the inventory's comment tells for a single control plane.
    document["all"]["vars"] |= {"api_address": "192.168.56.11", "api_endpoint_mode": "external"}
    path.write_text(yaml.safe_dump(document))
    return project


if __name__ == "__main__":
    sys.exit(main())
