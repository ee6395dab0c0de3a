"""The agent's code is compiled once for each state of the source, and what is sent is the same bytes in every run."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import jinja2
import markupsafe
import pytest

import clusterbook

SENT = """
import hashlib, sys
from clusterbook.execute.bundle import agent_bundle
bundle = agent_bundle()
print(bundle.digest, hashlib.sha256(bundle.compiled()).hexdigest())
"""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The program where this test may change it."""
    for package in (clusterbook, jinja2, markupsafe):
        root = Path(str(package.__file__)).parent
        shutil.copytree(root, tmp_path / root.name, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def sent(copy: Path, **environment: str) -> tuple[str, str]:
    """What one process sends to hosts: the digest of the source, and of what was compiled."""
    done = subprocess.run(
        [sys.executable, "-c", SENT], capture_output=True, text=True, check=True, timeout=120, cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "", **environment},
    )  # fmt: skip
    source, compiled = done.stdout.split()
    return source, compiled


def kept(copy: Path) -> list[Path]:
    return list((copy / "clusterbook" / "execute" / "__pycache__").glob("agent-*.code"))


def test_it_is_compiled_once_and_what_is_sent_stays_the_same_bytes(copy: Path) -> None:
    first = sent(copy, PYTHONHASHSEED="1")
    (file,) = kept(copy)
    written = file.stat().st_mtime_ns
    assert first == sent(copy, PYTHONHASHSEED="2")
    assert kept(copy) == [file]
    assert file.stat().st_mtime_ns == written
    assert hashlib.sha256(file.read_bytes()).hexdigest() == first[1]
    assert [path for path in file.parent.glob("agent-*") if path != file] == []


def test_a_change_of_the_source_is_compiled_and_the_older_code_goes(copy: Path) -> None:
    first, (file,) = sent(copy), kept(copy)
    with (copy / "clusterbook" / "agent" / "main.py").open("a") as source:
        source.write("MORE = 1\n")
    second, (other,) = sent(copy), kept(copy)
    assert first[0] != second[0]
    assert first[1] != second[1]
    assert file != other


def test_where_python_keeps_nothing_nothing_is_kept(copy: Path) -> None:
    source, _ = sent(copy, PYTHONDONTWRITEBYTECODE="1")
    assert kept(copy) == []
    assert sent(copy)[0] == source
