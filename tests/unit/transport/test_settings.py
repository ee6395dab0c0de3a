"""How a host's variables, OpenSSH arguments, ~/.ssh/config and options become settings."""

from __future__ import annotations

import getpass
from typing import Any

import pytest

from clusterbook.errors import InvalidInput, Position
from clusterbook.model import Host
from clusterbook.transport import Become, Options, become_of
from clusterbook.transport.settings import Settings, settings_of


def settings(options: Options | None = None, config: dict[str, Any] | None = None, **variables: Any) -> Settings:
    """The settings of host h. variables: without ansible_; config: of ~/.ssh/config."""
    host = Host("h", (), {f"ansible_{name}": value for name, value in variables.items()}, Position("lab.yml", 3, 9))
    return settings_of(host, options or Options(), lambda address, user: config or {})


def refusal(**variables: Any) -> str:
    """The message for wrong variables."""
    with pytest.raises(InvalidInput) as caught:
        settings(**variables)
    return caught.value.message


def test_a_host_without_variables_is_reached_by_its_name() -> None:
    found = settings()
    assert (found.address, found.port, found.user, found.local) == ("h", 22, getpass.getuser(), False)
    assert found.known_hosts_files[0].endswith("/.ssh/known_hosts") and not found.accept_new
    assert found.password is None and found.python is None


def test_variables_win_over_arguments_configuration_and_options() -> None:
    config = {"hostname": "c", "user": "c", "port": "4", "identityfile": ["/c"]}
    arguments = "-o Port=3 -o User=b -i /b"
    options = Options(user="d", port=5, private_key_file="/d")
    own = settings(options, config, host="a", user="a", port=2, ssh_private_key_file="/a", ssh_common_args=arguments)
    assert (own.address, own.user, own.port, own.key_files) == ("c", "a", 2, ("/a", "/b"))
    assert settings(options, config, ssh_common_args=arguments).port == 3
    assert settings(options, config).port == 4
    assert settings(options).port == 5 and settings(options).user == "d" and settings(options).key_files == ("/d",)


def test_every_form_of_an_openssh_argument_is_read() -> None:
    found = settings(
        ssh_common_args="-C -o 'StrictHostKeyChecking accept-new' -oUserKnownHostsFile=/k -J u@j1:22,j2 -p23",
        ssh_extra_args="-o ServerAliveInterval=7 -o ConnectTimeout=3 -o ControlMaster=auto -o IdentitiesOnly=yes",
        ssh_args="-o HostKeyAlias=alias",
    )
    assert found.accept_new and found.known_hosts_files[0] == "/k" and found.jump == ("j2", "u@j1:22")
    assert (found.port, found.keepalive, found.connect_timeout) == (23, 7.0, 3.0)
    assert found.identities_only and found.host_key_alias == "alias"


@pytest.mark.parametrize("text", ["-o Foo=bar", "-Z", "-o Port", "-o"])
def test_an_argument_that_would_change_nothing_is_refused(text: str) -> None:
    assert refusal(ssh_common_args=text).startswith("ansible_ssh_common_args of host 'h' holds '-")
    assert refusal(ssh_extra_args="'") == "ansible_ssh_extra_args of host 'h' is \"'\": no closing quotation"


def test_a_wrong_value_names_variable_host_and_what_is_expected() -> None:
    assert refusal(port="many") == "ansible_port of host 'h' is 'many', expected a number"
    assert refusal(host=["a"]) == "ansible_host of host 'h' is ['a'], expected text"
    assert refusal(host_key_checking="maybe") == (
        "ansible_host_key_checking of host 'h' is 'maybe', expected true or false"
    )
    assert refusal(connection="winrm") == "ansible_connection of host 'h' is 'winrm'"
    assert refusal(password=["secret"]) == "ansible_password of host 'h' is ***, expected text"


def test_a_local_host_needs_nothing_else() -> None:
    found = settings(connection="local", python_interpreter="/opt/python")
    assert found.local and found.python == "/opt/python"


def test_an_interpreter_that_is_to_be_found_is_none() -> None:
    assert settings(python_interpreter="auto_silent").python is None


def test_secrets_are_not_shown() -> None:
    assert "hunter2" not in repr(settings(password="hunter2"))
    assert "hunter2" not in repr(Become(password="hunter2")) + repr(Options(password="hunter2"))


def test_become_comes_from_variables_before_keywords() -> None:
    keywords = {"become": True, "become_user": "k"}
    assert become_of({}, keywords) == Become("k")
    assert become_of({"ansible_become_user": "v", "ansible_become_password": "p"}, keywords) == Become(
        "v", password="p"
    )
    assert become_of({"ansible_become": False}, keywords) is None
    assert become_of({"ansible_become": "yes"}, {}) == Become("root")
    assert become_of({}, {}) is None
    flagged = become_of({"ansible_become": True, "ansible_become_flags": "-i -S -n"}, {})
    assert flagged is not None and flagged.flags == ("-i",)
    assert become_of({"ansible_become_method": "su"}, {"become": True}) == Become(
        method="su", executable="su", flags=()
    )
    with pytest.raises(InvalidInput, match="become_method is 'doas'"):
        become_of({}, {"become": True, "become_method": "doas"})


def test_an_interpreter_for_all_hosts_is_not_asked_of_a_local_machine_without_it() -> None:
    options = Options(interpreter="/nowhere/python")
    assert settings(options).python == "/nowhere/python"
    assert settings(options, connection="local").python is None
    assert settings(options, python_interpreter="/own").python == "/own"
