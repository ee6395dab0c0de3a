"""An installed clusterbook has all that a clone has."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import platformdirs
import pytest

from tests.differential.tools import environment

ROOT = Path(__file__).parents[2]
PIPX = ("pipx==1.18.4",)
# pip's words where the registry cannot be reached.
NO_NETWORK = re.compile("NewConnectionError|ConnectTimeout|Temporary failure in name resolution|ProxyError")
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


@pytest.fixture(scope="module")
def pipx(tmp_path_factory: pytest.TempPathFactory) -> Pipx:
    """pipx of an environment that is kept, installing into a folder that is not."""
    try:
        python = environment(platformdirs.user_cache_path("clusterbook") / "pipx-venv", "pipx", PIPX)
    except subprocess.CalledProcessError:
        pytest.skip("pipx is not to be had from the package registry")
    return Pipx(python.with_name("pipx"), tmp_path_factory.mktemp("pipx"))


@dataclass(frozen=True)
class Pipx:
    """A person's pipx. folder: its home, and theirs."""

    program: Path
    folder: Path

    def run(self, *words: object, inside: str = ".") -> subprocess.CompletedProcess[str]:
        """A command as they type it; pipx's programs are on their path."""
        kept = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "HTTP", "http", "SSL_"))}
        programs = self.folder / "bin"
        environment = {
            **kept, "PATH": f"{programs}:{self.program.parent}:/usr/bin:/bin:/usr/sbin:/sbin", "HOME": str(self.folder),
            "PIPX_HOME": str(self.folder / "pipx"), "PIPX_BIN_DIR": str(programs),
            "PIPX_DEFAULT_PYTHON": sys.executable, "PIP_CACHE_DIR": str(platformdirs.user_cache_path("pip")),
            "LC_ALL": "C.UTF-8",
        }  # fmt: skip
        return subprocess.run([str(word) for word in words], cwd=self.folder / inside, env=environment, text=True,
                              capture_output=True, check=False, stdin=subprocess.DEVNULL)  # fmt: skip


def test_pipx_installs_the_wheel_and_takes_it_off_again(wheel: Path, pipx: Pipx) -> None:
    """With the libraries that it asks for, of the versions of the lock."""
    versions = re.findall(r"^\S+==\S+", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    locked = pipx.folder / "locked.txt"
    locked.write_text("\n".join(versions))
    installed = pipx.run("pipx", "install", wheel, "--pip-args", f"--constraint {locked}")
    if installed.returncode and NO_NETWORK.search(installed.stdout + installed.stderr):
        pytest.skip("the package registry cannot be reached")
    assert installed.returncode == 0, installed.stdout + installed.stderr
    assert {"clusterbook", "clusterbook-playbook"} <= {path.name for path in (pipx.folder / "bin").iterdir()}

    told = pipx.run("clusterbook", "version")
    assert told.returncode == 0 and told.stdout.startswith("clusterbook "), told.stderr
    made = pipx.run("clusterbook", "init", "mine")
    assert made.returncode == 0, made.stderr
    fit = pipx.run("clusterbook", "self-check", "--json", inside="mine")
    assert [one for one in json.loads(fit.stdout) if not one["ok"] and one["what"] != "ssh"] == [], fit.stdout
    hello = pipx.folder / "hello"  # this machine may have said hello before
    own = ("--extra-vars", f"hello_file={hello}")
    run = pipx.run("clusterbook", "run", "hello", "--inventory", "here", *own, inside="mine")
    assert run.returncode == 0, run.stdout + run.stderr
    assert "clusterbook was on here, which runs" in hello.read_text()

    gone = pipx.run("pipx", "uninstall", "clusterbook")
    assert gone.returncode == 0, gone.stderr
    assert not [*(pipx.folder / "bin").iterdir(), *(pipx.folder / "pipx" / "venvs").glob("clusterbook*")]
