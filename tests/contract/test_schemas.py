"""The schemas: valid, closed, described, nothing to fetch, and true of the files that come with the package."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from clusterbook.schema import keywords, problems
from clusterbook.source import load

ROOT = Path(__file__).parents[2]
SCHEMAS = sorted((ROOT / "schemas").glob("*.json"))
# Their further keys are names that a person chooses (a module, a role's parameter); the loader checks those.
OPEN = {"task", "handler", "role"}

TASK_WORDS = """
when loop loop_control register until retries delay changed_when failed_when ignore_errors ignore_unreachable
notify tags become become_user delegate_to delegate_facts run_once no_log check_mode diff environment vars args
async poll timeout throttle module_defaults with_items with_dict with_list with_fileglob with_sequence
"""
PLAY_WORDS = """
hosts vars vars_files roles pre_tasks tasks post_tasks handlers gather_facts become become_user become_method
environment serial max_fail_percentage any_errors_fatal strategy tags connection port remote_user
"""


def parts(schema: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema inside a schema, with its place. Values under enum, default and examples are no schemas."""
    if isinstance(schema, list):
        for number, item in enumerate(schema):
            yield from parts(item, f"{path}/{number}")
    elif isinstance(schema, dict):
        yield path, schema
        for key, item in schema.items():
            if key in ("properties", "$defs", "patternProperties", "dependentSchemas"):
                for name, inner in item.items():
                    yield from parts(inner, f"{path}/{key}/{name}")
            elif key not in ("enum", "default", "examples", "const", "required"):
                yield from parts(item, f"{path}/{key}")


def test_what_a_person_writes_of_a_cluster_is_never_answered_with_a_regular_expression() -> None:
    schema = json.loads((ROOT / "schemas" / "cluster.schema.json").read_text())
    of_program = ("/$defs/from_store", "/$defs/derived")
    written = [(path, part) for path, part in parts(schema) if not path.startswith(of_program)]
    assert [path for path, part in written if "pattern" in part and "expected" not in part] == []


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.name)
def test_a_schema_is_valid_json_schema(path: Path) -> None:
    schema = json.loads(path.read_text())
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.name)
def test_a_mapping_with_known_keys_is_closed(path: Path) -> None:
    for place, part in parts(json.loads(path.read_text())):
        if "properties" in part and part.get("title") not in OPEN:
            closed = part.get("additionalProperties", part.get("unevaluatedProperties"))
            assert closed is not None and closed is not True, f"{place} is open"


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.name)
def test_every_property_is_described(path: Path) -> None:
    for place, part in parts(json.loads(path.read_text())):
        for name, inner in part.get("properties", {}).items():
            described = isinstance(inner, dict) and (inner.get("description") or inner.get("$ref"))
            assert described, f"{place}/properties/{name} has no description"


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.name)
def test_references_stay_inside_the_directory(path: Path) -> None:
    for place, part in parts(json.loads(path.read_text())):
        reference = part.get("$ref")
        if reference is None:
            continue
        file, _, pointer = reference.partition("#/")
        target: Any = json.loads((ROOT / "schemas" / (file or path.name)).read_text())
        for word in pointer.split("/"):
            target = target[int(word) if isinstance(target, list) else word]
        assert target, f"{place}: {reference}"


def test_tasks_and_plays_know_the_words_of_the_language() -> None:
    assert set(TASK_WORDS.split()) <= keywords("tasks.schema.json", "$defs/task")
    assert set(PLAY_WORDS.split()) <= keywords("playbook.schema.json", "$defs/play/else")
    assert "listen" in keywords("tasks.schema.json", "$defs/handler")
    assert {"block", "rescue", "always"} <= keywords("tasks.schema.json", "$defs/block")


OF_EC2 = ("aws", "eks")
FILES = [
    *((path, "playbook.schema.json") for path in sorted((ROOT / "playbooks").glob("*.yml"))),
    *((path, "inventory.schema.json") for path in sorted((ROOT / "inventory").glob("*.yml"))
      if path.stem not in OF_EC2),
    *((ROOT / "inventory" / f"{name}.yml", "aws-inventory.schema.json") for name in OF_EC2),
    *((path, "role-variables.schema.json") for path in sorted((ROOT / "inventory").glob("*_vars/*.yml"))),
    *((path, "tasks.schema.json") for path in sorted((ROOT / "roles").glob("*/tasks/**/*.yml"))),
    *((path, "handlers.schema.json") for path in sorted((ROOT / "roles").glob("*/handlers/*.yml"))),
    *((path, "role-variables.schema.json") for path in sorted((ROOT / "roles").glob("*/defaults/*.yml"))),
    *((path, "role-meta.schema.json") for path in sorted((ROOT / "roles").glob("*/meta/main.yml"))),
    *((path, "role-argument-specs.schema.json") for path in sorted((ROOT / "roles").glob("*/meta/argument_specs.yml"))),
]


@pytest.mark.parametrize(("path", "schema"), FILES, ids=lambda item: str(item).removeprefix(f"{ROOT}/"))
def test_a_file_that_comes_with_the_package_follows_its_schema(path: Path, schema: str) -> None:
    assert [f"{problem.where}: {problem.message}" for problem in problems(load(path), schema)] == []
