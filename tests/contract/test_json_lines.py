"""What --json prints is either one document, or lines: the events of a run, and what was done as one line more."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

from clusterbook.cli import namespace

CLI = Path(__file__).parents[2] / "clusterbook" / "cli"
# These print events, or a line.
LINES = {"runs.carry_out", "screen.print_json_line"}
DOCUMENT = "screen.print_json"
# Tasks that print lines or, where nothing comes before it, a document. Which function prints that, and when.
EITHER = {
    "up": {"cloud.show": "without --yes, when resources are only shown"},
    "update-cluster": {"cloud.show": "without --yes"},
    "delete-cluster": {"cloud._show_what_goes": "without --yes"},
    "run": {"playbooks.run": "with --list-hosts, --list-tasks, --list-tags"},
    "backup": {"timer.carry_out": "with --schedule"},
    "deploy-app": {"apps.deploy_app": "without --image-file"},
    "status": {"status._tell": "in which is what --drift finds"},
}
Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions() -> Mapping[str, set[str]]:
    """Every function of the command line as FILE.NAME, and those of it that it names."""
    trees = {path.stem: ast.parse(path.read_text()) for path in CLI.glob("*.py")}
    return {
        f"{name}.{node.name}": set(_named(node, _known(name, tree)))
        for name, tree in trees.items() for node in ast.walk(tree) if isinstance(node, Function)
    }  # fmt: skip


def _known(own: str, tree: ast.Module) -> Mapping[str, str]:
    """What each name of a file means: FILE, or FILE.NAME."""
    known = {node.name: f"{own}.{node.name}" for node in tree.body if isinstance(node, Function)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("clusterbook.cli"):
            file = (node.module or "").removeprefix("clusterbook.cli").strip(".")
            known |= {one.asname or one.name: f"{file}.{one.name}".strip(".") for one in node.names}
    return known


def _named(function: Function, known: Mapping[str, str]) -> Iterator[str]:
    own = {one.arg for one in ast.walk(function.args) if isinstance(one, ast.arg)}
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and node.id in known.keys() - own:
            yield known[node.id]
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in known:
            yield f"{known[node.value.id]}.{node.attr}"


def reached(start: str, uses: Mapping[str, set[str]]) -> set[str]:
    """The function, and all that it may call."""
    found: set[str] = set()
    waiting = {start}
    while waiting:
        name = waiting.pop()
        found.add(name)
        waiting |= uses.get(name, set()) - found
    return found


def test_no_task_prints_a_document_of_several_lines_after_lines_that_are_documents() -> None:
    uses, mixed, seen = functions(), {}, 0
    for task in (task for _, tasks in namespace.tasks().values() for task in tasks):
        body = f"{task.body.__module__.rpartition('.')[2]}.{task.body.__name__}"
        assert body in uses
        called = reached(body, uses)
        if called & LINES:
            seen += 1
            documents = {name for name in called if DOCUMENT in uses.get(name, ())}
            mixed[task.name.replace("_", "-")] = documents
    assert {name: documents for name, documents in mixed.items() if documents} == {
        name: set(functions) for name, functions in EITHER.items()
    }
    assert seen > len(EITHER)
