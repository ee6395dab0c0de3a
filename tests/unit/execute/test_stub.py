"""Code that a host keeps is loaded only from where nobody else could have put it."""

from __future__ import annotations

import marshal
import os
import re
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from clusterbook.execute.bundle import MAGIC, agent_bundle
from clusterbook.execute.stub import STUB


def verdict(root: Path, compiled: bool = False) -> str:
    """What the stub says when its cache is below `root`: have or need; it is given the code, then its input ends."""
    bundle = agent_bundle()
    payload = bundle.compiled() if compiled else bundle.payload
    text = re.sub("^ROOT = .*$", f"ROOT = {str(root)!r}", STUB, flags=re.MULTILINE)
    assert str(root) in text
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", text, bundle.digest], capture_output=True, timeout=60,
        input=len(payload).to_bytes(8, "big") + payload,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    words = done.stdout.decode(errors="replace").split()
    assert words[3] == MAGIC
    return words[1]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A cache that a first start has filled."""
    root = tmp_path / "state"
    assert verdict(root, compiled=True) == "need"
    assert verdict(root) == "have"
    return root


def test_what_a_python_of_the_same_kind_compiled_is_kept_as_what_was_compiled_here(root: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    assert verdict(other) == "need"
    assert verdict(other) == "have"
    here, there = (marshal.loads(code(place).read_bytes()[64:]) for place in (root, other))
    assert [(name, package) for name, (package, _) in here.items()] == [(name, there[name][0]) for name in there]
    assert all(marshal.loads(zlib.decompress(packed)).co_filename == f"<clusterbook>/{name}"
               for place in (here, there) for name, (_, packed) in place.items())  # fmt: skip


def code(root: Path) -> Path:
    (found,) = (root / "agent").glob("code-*")
    return found


def tamper(root: Path) -> None:
    data = bytearray(code(root).read_bytes())
    data[-1] ^= 1
    code(root).write_bytes(data)


def link(root: Path) -> None:
    kept = root.parent / "elsewhere"
    code(root).rename(kept)
    Path(root / "agent" / f"code-{agent_bundle().digest[:32]}-{sys.implementation.cache_tag}").symlink_to(kept)


def link_directory(root: Path) -> None:
    (root / "agent").rename(root.parent / "elsewhere")
    (root / "agent").symlink_to(root.parent / "elsewhere")


@pytest.mark.parametrize("spoil", [
    lambda root: root.chmod(0o777),
    lambda root: (root / "agent").chmod(0o770),
    lambda root: code(root).chmod(0o666),
    tamper, link, link_directory,
], ids=["root for all", "directory of a group", "file for all", "tampered", "link", "linked directory"])  # fmt: skip
def test_code_that_another_user_could_have_written_is_not_loaded(root: Path, spoil: Callable[[Path], None]) -> None:
    spoil(root)
    assert verdict(root, compiled=True) == "need"


@pytest.mark.skipif(os.geteuid() != 0, reason="gives a file to another user")
def test_code_of_another_user_is_not_loaded(root: Path) -> None:
    os.chown(code(root), 65534, 65534)
    assert verdict(root, compiled=True) == "need"
