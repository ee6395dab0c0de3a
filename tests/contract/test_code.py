"""House rules that a reader relies on: small files, small functions, docstrings, no traces of one machine."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = sorted((ROOT / "clusterbook").rglob("*.py"))
MOST_LINES = 300
MOST_BODY_LINES = 40
# Hosts of package registries and folders of one person's machine have no place in a project that runs anywhere.
# (Where a vendor releases its files is a fact of the catalog.)
TRACES = re.compile(r"pypi\.org|files\.pythonhosted|proxy\.golang|sum\.golang|registry\.npmjs|crates\.io"
                    r"|deb\.debian\.org|/root/\.pyenv|/tmp/scratch|/work/(main|shared|\.)")  # fmt: skip
TEXT = {".py", ".md", ".yml", ".yaml", ".toml", ".json", ".j2", ".sh", ".service", ""}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def _functions(tree: ast.Module) -> Iterator[tuple[Function, bool]]:
    """Functions and methods, and whether each is public."""
    for node in tree.body:
        if isinstance(node, Function):
            yield node, not node.name.startswith("_")
        if isinstance(node, ast.ClassDef):
            for part in node.body:
                if isinstance(part, Function):
                    yield part, not node.name.startswith("_") and not part.name.startswith("_")


@pytest.mark.parametrize("path", PACKAGE, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_of_the_package_is_small_and_says_what_it_is(path: Path) -> None:
    text = path.read_text()
    tree = ast.parse(text)
    assert len(text.splitlines()) <= MOST_LINES
    if text.strip():
        assert ast.get_docstring(tree), "the module has no docstring"
    for function, public in _functions(tree):
        first = function.body[1] if ast.get_docstring(function) and len(function.body) > 1 else function.body[0]
        length = (function.end_lineno or 0) - first.lineno + 1
        assert length <= MOST_BODY_LINES, f"{function.name} has {length} lines"
        described = path.name.startswith("test_") or ast.get_docstring(function)
        assert not public or described, f"{function.name} has no docstring"


def _tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in listed.splitlines() if Path(name).suffix in TEXT]


def test_no_file_names_a_package_registrys_host_or_a_folder_of_one_machine() -> None:
    skipped = {Path(__file__), ROOT / "clusterbook/cluster/artifacts/catalog.yaml"}
    found = []
    for path in _tracked():
        # Roles name folders of the hosts.
        if path in skipped or path.is_relative_to(ROOT / "roles") or not path.is_file():
            continue
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            if match := TRACES.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {match.group()}")
    assert not found, "\n".join(found)


def test_a_command_that_a_task_tells_is_said_with_the_programs_name() -> None:
    told = re.compile(r"\binvoke [a-z{]")
    for path in sorted((ROOT / "clusterbook" / "cli").rglob("*.py")):
        text = path.read_text()
        prints = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)
                  and isinstance(node.func, ast.Name) and node.func.id == "print")  # fmt: skip
        for node in prints:
            assert not told.search(ast.get_source_segment(text, node) or ""), f"{path.name}:{node.lineno}: say()"
