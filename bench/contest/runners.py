"""The contestants: how each is installed at run time, in an environment of its own, and called."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

ANSIBLE = "ansible-core>=2.19,<2.20"
FLOOR = "ssh + python start"


@dataclass(frozen=True)
class Runner:
    """One contestant. argv: its command in the project's folder, with {play} and {where}; version: what it says."""

    name: str
    version: str
    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)

    def command(self, play: str, where: str) -> list[str]:
        """The command for a play and an inventory, by their names."""
        return [word.format(play=play, where=where) for word in self.argv]


def floor() -> Runner:
    """Nothing but a connection to each host at once and the start of Python there: below that nobody can come."""
    return Runner(FLOOR, "", ("sh", "floor-{where}.sh"))


def clusterbook(strategy: str, *words: str) -> Runner:
    """This project's own; `linear` is Ansible's lockstep, `free` what its own playbooks use. words: more options."""
    program = str(Path(sys.executable).parent / "clusterbook")
    argv = (program, "run", f"{{play}}-{strategy}.yml", "--inventory", "{where}.yml", *words)
    return Runner(" ".join((f"clusterbook, strategy {strategy}", *words)), "", argv)


def others(cache: Path, without: Collection[str] = ()) -> tuple[list[Runner], list[str]]:
    """Ansible, Mitogen and pyinfra as far as they can be installed, and notes on those that cannot."""
    found, notes = [], []
    for name, make in (("ansible-core", _ansible), ("mitogen", _mitogen), ("pyinfra", _pyinfra)):
        if name in without:
            notes.append(f"{name} was left out of this run.")
            continue
        try:
            found.append(make(cache))
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired, OSError) as error:
            notes.append(f"{name} could not be installed and is left out ({type(error).__name__}).")
    return found, notes


def _ansible(cache: Path) -> Runner:
    python = _environment(cache / "ansible", ANSIBLE)
    argv = (str(python.parent / "ansible-playbook"), "-i", "{where}.yml", "{play}-linear.yml")
    return Runner("ansible-core, pipelining", _version(python, "ansible-core"), argv, _settings())


def _mitogen(cache: Path) -> Runner:
    python = _environment(cache / "mitogen", ANSIBLE, "mitogen")
    plugins = next(python.parent.parent.glob("lib/python*/site-packages/ansible_mitogen/plugins/strategy"))
    settings = {**_settings(), "ANSIBLE_STRATEGY_PLUGINS": str(plugins)}
    argv = (str(python.parent / "ansible-playbook"), "-i", "{where}.yml", "{play}-mitogen_linear.yml")
    return Runner("ansible-core with Mitogen", _version(python, "mitogen"), argv, settings)


def _pyinfra(cache: Path) -> Runner:
    python = _environment(cache / "pyinfra", "pyinfra>=3,<4")
    return Runner("pyinfra", _version(python, "pyinfra"),
                  (str(python.parent / "pyinfra"), "--yes", "hosts_{where}.py", "{play}.py"))  # fmt: skip


def _settings() -> dict[str, str]:
    """Ansible as a person who knows it sets it up for speed."""
    return {
        "ANSIBLE_PIPELINING": "True", "ANSIBLE_FORKS": "50", "ANSIBLE_NOCOLOR": "1", "ANSIBLE_TIMEOUT": "60",
        "ANSIBLE_SSH_ARGS": "-o ControlMaster=auto -o ControlPersist=60s", "ANSIBLE_HOST_KEY_CHECKING": "True",
    }  # fmt: skip


def _environment(directory: Path, *packages: str) -> Path:
    """A Python environment with these packages; made once."""
    python, mark = directory / "bin" / "python", directory / "complete"
    if not mark.is_file() or mark.read_text() != " ".join(packages):
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(directory)], check=True, timeout=120)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages]
        subprocess.run(install, check=True, timeout=600)
        mark.write_text(" ".join(packages))
    return python


def _version(python: Path, package: str) -> str:
    code = f"import importlib.metadata as m; print(m.version({package!r}))"
    return subprocess.run([str(python), "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def environment(runner: Runner) -> dict[str, str]:
    """The environment of a contestant's command. All are installed, so what is compiled may be kept."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, **runner.environment}
