"""Ten of ansible-core's integration targets pass with clusterbook-playbook: the short form of `make targets`."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.targets import suite
from tests.targets.host import TestHost

NAMES = ("apt_repository", "controller", "import-role-tasks", "include_import_tasks_nested", "include_with_templating",
         "lookup_dict", "lookup_file", "ping", "split", "undefined")


@pytest.fixture(scope="module")
def host() -> Iterator[TestHost]:
    """The prepared host; skipped where none can be made, with the reason."""
    if os.geteuid() != 0:
        pytest.skip("hosts of the lab can only be made by root")
    prepared = TestHost("targets", "10.86.0.0/24")
    try:
        prepared.prepare()
    except suite.NoRegistry as error:
        pytest.skip(f"the package registry cannot be reached, so ansible-core's targets cannot be fetched: {error}")
    yield prepared
    prepared.remove()


@pytest.mark.parametrize("name", NAMES)
def test_a_target_of_ansible_passes(host: TestHost, name: str) -> None:
    target = next(one for one in suite.targets() if one.name == name)
    result = host.run(target, "ours")
    assert result.status == "pass", result.output[-4000:]
