"""What goes to the test host: the targets, ansible-core as the oracle, and clusterbook, each with its own Python."""

from __future__ import annotations

import hashlib
import io
import re
import subprocess
import sys
import tarfile
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
CACHE = Path.home() / ".cache" / "clusterbook" / "targets"
RELEASE = "2.19.14"
# What ansible-test installs for targets that name it in their aliases.
CONTROLLER_PACKAGES = ("passlib", "pexpect")
# Nothing of these is needed to run a playbook.
NOT_NEEDED = ("boto3", "pytest", "pytest-testinfra", "pytest-xdist")


class NoRegistry(Exception):
    """A package could not be fetched; the text is pip's last line."""


@dataclass(frozen=True)
class Target:
    """One target. kind: role, script, or other (nothing to run by itself)."""

    name: str
    kind: str
    aliases: frozenset[str]


def source() -> Path:
    """The unpacked source distribution of ansible-core; fetched when it is not in the cache."""
    folder = CACHE / f"ansible_core-{RELEASE}"
    if not (folder / "test" / "integration" / "targets").is_dir():
        archive = CACHE / f"ansible_core-{RELEASE}.tar.gz"
        if not archive.is_file():
            wanted = f"ansible-core=={RELEASE}"
            _pip("download", "--no-binary", "ansible-core", "--no-deps", "--dest", str(CACHE), wanted)
        with tarfile.open(archive) as packed:
            packed.extractall(CACHE, filter="tar")
    return folder


def targets() -> list[Target]:
    """Every target of the distribution, by name."""
    folder = source() / "test" / "integration" / "targets"
    return [_target(path) for path in sorted(folder.iterdir()) if path.is_dir()]


def _target(path: Path) -> Target:
    aliases = path / "aliases"
    lines = aliases.read_text().splitlines() if aliases.is_file() else []
    kind = "script" if (path / "runme.sh").is_file() else "role" if (path / "tasks").is_dir() else "other"
    return Target(path.name, kind, frozenset(line.split("#")[0].strip() for line in lines) - {""})


def base_archive() -> Path:
    """What does not change with this repository: targets and the oracle's packages."""
    path = CACHE / f"base-{RELEASE}.tar"
    if not path.is_file():
        folder = CACHE / "oracle"
        if not folder.is_dir():
            _pip("install", "--target", str(folder), f"ansible-core=={RELEASE}", *CONTROLLER_PACKAGES)
        part = path.with_suffix(".part")
        with tarfile.open(part, "w") as packed:
            packed.add(folder, "oracle/packages")
            for name in ("integration", "lib/ansible_test/_data/requirements", "support"):
                packed.add(source() / "test" / name, f"test/{name}")
        part.rename(path)
    return path


def packages_name() -> str:
    """A name for our dependencies, another one whenever they change."""
    return "packages-" + hashlib.sha256("\n".join(_dependencies()).encode()).hexdigest()[:12]


def packages_archive() -> Path:
    """Our dependencies, under their name."""
    name = packages_name()
    path, folder = CACHE / f"{name}.tar", CACHE / name
    if not path.is_file():
        _pip("install", "--target", str(folder), *_dependencies())
        with tarfile.open(path.with_suffix(".part"), "w") as packed:
            packed.add(folder, f"ours/{name}")
        path.with_suffix(".part").rename(path)
    return path


def own_archive() -> bytes:
    """This repository's package with the files that it brings."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as packed:
        for name in ("clusterbook", "schemas"):
            packed.add(ROOT / name, f"ours/tree/{name}", filter=_no_bytecode)
    return buffer.getvalue()


def _no_bytecode(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if member.name.endswith("__pycache__") else member


def _dependencies() -> Iterator[str]:
    """The package's dependencies as pyproject.toml has them, but those that only other parts of it use."""
    found = tomllib.loads((ROOT / "pyproject.toml").read_text())
    for wanted in found["project"]["dependencies"]:
        if re.split(r"[^a-z0-9-]", wanted)[0] not in NOT_NEEDED:
            yield wanted


def _pip(*words: str) -> None:
    CACHE.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-m", "pip", words[0], "--quiet", "--disable-pip-version-check", *words[1:]],
        capture_output=True, text=True, check=False,
    )
    if done.returncode:
        raise NoRegistry((done.stderr.strip().splitlines() or ["pip failed"])[-1])
