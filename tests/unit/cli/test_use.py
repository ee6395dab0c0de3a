"""Small pieces of the tasks for people: durations, ssh's command line."""

from __future__ import annotations

import pytest

from clusterbook.cli.check import seconds
from clusterbook.cli.use import ssh_argv
from clusterbook.errors import InvalidInput
from clusterbook.model import Host


@pytest.mark.parametrize(("text", "value"), [("90", 90), ("90s", 90), ("10m", 600), ("1h", 3600), ("0s", 0)])
def test_a_time_has_a_unit(text: str, value: float) -> None:
    assert seconds(text) == value


def test_what_is_no_time_is_refused() -> None:
    with pytest.raises(InvalidInput, match="'soon' is not a time"):
        seconds("soon")


def test_ssh_uses_the_inventorys_address_user_key_and_options() -> None:
    host = Host("cp-1", ("all",), {
        "ansible_host": "10.0.0.1", "ansible_user": "admin", "ansible_port": 2222,
        "ansible_ssh_private_key_file": "key", "ansible_ssh_common_args": "-o UserKnownHostsFile='a b'",
    })  # fmt: skip
    assert ssh_argv(host, []) == [
        "ssh", "-o", "UserKnownHostsFile=a b", "-i", "key", "-p", "2222", "admin@10.0.0.1",
    ]  # fmt: skip


def test_several_words_reach_the_host_as_they_are_one_is_a_command_line() -> None:
    host = Host("cp-1", (), {})
    assert ssh_argv(host, ["echo", "a b"]) == ["ssh", "cp-1", "echo 'a b'"]
    assert ssh_argv(host, ["echo a | wc"]) == ["ssh", "cp-1", "echo a | wc"]
