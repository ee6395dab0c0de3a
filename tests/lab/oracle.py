"""ansible-playbook on a lab's cluster, with what the store knows as the lowest level of variables."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from tests.differential.tools import counts, oracle_python

if TYPE_CHECKING:
    from tests.lab.conftest import Cluster

ROOT = Path(__file__).parents[2]
HERE = ROOT / "tests" / "differential" / "ansible"
# What the certificate's action plugin needs of this project's libraries, beside Ansible's own.
LIBRARIES = ("cryptography", "jsonschema", "platformdirs", "pyyaml")
SECONDS = 3600


class Oracle:
    """Runs our playbooks as Ansible does."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        """The lab's mirror must be filled. folder: for the cluster's variables, which hold secrets."""
        python = oracle_python(platformdirs.user_cache_path("clusterbook"))
        subprocess.run([str(python), "-m", "pip", "install", "-q", *LIBRARIES], check=True)
        self._program = python.with_name("ansible-playbook")
        self._sources = (folder / "cluster.json", cluster.inventory)
        kept = {name: value for name, value in cluster.environment.items() if not name.startswith("ANSIBLE_")}
        self._environment = {
            **kept, "PYTHONPATH": str(ROOT), "ANSIBLE_CONFIG": str(HERE / "ansible.cfg"), "LC_ALL": "C.UTF-8",
            "PATH": f"{python.parent}:{os.environ['PATH']}",
        }  # fmt: skip
        self._write_variables(cluster.inventory)

    def play(self, playbook: str) -> dict[str, dict[str, int]]:
        """Run one of our playbooks; its recap by host. It must succeed."""
        inventories = [word for source in self._sources for word in ("-i", str(source))]
        done = subprocess.run(
            [str(self._program), *inventories, str(ROOT / "playbooks" / playbook)], env=self._environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=SECONDS,
            check=False,
        )  # fmt: skip
        print(done.stdout[-1500:])
        assert done.returncode == 0, done.stdout[-6000:]
        return counts(done.stdout)

    def _write_variables(self, inventory: Path) -> None:
        """An inventory of nothing but variables: the file after it, with the hosts, overrides them."""
        done = subprocess.run([sys.executable, str(HERE / "cluster_variables.py"), str(inventory)],
                              env=self._environment, capture_output=True, text=True, check=True)  # fmt: skip
        target = self._sources[0]
        target.touch(mode=0o600)
        target.write_text(done.stdout)
