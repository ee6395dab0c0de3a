"""What modules were given, as results tell it."""

from __future__ import annotations

from clusterbook.modules.invocation import HIDDEN, complete_arguments, shown_arguments


def test_every_parameter_is_told_with_its_default_by_its_main_name() -> None:
    told = complete_arguments("ansible.builtin.stat", {"name": "/etc", "follow": "yes", "_from": "the engine"})
    assert told["path"] == "/etc" and told["follow"] is True and told["checksum_algorithm"] == "sha1"
    assert not [name for name in told if name.startswith("_")]


def test_a_secret_parameter_is_not_told() -> None:
    given = {"name": "web", "password": "$6$salt$hash"}
    assert shown_arguments("ansible.builtin.user", given) == {"name": "web", "password": HIDDEN}
    assert complete_arguments("ansible.builtin.user", {"name": "web"})["password"] is None


def test_wrong_arguments_are_told_as_they_were_given() -> None:
    assert complete_arguments("ansible.builtin.stat", {"path": "/etc", "follow": "perhaps"})["follow"] == "perhaps"
