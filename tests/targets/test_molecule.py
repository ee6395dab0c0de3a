"""Molecule tests a role with clusterbook-playbook in the place of ansible-playbook."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import platformdirs
import pytest
import yaml

from tests.differential.tools import RELEASE, environment

MOLECULE = ("molecule==26.10.0", f"ansible-core=={RELEASE}")
SECONDS = 300


@pytest.fixture(scope="module")
def python() -> Path:
    """The Python of an environment with Molecule, which wants ansible-core's other programs beside it."""
    try:
        return environment(platformdirs.user_cache_path("clusterbook") / "molecule-venv", "molecule", MOLECULE)
    except subprocess.CalledProcessError:
        pytest.skip("Molecule is not to be had from the package registry")


def role(folder: Path, content: str) -> Path:
    """A role with a scenario whose instance is this machine."""
    made = str(folder / "made")
    instance = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, "made": made}
    check = {"that": "(found.content | b64decode) == 'of the role\n'"}
    files = {
        "tasks/main.yml": [
            {"ansible.builtin.file": {"path": "{{ made }}", "state": "directory", "mode": "0755"}},
            {"ansible.builtin.copy": {"dest": "{{ made }}/file", "content": content, "mode": "0644"}},
        ],
        "molecule/default/molecule.yml": {
            "driver": {"name": "default", "options": {"managed": False}}, "platforms": [{"name": "instance"}],
            "provisioner": {"name": "ansible", "inventory": {"host_vars": {"instance": instance}}},
            "verifier": {"name": "ansible"},
            "scenario": {"test_sequence": ["syntax", "converge", "idempotence", "verify"]},
        },
        "molecule/default/converge.yml": [
            {"name": "Converge", "hosts": "all", "gather_facts": False, "roles": ["../../../role"]}],
        "molecule/default/verify.yml": [
            {"name": "Verify", "hosts": "all", "gather_facts": False, "tasks": [
                {"ansible.builtin.slurp": {"src": "{{ made }}/file"}, "register": "found"},
                {"ansible.builtin.assert": check}]}],
    }  # fmt: skip
    for name, document in files.items():
        path = folder / "role" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(document, sort_keys=False))
    return folder / "role"


def molecule(python: Path, folder: Path, content: str) -> subprocess.CompletedProcess[str]:
    """Run the scenario; the programs on its PATH are Molecule's, but for ansible-playbook."""
    links = folder / "links"
    links.mkdir()
    program, link = Path(sys.executable).with_name("clusterbook-playbook"), links / "ansible-playbook"
    link.write_text(f'#!/bin/sh\necho "$@" >> {folder}/calls\nexec {program} "$@"\n')
    link.chmod(0o755)
    path = os.pathsep.join([str(links), str(python.parent), os.environ["PATH"]])
    here = {**os.environ, "PATH": path, "HOME": str(folder), "NO_COLOR": "1", "ANSIBLE_HOME": str(folder / "ansible")}
    return subprocess.run([str(python.with_name("molecule")), "test"], cwd=role(folder, content), env=here, text=True,
                          check=False, timeout=SECONDS, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)  # fmt: skip


def test_molecule_converges_a_role_finds_it_idempotent_and_verifies_it(python: Path, tmp_path: Path) -> None:
    done = molecule(python, tmp_path, "of the role\n")
    assert done.returncode == 0, done.stdout[-6000:]
    assert (tmp_path / "made" / "file").read_text() == "of the role\n"
    calls = (tmp_path / "calls").read_text().splitlines()
    assert len([call for call in calls if call.endswith("converge.yml")]) == 3, "syntax, converge and idempotence"


def test_molecule_sees_that_a_role_changes_something_each_time(python: Path, tmp_path: Path) -> None:
    done = molecule(python, tmp_path, "{{ lookup('pipe', 'date +%N') }}\n")
    assert done.returncode != 0
    assert "Idempotence test failed" in " ".join(done.stdout.split()), done.stdout[-6000:]
