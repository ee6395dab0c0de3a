"""The quick yes to right files: never given to a wrong one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clusterbook import source
from clusterbook.language.values import Template
from clusterbook.schema import complaints, schema_directory
from clusterbook.schema.accept import NotCompiled, accepts, compile_schema
from clusterbook.schema.files import load_schema

ROOT = Path(__file__).parents[3]
OF_EC2 = ("aws", "eks")
# What people write, with the schema that it is read with.
FILES = [
    *((path, "playbook.schema.json") for path in sorted((ROOT / "playbooks").glob("*.yml"))),
    *((path, "tasks.schema.json") for path in sorted((ROOT / "roles").glob("*/tasks/main.yml"))[:12]),
    *((path, "handlers.schema.json") for path in sorted((ROOT / "roles").glob("*/handlers/main.yml"))[:4]),
    *((path, "inventory.schema.json") for path in sorted((ROOT / "inventory").glob("*.yml"))
      if path.stem not in OF_EC2),
    *((ROOT / "inventory" / f"{name}.yml", "aws-inventory.schema.json") for name in OF_EC2),
]
ALL = sorted(path.name for path in schema_directory().glob("*.schema.json"))
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.floats(-2, 2), st.sampled_from(["", "x", "yes", "0644"]),
    st.just(Template("{{ x }}")), st.just([]), st.just({}), st.just({"x": 1}), st.just([1, {"name": "y"}]),
)  # fmt: skip
KEYS = ("x", "name", "when", 3, "block", "import_playbook", "loop")


def plain(value: Any) -> Any:
    """A copy of the value without its places."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize(("path", "schema"), FILES, ids=lambda value: getattr(value, "stem", value))
def test_our_own_files_need_no_library(path: Path, schema: str) -> None:
    assert accepts(source.load(path), schema)


@pytest.mark.parametrize("schema", [name for name in ALL if name != "artifacts.schema.json"])
def test_every_schema_of_files_that_runs_read_is_known(schema: str) -> None:
    compile_schema(load_schema(schema), schema)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_what_is_accepted_has_no_problem(data: st.DataObject) -> None:
    path, schema = data.draw(st.sampled_from(FILES))
    value = plain(source.load(path))
    for _ in range(data.draw(st.integers(1, 3))):
        value = damaged(value, data)
    if accepts(value, schema):
        assert complaints.problems(value, schema) == []


def damaged(value: Any, data: st.DataObject) -> Any:
    """The value with something replaced, added or removed, somewhere."""
    if isinstance(value, dict) and value and data.draw(st.integers(0, 3)):
        key = data.draw(st.sampled_from(sorted(value, key=str)))
        value[key] = damaged(value[key], data)
    elif isinstance(value, list) and value and data.draw(st.integers(0, 3)):
        index = data.draw(st.integers(0, len(value) - 1))
        value[index] = damaged(value[index], data)
    elif isinstance(value, dict) and data.draw(st.booleans()):
        value[data.draw(st.sampled_from(KEYS))] = plain(data.draw(SCALARS))
    elif isinstance(value, dict) and value and data.draw(st.booleans()):
        del value[data.draw(st.sampled_from(sorted(value, key=str)))]
    else:
        return plain(data.draw(SCALARS))
    return value


@pytest.mark.parametrize(
    ("schema", "right", "wrong"),
    [
        ({"type": "integer"}, 1, True),
        ({"type": ["string", "null"]}, None, 1),
        ({"enum": [0, "no"]}, "no", False),
        ({"type": "array", "uniqueItems": True}, ["a", "b"], ["a", "a"]),
        ({"minimum": 1}, 2, 0),
        ({"propertyNames": {"pattern": "^a"}}, {"ab": 1}, {"b": 1}),
        ({"if": {"required": ["a"]}, "then": {"required": ["b"]}}, {"c": 1}, {"a": 1}),
        ({"type": "string", "literal": True}, "x", Template("{{ x }}")),
        ({"type": "boolean"}, Template("{{ x }}"), "x"),
    ],
)
def test_a_keyword_means_what_the_library_means(schema: Any, right: Any, wrong: Any) -> None:
    check = compile_schema(schema, "")
    assert check(right) and not check(wrong)


@pytest.mark.parametrize("schema", [{"contains": {}}, {"if": {"properties": {}}}])
def test_a_schema_that_is_not_understood_is_left_to_the_library(schema: Any) -> None:
    with pytest.raises(NotCompiled):
        compile_schema(schema, "")
