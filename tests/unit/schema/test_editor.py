"""Schemas for editors accept what runs, and refuse what a run refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from clusterbook.schema import editor

ROOT = Path(__file__).parents[3]
SCHEMAS = {name: json.loads(text) for name, text in editor.files().items()}
OURS = [*((path, "playbook.schema.json") for path in sorted((ROOT / "playbooks").glob("*.yml"))),
        *((path, "tasks.schema.json") for path in sorted((ROOT / "roles").glob("*/tasks/**/*.yml"))),
        *((path, "handlers.schema.json") for path in sorted((ROOT / "roles").glob("*/handlers/*.yml")))]  # fmt: skip


def mistakes(value: Any, schema: str) -> list[str]:
    registry: Registry[Any] = Registry().with_resources(
        [(name, DRAFT202012.create_resource(text)) for name, text in SCHEMAS.items()]
    )
    validator = Draft202012Validator({"$ref": schema}, registry=registry)
    return [error.message for error in validator.iter_errors(value)]


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_a_schema_for_editors_is_valid(name: str) -> None:
    Draft202012Validator.check_schema(SCHEMAS[name])


def test_an_editor_finds_nothing_in_the_files_that_come_along() -> None:
    found = {str(path): mistakes(yaml.safe_load(path.read_text()), schema) for path, schema in OURS}
    assert len(found) > 50
    assert {path: said for path, said in found.items() if said} == {}


@pytest.mark.parametrize("task", [
    {"name": "A", "copy": {"dist": "/x"}}, {"name": "A", "ansible.builtin.file": {"path": "/x", "state": "dir"}},
    {"name": "A", "nosuchmodule": {}}, {"name": "A", "ping": {}, "wen": "x"},
])  # fmt: skip
def test_an_editor_finds_a_wrong_module_parameter_choice_and_keyword(task: dict[str, Any]) -> None:
    assert mistakes([task], "tasks.schema.json")


@pytest.mark.parametrize("task", [
    {"name": "A", "copy": {"dest": "/x", "content": "{{ x }}", "force": "{{ y }}"}},
    {"name": "A", "file": {"path": "/x", "state": "{{ 'absent' }}"}}, {"name": "A", "command": "ls -l"},
    {"name": "A", "set_fact": {"any": 1}}, {"name": "A", "copy": "src=a dest=b"},
    {"name": "B", "block": [{"ping": None}], "rescue": [{"meta": "noop"}]},
])  # fmt: skip
def test_an_editor_leaves_expressions_and_short_forms_alone(task: dict[str, Any]) -> None:
    assert mistakes([task], "tasks.schema.json") == []
