"""What a host loads late is used only in ways that stand for the real thing."""

from __future__ import annotations

import ast
import importlib
import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

from clusterbook.agent.late import LATE
from clusterbook.execute.bundle import agent_bundle
from clusterbook.execute.stub import STUB

# As on a host: the stub with the code in its hand, but for the agent's work.
LOADED = """
import gc, json, marshal, sys, zlib
from _frozen_importlib import ModuleSpec
{finder}
modules = marshal.loads(sys.stdin.buffer.read()[1:])
sys.meta_path.insert(0, Finder(modules))
import clusterbook.agent.start
from clusterbook.agent.late import Late, StandIn
print(json.dumps({{"loaded": sorted(sys.modules), "touched": sorted(
    name + "." + word for name, module in list(sys.modules.items()) if name not in modules
    for word, value in vars(module).items() if isinstance(value, (Late, StandIn)))}}))
"""


@pytest.fixture(scope="module")
def found() -> dict[str, list[str]]:
    """What is there when the agent was loaded, and which modules of the standard library got a stand-in."""
    finder = STUB[STUB.index("class Finder") : STUB.index("modules = cached()")]
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", LOADED.format(finder=finder)], input=agent_bundle().compiled(),
        capture_output=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    return dict(json.loads(done.stdout))


def test_the_agent_starts_without_what_is_late(found: dict[str, list[str]]) -> None:
    assert not {*LATE, "dataclasses", "pprint"} & set(found["loaded"])


def test_the_standard_library_itself_has_the_real_modules(found: dict[str, list[str]]) -> None:
    assert found["touched"] == []


def imported(text: str) -> Iterator[tuple[str, str]]:
    """(late module, what is imported from it by name)."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.module in LATE:
            yield from ((node.module, alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            dotted = [alias.name for alias in node.names if alias.name in LATE and "." in alias.name]
            yield from ((name, "") for name in dotted if f"{name}." in text)


def test_by_name_only_what_is_called_or_asked_for_its_instances_is_imported(found: dict[str, list[str]]) -> None:
    sources = {name: text for name, (_, text) in json.loads(agent_bundle().code).items() if name in found["loaded"]}
    wrong = []
    for name, text in sources.items():
        for module, word in imported(text):
            value = getattr(importlib.import_module(module), word, None)
            if not callable(value) or (isinstance(value, type) and issubclass(value, BaseException)):
                wrong.append(f"{name}: {module}.{word}")
    assert wrong == ["jinja2.loaders: importlib.util."]  # of PackageLoader, which nothing uses
