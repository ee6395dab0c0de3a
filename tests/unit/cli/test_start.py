"""The first minutes: a new project, fitness, version, bill of materials."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from invoke.context import Context
from invoke.exceptions import Exit

from clusterbook import __version__
from clusterbook.cli import beginning, inventory_of_parts
from clusterbook.cli.places import default_inventory
from clusterbook.cli.start import init, self_check, version
from clusterbook.errors import InvalidInput
from clusterbook.inventory import load as load_inventory
from clusterbook.lint import Files, lint
from clusterbook.schema import problems
from clusterbook.source import load


def test_a_new_project_has_hosts_in_the_three_groups(tmp_path: Path) -> None:
    beginning.make(tmp_path / "prod", ["192.0.2.1", "192.0.2.2"], ["192.0.2.9"], "admin", "192.0.2.100")
    path = tmp_path / "prod" / "inventory" / "prod.yml"
    assert problems(load(path), "inventory.schema.json") == []
    found = load_inventory(path)
    assert found.groups["control_plane"] == found.groups["etcd"] == ("cp-1", "cp-2")
    assert found.groups["worker"] == ("w-1",)
    assert found.hosts["w-1"].variables["ansible_host"] == "192.0.2.9"
    assert {"node_address", "node_name", "is_node"} <= set(found.hosts["w-1"].variables)



def test_one_control_plane_answers_at_its_own_address_and_several_share_one() -> None:
    alone = yaml.safe_load(beginning.hosts_file(["192.0.2.1"], [], "admin", ""))["all"]["vars"]
    assert (alone["api_address"], alone["api_endpoint_mode"]) == ("192.0.2.1", "external")
    shared = yaml.safe_load(beginning.hosts_file(["192.0.2.1"], [], "admin", "192.0.2.100"))["all"]["vars"]
    assert shared == {"ansible_user": "admin", "api_address": "192.0.2.100"}

def test_a_new_project_is_without_findings(tmp_path: Path) -> None:
    beginning.make(tmp_path, [], [], "root", "")
    assert lint(Files((tmp_path / "playbooks" / "hello.yml",)), Files()) == []


def test_a_new_project_has_virtual_machines_beside_its_own_hosts(tmp_path: Path) -> None:
    beginning.make(tmp_path / "prod", ["192.0.2.1"], [], "admin", "")
    assert 'File.join(__dir__, "inventory", "vagrant.yml")' in (tmp_path / "prod" / "Vagrantfile").read_text()
    assert "cp-1" in load_inventory(tmp_path / "prod" / "inventory" / "vagrant.yml").groups["control_plane"]
    assert default_inventory(tmp_path / "prod") == "prod"
    (tmp_path / "prod" / "inventory" / "prod.yml").unlink()
    assert default_inventory(tmp_path / "prod") == "vagrant"


def test_what_a_person_wrote_stays(tmp_path: Path) -> None:
    beginning.make(tmp_path, [], [], "root", "")
    (tmp_path / "playbooks" / "hello.yml").write_text("mine\n")
    assert beginning.make(tmp_path, [], [], "root", "") == []
    assert (tmp_path / "playbooks" / "hello.yml").read_text() == "mine\n"


@pytest.mark.parametrize(("planes", "workers", "said"), [
    ([], ["192.0.2.9"], "workers need a control plane"),
    (["192.0.2.1", "192.0.2.2"], [], "several control planes share an address, and none is given"),
    (["192.0.2.300"], [], "'192.0.2.300' is no address and no name of a host"),
    (["cp-1.example.org"], ["w 1"], "'w 1' is no address and no name of a host"),
    (["192.0.2.1"], ["192.0.2.9", "192.0.2.9"], "192.0.2.9 is named twice"),
])  # fmt: skip
def test_hosts_that_make_no_cluster_are_refused(
    planes: list[str], workers: list[str], said: str, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInput) as caught:
        beginning.make(tmp_path, planes, workers, "root", "")
    assert caught.value.message == said
    assert list(tmp_path.iterdir()) == []


def test_who_cannot_be_a_user_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="'an admin' is no name of a user"):
        beginning.make(tmp_path, ["192.0.2.1"], [], "an admin", "")


def test_the_editors_settings_name_schemas_that_are_there(tmp_path: Path) -> None:
    beginning.make(tmp_path, [], [], "root", "")
    settings = json.loads((tmp_path / ".vscode" / "settings.json").read_text())
    assert [name for name in settings["yaml.schemas"] if not (tmp_path / name).is_file()] == []


def test_init_says_what_comes_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    init(Context(), folder="mine")
    shown = capsys.readouterr().out
    assert "  cd mine\n  clusterbook run hello --inventory here --check" in shown
    assert "clusterbook plan --inventory mine" in shown


def test_this_installation_is_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                  capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    monkeypatch.setenv("CLUSTERBOOK_STATE_STORE", f"file://{tmp_path}")
    monkeypatch.setattr("clusterbook.cli.fitness.shutil.which", lambda name: f"/usr/bin/{name}")
    (tmp_path / "here" / "runs").mkdir(parents=True)  # runs on hosts that are no cluster
    self_check(Context(), json_=True)
    checks = json.loads(capsys.readouterr().out)
    found = {one["what"]: one["ok"] for one in checks}
    assert checks[-1]["found"] == f"file://{tmp_path}, 0 clusters"
    assert set(found) == {"Python", "libraries", "playbooks", "roles", "schemas", "ssh", "store"}
    assert all(found.values())


def test_what_is_missing_is_said_with_the_next_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CLUSTERBOOK_STATE_STORE", f"file://{tmp_path}")
    monkeypatch.setattr("clusterbook.cli.fitness.shutil.which", lambda name: None)
    with pytest.raises(Exit) as end:
        self_check(Context())
    assert end.value.code == 1
    assert "next: Install OpenSSH's client." in capsys.readouterr().out


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    version(Context())
    assert capsys.readouterr().out.startswith(f"clusterbook {__version__} on Python 3.")


def test_the_bill_of_materials_has_every_library_that_is_installed_for_us() -> None:
    found = inventory_of_parts.document()
    parts = {part["name"].lower(): part for part in found["components"]}
    assert {"fabric", "paramiko", "jinja2", "markupsafe", "pyyaml", "jsonschema", "boto3", "botocore"} <= set(parts)
    assert all(part["purl"] == part["bom-ref"] and part["version"] in part["purl"] for part in parts.values())
    assert [name for name, part in parts.items() if not part.get("licenses")] == []
    references = {found["metadata"]["component"]["bom-ref"], *(part["bom-ref"] for part in parts.values())}
    assert {name for edge in found["dependencies"] for name in (edge["ref"], *edge["dependsOn"])} == references


def test_the_first_playbook_is_yaml_that_people_may_copy(tmp_path: Path) -> None:
    beginning.make(tmp_path, [], [], "root", "")
    assert yaml.safe_load((tmp_path / "playbooks" / "hello.yml").read_text())[0]["hosts"] == "all"
