"""`deploy-app --image-file`: which hosts get an image from a file, what is done there, and what is refused before."""

from __future__ import annotations

from pathlib import Path

import pytest

from clusterbook.cluster.artifacts.oci import Contents, Settings, write_image
from clusterbook.cluster.cluster import Cluster
from clusterbook.cluster.kube import Kubectl
from tests.unit.cli.conftest import Call

HOSTS = """
all:
  vars: {ansible_connection: local, ansible_become: false}
  children:
    control_plane: {hosts: {cp-1: }}
    worker: {hosts: {cp-1: }}
"""
# In containerd's place: it remembers names of images and the label that notes their file.
CTR = """#!/bin/sh
echo "$*" >> FOLDER/ctr
case "$3" in
label) echo "$4" >> FOLDER/known ;;
list) cat FOLDER/known 2>/dev/null || true ;;
import) [ ! -e FOLDER/broken ] && test -s "$4" ;;
esac
"""
KUBECTL = """#!/bin/sh
echo "$*" >> FOLDER/kubectl.log
case "$*" in
*apply*) cat > FOLDER/applied; exit 1 ;;
*nodes*) echo '{"items": [{"status": {"nodeInfo": {"architecture": "amd64"}}}]}' ;;
*) echo '{"items": []}' ;;
esac
"""


@pytest.fixture
def folder(tmp_path: Path, kept: Cluster, monkeypatch: pytest.MonkeyPatch, machine: None) -> Path:
    """A folder with an inventory of one host, this machine, an image in page.tar, and stand-ins' notes."""
    assert kept.name == "hosts"
    (tmp_path / "hosts.yml").write_text(HOSTS)
    write_image(tmp_path / "page.tar", "registry.test/page:1", Contents({}, {}, {"/page": "hello"}), Settings("amd64"))
    for name, text in (("ctr", CTR), ("kubectl", KUBECTL)):
        (tmp_path / "bin").mkdir(exist_ok=True)
        (tmp_path / "bin" / name).write_text(text.replace("FOLDER", str(tmp_path)))
        (tmp_path / "bin" / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin", prepend=":")
    program = Kubectl(tmp_path / "bin" / "kubectl", tmp_path / "kubeconfig")
    monkeypatch.setattr("clusterbook.cli.apps.open_kubectl", lambda _: program)
    return tmp_path


def deploy(call: Call, folder: Path, *words: str) -> tuple[int, str, str]:
    """Run deploy-app with the file; the cluster's API takes nothing, so that nothing is waited for."""
    return call("deploy-app", "--name", "page", "--image-file", f"{folder}/page.tar", *words)


def asked(folder: Path) -> list[str]:
    """What the hosts' containerd was asked, without its namespace."""
    path = folder / "ctr"
    return [line.split(maxsplit=1)[1] for line in path.read_text().splitlines()] if path.exists() else []


def test_every_node_imports_the_image_once_before_the_deployment_asks_for_it(call: Call, folder: Path) -> None:
    inventory = ("--inventory", f"{folder}/hosts.yml", "--json")
    code, output, errors = deploy(call, folder, *inventory)
    assert code == 1 and "kubectl apply" in errors, output + errors
    assert [line.split()[1] for line in asked(folder)] == ["list", "import", "label"]
    assert '"imagePullPolicy": "Never"' in (folder / "applied").read_text()
    assert '"image": "registry.test/page:1"' in (folder / "applied").read_text()
    assert not list(Path("/var/tmp").glob("clusterbook-*.tar"))
    before = len(asked(folder))
    deploy(call, folder, *inventory)
    assert [line.split()[1] for line in asked(folder)[before:]] == ["list"]


def test_where_a_node_cannot_take_it_nothing_is_deployed(call: Call, folder: Path) -> None:
    (folder / "broken").touch()
    code, _, _ = deploy(call, folder, "--inventory", f"{folder}/hosts.yml")
    assert code == 1
    assert not (folder / "applied").exists()
    assert not list(Path("/var/tmp").glob("clusterbook-*.tar"))


def test_a_file_that_is_no_image_is_refused_before_any_host_or_the_cluster_is_asked(call: Call, folder: Path) -> None:
    (folder / "page.tar").write_text("FROM scratch\n")
    code, _, errors = deploy(call, folder, "--inventory", f"{folder}/hosts.yml")
    assert code == 3
    assert "page.tar is no image archive: it is no whole tar" in errors and "docker save NAME:TAG" in errors
    assert asked(folder) == [] and not (folder / "kubectl.log").exists()


def test_an_image_of_another_architecture_is_refused_before_any_host_is_asked(call: Call, folder: Path) -> None:
    write_image(folder / "page.tar", "registry.test/page:1", Contents({}, {}, {"/page": "hello"}), Settings("arm64"))
    code, _, errors = deploy(call, folder, "--inventory", f"{folder}/hosts.yml")
    assert code == 3
    assert "the image in page.tar is of arm64, and the nodes are of amd64" in errors
    assert "docker build --platform linux/amd64" in errors
    assert asked(folder) == [] and not (folder / "applied").exists()


def test_an_inventory_without_a_file_is_refused(call: Call, folder: Path) -> None:
    code, _, errors = call("deploy-app", "--name", "page", "--image", "page:1", "--inventory", f"{folder}/hosts.yml")
    assert code == 3 and "there is no --image-file" in errors
