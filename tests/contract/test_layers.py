"""The layers of the package: no file imports a higher one, no circles, and each library has its one place."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "clusterbook"
FILES = sorted(path for path in PACKAGE.rglob("*.py"))

LAYERS = {
    "__init__": 0, "records": 0, "errors": 0, "model": 0,
    "language": 1, "modules": 1, "agent": 1, "source": 1, "schema": 1, "variables": 1,
    "inventory": 2, "lookups": 2, "project": 2, "transport": 2,
    "validate": 3, "compile": 3, "lint": 4,
    "execute": 4, "journal": 4, "report": 4,
    "cluster": 5, "cloud": 5, "lab": 5,
    "cli": 6, "__main__": 6,
}  # fmt: skip
# These run on hosts, from a copy of their own.
HOST_SIDE = ("language", "modules", "agent")
# What the host side may import of ours beyond itself: the error tree, which is copied along.
HOST_SIDE_OURS = (*HOST_SIDE, "errors", "model", "records", "__init__")
# library -> the parts of the package that may import it
PLACES = {
    "fabric": ("transport",),
    "paramiko": ("transport",),
    "boto3": ("cloud", "inventory/aws_ec2", "cluster/store_s3.py", "cluster/kms.py"),
    # The lab plays STS, and checks signatures with what makes them elsewhere.
    "botocore": ("cloud", "inventory/aws_ec2", "cluster/store_s3.py", "cluster/kms.py",
                 "lab/ec2/eks_corrections.py"),
    "bcrypt": ("lookups",),
    "jmespath": ("lookups",),
    "invoke": ("cli",),
    "distributed": ("execute/dask.py",),
    "rich": ("report", "cli"),
}


def part_of(path: Path) -> str:
    """The first name below the package: a directory, or a file of the package itself."""
    relative = path.relative_to(PACKAGE)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """Every module that a file imports, those inside functions too, with the line."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield name.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute"
            yield node.module or "", node.lineno
            if node.module == "clusterbook":
                for name in node.names:
                    if (PACKAGE / name.name).is_dir() or (PACKAGE / f"{name.name}.py").is_file():
                        yield f"clusterbook.{name.name}", node.lineno


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file_imports_no_higher_layer(path: Path) -> None:
    own = part_of(path)
    for name, line in imports(path):
        words = name.split(".")
        if words[0] != "clusterbook" or len(words) == 1:
            continue
        assert words[1] in LAYERS, f"{path}:{line}: {name} is in no layer"
        assert LAYERS[words[1]] <= LAYERS[own], (
            f"{path}:{line}: {own} (layer {LAYERS[own]}) imports {name} (layer {LAYERS[words[1]]})"
        )


def test_packages_do_not_import_each_other_in_a_circle() -> None:
    uses: dict[str, set[str]] = {}
    for path in FILES:
        found = {name.split(".")[1] for name, _ in imports(path) if name.startswith("clusterbook.")}
        uses.setdefault(part_of(path), set()).update(found - {part_of(path)})
    # The host side is one unit: its three packages know each other.
    unit = {name: "host side" if name in HOST_SIDE else name for name in uses}
    merged: dict[str, set[str]] = {}
    for name, others in uses.items():
        merged.setdefault(unit[name], set()).update(unit[other] for other in others if other in unit)
    for name in merged:
        assert name not in reachable(merged, name), f"{name} imports itself through others"


def reachable(uses: dict[str, set[str]], start: str) -> set[str]:
    """Every package that can be reached from one by imports."""
    found: set[str] = set()
    waiting = [other for other in uses[start] if other != start]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(uses.get(name, ()))
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_library_is_imported_in_its_own_place_only(path: Path) -> None:
    relative = str(path.relative_to(PACKAGE))
    for name, line in imports(path):
        places = PLACES.get(name.split(".")[0])
        if places is not None:
            assert any(relative == place or relative.startswith(f"{place}/") for place in places), (
                f"{path}:{line}: {name} belongs to {', '.join(places)}"
            )


@pytest.mark.parametrize(
    "path", [path for path in FILES if part_of(path) in HOST_SIDE], ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_what_runs_on_hosts_needs_nothing_but_python_and_jinja(path: Path) -> None:
    for name, line in imports(path):
        words = name.split(".")
        if words[0] == "clusterbook":
            assert len(words) == 1 or words[1] in HOST_SIDE_OURS, f"{path}:{line}: {name} is not on hosts"
        else:
            known = words[0] in sys.stdlib_module_names or words[0] in ("jinja2", "markupsafe", "__future__")
            assert known, f"{path}:{line}: {name} is not on hosts"


@pytest.mark.parametrize(
    "path", [path for path in FILES if part_of(path) in HOST_SIDE], ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_what_runs_on_hosts_names_the_part_of_jinja_that_it_needs(path: Path) -> None:
    """There the package itself is empty, since it would load its loaders and caches: import from jinja2.runtime …"""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = [node.lineno for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == "jinja2"
             and any(name.name != "nodes" for name in node.names)]  # fmt: skip
    assert not found, f"{path}:{found}: name the file of jinja2"
