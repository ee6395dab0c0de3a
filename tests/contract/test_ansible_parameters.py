"""Modules take what Ansible's take: names, types, defaults, choices and aliases of ansible-core 2.19.

`tests/differential/parameters.py` writes ansible_parameters.json from ansible-doc.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from clusterbook.modules import registry
from clusterbook.modules.contract import Parameter

TABLE: dict[str, dict[str, Any]] = json.loads(Path(__file__).with_name("ansible_parameters.json").read_text())
# Parameters of Ansible's documents that are text after the module's name here.
FREE = {"free_form", "free-form", "key_value"}
# Where the type is wider here, or another word for the same.
WIDER = {"str": ("path", "raw", "float", "dict", "list"), "list": ("raw",), "raw": ("list",)}
# module.parameter -> why it differs
DIFFERS = {
    "copy.local_follow": "Ansible's empty default means true",
    "dnf5.auto_install_module_deps": "nothing else is needed, as with dnf",
    "gather_facts.parallel": "facts are gathered in one go",
    "get_url.http_agent": "our own name",
    "uri.http_agent": "our own name",
    "import_role.public": "imported roles are part of the play either way",
    "mount.fstab": "Ansible's empty default means this file on Linux",
    "raw.executable": "what Ansible runs without one",
    "shell.executable": "what Ansible runs without one",
    "reboot.msg": "our own name",
    "reboot.reboot_command": "Ansible's default is a text about one",
    "setup.gather_subset": "the same, as a list",
    "template.comment_end_string": "what Jinja2 takes without one",
    "template.comment_start_string": "what Jinja2 takes without one",
    "template.newline_sequence": "the document writes the letters",
    "user.ssh_key_comment": "Ansible's default is a text about one",
    "find.encoding": "the same: UTF-8",
    "package.state": "the manager's own words, all known here",
    "package.use": "the managers that there are here",
}


@pytest.mark.parametrize("name", sorted(TABLE))
def test_a_module_has_ansibles_parameters(name: str) -> None:
    if registry.canonical(name) is None:
        assert registry.alternative(name), f"{name} is missing"
        return
    ours = registry.parameters(name)
    for parameter, theirs in TABLE[name].items():
        if parameter in FREE or f"{name.rpartition('.')[2]}.{parameter}" in DIFFERS:
            continue
        assert parameter in ours, f"{name} lacks {parameter}"
        assert list(differences(ours[parameter], theirs)) == [], f"{name} {parameter}"


def differences(ours: Parameter, theirs: dict[str, Any]) -> list[str]:
    """What is not the same, in words."""
    kind = theirs["type"]
    found = []
    if ours.type != kind and ours.type not in WIDER.get(kind, ()):
        found.append(f"type {ours.type}, not {kind}")
    if plain(ours.default, kind) != plain(theirs.get("default"), kind):
        found.append(f"default {ours.default!r}, not {theirs.get('default')!r}")
    if sorted(map(str, ours.choices)) != theirs.get("choices", []):
        found.append(f"choices {ours.choices}, not {theirs.get('choices')}")
    if not set(theirs.get("aliases", [])) <= set(ours.aliases):
        found.append(f"aliases {ours.aliases}, not {theirs['aliases']}")
    if ours.required != theirs.get("required", False):
        found.append(f"required is {ours.required}")
    return found


def plain(value: Any, kind: str) -> Any:
    """A default in one form: words for booleans, nothing for what is empty."""
    if kind == "bool":
        return str(value).lower() in ("true", "yes", "on", "1")
    if value in (None, [], {}, ""):
        return ""
    return [str(item) for item in value] if isinstance(value, list) else str(value)


def test_each_exception_is_still_one() -> None:
    for key in DIFFERS:
        short, parameter = key.split(".")
        name = next(item for item in TABLE if item.rpartition(".")[2] == short)
        ours = registry.parameters(name).get(parameter)
        assert ours is None or differences(ours, TABLE[name][parameter]) or parameter not in TABLE[name], key
