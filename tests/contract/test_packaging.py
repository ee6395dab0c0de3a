"""An installed clusterbook has all that a clone has."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BROUGHT = ("playbooks", "roles", "schemas", "inventory", "Vagrantfile", "tasks.py")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as people install it."""
    folder = tmp_path_factory.mktemp("wheel")
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder)]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, "."], cwd=ROOT, check=True)
    (found,) = folder.glob("clusterbook-*.whl")
    return found


def test_the_wheel_holds_every_playbook_role_schema_and_inventory(wheel: Path) -> None:
    inside = set(zipfile.ZipFile(wheel).namelist())
    listed = subprocess.run(["git", "ls-files", *BROUGHT], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    wanted = {f"clusterbook/project_files/{name}" for name in listed.splitlines() if (ROOT / name).is_file()}
    assert wanted - inside == set()
    assert "clusterbook/cluster/artifacts/catalog.yaml" in inside
    assert "clusterbook/cluster/artifacts/lock.yaml" in inside
    assert any(name.endswith("dist-info/licenses/LICENSE") for name in inside)
    assert not [name for name in inside if "__pycache__" in name]


def test_the_source_distribution_can_be_built_from_and_holds_the_same(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(tmp_path)], cwd=ROOT,
                   check=True, capture_output=True)  # fmt: skip
    (archive,) = tmp_path.glob("clusterbook-*.tar.gz")
    with tarfile.open(archive) as opened:
        inside = {name.partition("/")[2] for name in opened.getnames()}
    assert {"pyproject.toml", "LICENSE", "README.md", "playbooks/site.yml", "roles/etcd/tasks/main.yml",
            "schemas/playbook.schema.json", "schemas/editor/tasks.schema.json", "clusterbook/__main__.py"} <= inside


def test_an_installed_clusterbook_makes_a_project_that_works(wheel: Path, tmp_path: Path) -> None:
    """As after `pipx install clusterbook`: an environment of its own, far from the repository."""
    home = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", home], check=True)
    (libraries,) = home.glob("lib/python3*/site-packages")
    (libraries / "libraries.pth").write_text(sysconfig.get_paths()["purelib"])  # the locked ones; none is fetched
    subprocess.run([sys.executable, "-m", "pip", "--python", home / "bin/python", "install", "--quiet", "--no-deps",
                    "--no-index", wheel], check=True)  # fmt: skip
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "CLUSTERBOOK_STATE_STORE": f"file://{tmp_path}/s"}

    def run(*words: str, folder: Path = tmp_path) -> subprocess.CompletedProcess[str]:
        return subprocess.run([home / "bin/clusterbook", *words], cwd=folder, env=environment, capture_output=True,
                              text=True, check=False, stdin=subprocess.DEVNULL)  # fmt: skip

    assert run("init", "mine", "--control-plane", "127.0.0.1").returncode == 0
    project = tmp_path / "mine"
    for name in ("Vagrantfile", "inventory/vagrant.yml"):
        assert (project / name).read_text() == (ROOT / name).read_text()
    fit = json.loads(run("self-check", "--json", folder=project).stdout)
    assert all(one["ok"] for one in fit if one["what"] != "ssh"), fit
    assert str(home) in next(one["found"] for one in fit if one["what"] == "roles")
    own = f"hello_file={tmp_path / 'hello'}"  # this machine may have said hello before
    plan = run("run", "hello", "--inventory", "here", "--check", "--diff", "--extra-vars", own, folder=project)
    assert plan.returncode == 2, plan.stdout + plan.stderr
    assert "+clusterbook was on here, which runs" in plan.stdout
    refused = run("provision", "--inventory", "mine", "--check", folder=project)
    assert refused.returncode == 3
    assert "nothing says where the hosts of 'mine' get Kubernetes' binaries from" in refused.stderr
