"""What a module says of wrong arguments when it runs: playbooks compare `msg` with Ansible's words."""

from __future__ import annotations

from typing import Any

import pytest

from clusterbook.modules import registry
from clusterbook.modules.contract import ModuleFailed
from clusterbook.modules.parameters import coerce


@pytest.mark.parametrize(
    ("module", "arguments", "words"),
    [
        ("copy", {"dest": "/x", "src": "a", "content": "b"}, "parameters are mutually exclusive: src|content"),
        ("file", {"state": "directory"}, "missing required arguments: path"),
        ("file", {"path": "/x", "state": "dir"},
         "value of state must be one of: absent, directory, file, hard, link, touch, got: dir"),
        ("systemd", {"name": "x", "enabled": "perhaps"},
         "argument 'enabled' is of type str and we were unable to convert to bool: "),
        ("sysctl", {"name": "a.b"}, "state is present but all of the following are missing: value"),
        ("ping", {"dat": "x"},
         "Unsupported parameters for (ansible.legacy.ping) module: dat. Supported parameters include: data."),
    ],
)
def test_the_first_problem_is_named_as_ansible_names_it(module: str, arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ModuleFailed) as caught:
        coerce(registry.specification(str(registry.canonical(module))), arguments)
    assert caught.value.message.startswith(words)
