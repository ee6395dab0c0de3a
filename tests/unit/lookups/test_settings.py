"""The lookup of Ansible's settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from clusterbook.language.lookups import LookupFailed
from clusterbook.lookups.constants import CONSTANTS
from clusterbook.lookups.settings import config
from clusterbook.lookups.surroundings import Surroundings


def told(*names: Any, environment: dict[str, str] | None = None, **options: Any) -> list[Any]:
    return config(Surroundings(environment=environment or {}), names, options)


def test_a_setting_has_the_default_that_ansible_gives_it() -> None:
    assert told("DEFAULT_FORKS", "DEFAULT_TIMEOUT", "RETRY_FILES_ENABLED") == [5, 10, False]


def test_the_environment_sets_them_in_their_own_types() -> None:
    given = {"ANSIBLE_FORKS": "20", "ANSIBLE_NOCOLOR": "yes", "ANSIBLE_SKIP_TAGS": "a, b", "ANSIBLE_BECOME_USER": "joe"}
    names = ("DEFAULT_FORKS", "ANSIBLE_NOCOLOR", "TAGS_SKIP", "DEFAULT_BECOME_USER")
    assert told(*names, environment=given) == [20, True, ["a", "b"], "joe"]


def test_a_number_in_the_environment_that_is_none_is_refused() -> None:
    with pytest.raises(LookupFailed, match="ANSIBLE_FORKS is no number"):
        told("DEFAULT_FORKS", environment={"ANSIBLE_FORKS": "many"})


def test_the_origin_of_a_value_is_told_when_it_is_asked_for() -> None:
    given = {"ANSIBLE_FORKS": "20"}
    found = told("DEFAULT_FORKS", "DEFAULT_TIMEOUT", environment=given, show_origin=True)
    assert found == [[20, "env: ANSIBLE_FORKS"], [10, "default"]]


def test_a_setting_that_is_not_known_is_an_error_unless_it_may_be_missing() -> None:
    with pytest.raises(LookupFailed, match="there is no setting 'DEFAULT_FORK' here; did you mean DEFAULT_FORKS"):
        told("DEFAULT_FORK")
    assert told("NOPE", on_missing="skip") == told("NOPE", on_missing="warn") == []


def test_other_words_for_what_may_be_missing_are_refused() -> None:
    with pytest.raises(LookupFailed, match="on_missing is 'maybe', expected one of error, warn, skip"):
        told("DEFAULT_FORKS", on_missing="maybe")


def test_settings_of_plug_ins_are_refused() -> None:
    with pytest.raises(LookupFailed, match="settings of plug-ins are not known"):
        told("remote_user", plugin_type="connection", plugin_name="ssh")


def test_the_folders_of_roles_are_those_where_the_shim_looks() -> None:
    assert told("DEFAULT_ROLES_PATH")[0][0] == str(Path.home() / ".ansible" / "roles")
    assert told("DEFAULT_ROLES_PATH", environment={"ANSIBLE_ROLES_PATH": "/a:/b"}) == [["/a", "/b"]]


def test_every_setting_is_a_plain_value() -> None:
    assert all(isinstance(value, (str, int, float, list, type(None))) for value in CONSTANTS.values())
