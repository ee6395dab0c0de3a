"""What commands say in the end."""

from __future__ import annotations

import pytest

from clusterbook.cli.screen import with_yes


def test_the_command_to_really_do_it_is_the_one_that_was_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["/usr/bin/clusterbook", "reset", "--inventory", "my hosts.yml"])
    assert with_yes("reset") == "invoke reset --inventory 'my hosts.yml' --yes"


def test_inside_of_another_program_it_is_the_tasks_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["pytest"])
    assert with_yes("delete-app hello") == "invoke delete-app hello --yes"


def test_the_command_that_does_it_has_yes_in_the_place_of_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["clusterbook", "reset", "--check", "--inventory", "lab"])
    assert with_yes("reset") == "invoke reset --inventory lab --yes"
