"""The two tools: each runs a playbook in a folder of its own, and tells its exit status and its counts."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.differential.cases import HERE, Case

ROOT = HERE.parents[1]
RELEASE = "2.19.14"
# The package with the collections that we follow, too; and what the filter password_hash needs.
ORACLE = ("ansible==12.3.0", f"ansible-core=={RELEASE}", "passlib")
_RECAP = re.compile(r"^(\S+)\s+: (ok=\d+ .*)$", re.MULTILINE)


class Tool:
    """A tool, its working folder and the inventory of its hosts."""

    name = ""

    def __init__(self, folder: Path, inventory: str, python: Path) -> None:
        """python: of the environment that the tool is in."""
        self.folder = folder
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / "hosts.yml").write_text(inventory)
        shutil.copy(HERE / "ansible.cfg", folder / "ansible.cfg")
        self._program = subprocess.Popen(
            [str(python), "-P", str(HERE / "programs.py"), self.name], env=self.environment(python), text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=folder,
        )  # fmt: skip

    def place(self, case: Case) -> Path:
        """A fresh copy of the playbook's section; what it writes locally belongs into out/ there."""
        place = self.folder / case.section
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(case.path.parent, place)
        (place / "out").mkdir()
        return place

    def run(self, case: Case, check: bool) -> dict[str, Any]:
        """One run: exit status, counts by host, all output."""
        words = ["-i", str(self.folder / "hosts.yml"), case.path.name, *case.arguments, *(["--check"] if check else [])]
        code, output = self.call(words, self.folder / case.section)
        return {"status": code, "counts": counts(output), "output": output}

    def call(self, words: list[str], directory: Path) -> tuple[int, str]:
        """Exit status and output of a command line; a fork for each."""
        assert self._program.stdin and self._program.stdout
        self._program.stdin.write(json.dumps({"directory": str(directory), "argv": words}) + "\n")
        self._program.stdin.flush()
        answer = json.loads(self._program.stdout.readline())
        return answer["code"], answer["output"]

    def close(self) -> None:
        """End the process."""
        assert self._program.stdin
        self._program.stdin.close()
        self._program.wait()

    def environment(self, python: Path) -> Mapping[str, str]:
        """Nothing of the person's own settings."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("ANSIBLE_", "CLUSTERBOOK_"))}
        own = {"PATH": f"{python.parent}:{os.environ['PATH']}", "ANSIBLE_CONFIG": str(self.folder / "ansible.cfg")}
        return {**kept, **own, "PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8", "COLUMNS": "200"}


class Clusterbook(Tool):
    """This repository's clusterbook-playbook."""

    name = "clusterbook"


class Oracle(Tool):
    """ansible-playbook."""

    name = "ansible"


def counts(output: str) -> dict[str, dict[str, int]]:
    """The recap: host -> ok, changed, unreachable, failed, skipped, rescued, ignored."""
    recap = output.rpartition("PLAY RECAP")[2]
    return {
        host: {name: int(number) for name, _, number in (pair.partition("=") for pair in numbers.split())}
        for host, numbers in _RECAP.findall(recap)
    }


def oracle_python(cache: Path) -> Path:
    """The Python of an environment with the oracle's release, made when there is none."""
    return environment(cache / "oracle-venv", "ansible-playbook", ORACLE)


def environment(folder: Path, program: str, packages: Sequence[str]) -> Path:
    """The Python of an environment that has a program, of these packages; made when there is none."""
    python = folder / "bin" / "python"
    if not (folder / "bin" / program).exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", *packages], check=True)
    return python
