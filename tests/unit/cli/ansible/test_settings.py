"""ansible.cfg and ANSIBLE_* variables."""

from __future__ import annotations

from pathlib import Path

import pytest

from clusterbook.cli.ansible.settings import Settings, read_settings, role_folders
from clusterbook.errors import InvalidInput


def _file(folder: Path, text: str) -> Path:
    path = folder / "ansible.cfg"
    path.write_text(text)
    return path


def test_the_file_of_the_directory_is_read_and_its_paths_are_relative_to_it(tmp_path: Path) -> None:
    text = "[defaults]\ninventory = hosts.ini\nroles_path = one:/two\nforks = 7 ; many\nremote_user = deploy\n"
    _file(tmp_path, text)
    found = read_settings({}, tmp_path, tmp_path / "home")
    assert found.inventory == f"{tmp_path}/hosts.ini"
    assert found.roles_path == f"{tmp_path}/one:/two"
    assert (found.forks, found.user) == (7, "deploy")


def test_a_variable_beats_the_file(tmp_path: Path) -> None:
    _file(tmp_path, "[defaults]\nremote_user = deploy\nhost_key_checking = True\n")
    found = read_settings({"ANSIBLE_REMOTE_USER": "me", "ANSIBLE_HOST_KEY_CHECKING": "no"}, tmp_path, tmp_path)
    assert (found.user, found.host_key_checking) == ("me", False)


def test_become_and_ssh_have_sections_of_their_own(tmp_path: Path) -> None:
    text = "[privilege_escalation]\nbecome = yes\nbecome_user = app\n[ssh_connection]\nssh_args = -o Compression=yes\n"
    _file(tmp_path, text)
    found = read_settings({}, tmp_path, tmp_path)
    assert (found.become, found.become_user, found.ssh_args) == (True, "app", "-o Compression=yes")


def test_a_file_in_a_directory_that_everybody_can_write_to_is_ignored_and_that_is_said(tmp_path: Path) -> None:
    _file(tmp_path, "[defaults]\nremote_user = intruder\n")
    tmp_path.chmod(0o777)
    found = read_settings({}, tmp_path, tmp_path / "home")
    assert found.user is None
    assert found.warnings == (f"{tmp_path}/ansible.cfg is ignored: everybody can write to {tmp_path}",)


def test_the_file_that_ANSIBLE_CONFIG_names_is_read_before_others(tmp_path: Path) -> None:  # noqa: N802
    _file(tmp_path, "[defaults]\nremote_user = near\n")
    other = tmp_path / "other"
    other.mkdir()
    named = _file(other, "[defaults]\nremote_user = named\n")
    assert read_settings({"ANSIBLE_CONFIG": str(named)}, tmp_path, tmp_path).user == "named"
    assert read_settings({"ANSIBLE_CONFIG": str(other)}, tmp_path, tmp_path).user == "named"


def test_keys_of_other_tools_are_nobodys_business_here(tmp_path: Path) -> None:
    path = _file(tmp_path, "[defaults]\nstdout_callback = yaml\n[galaxy]\nserver_list = a\n")
    found = read_settings({"ANSIBLE_STDOUT_CALLBACK": "yaml"}, tmp_path, tmp_path)
    assert found == Settings(config_file=str(path))


def test_a_number_that_is_none_is_refused_with_its_place(tmp_path: Path) -> None:
    path = _file(tmp_path, "[defaults]\nforks = many\n")
    with pytest.raises(InvalidInput) as caught:
        read_settings({}, tmp_path, tmp_path)
    assert caught.value.message == f"{path} [defaults] forks is 'many', expected a number"


def test_roles_are_looked_up_where_ansible_looks(tmp_path: Path) -> None:
    assert list(role_folders(Settings(roles_path=f"{tmp_path}/a:/b"), tmp_path)) == [tmp_path / "a", Path("/b")]
    assert tmp_path / ".ansible" / "roles" in role_folders(Settings(), tmp_path)
