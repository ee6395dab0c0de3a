"""Packages with roles: fetched by pip, and laid out as playbooks with the roles beside them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.differential.cases import Case
from tests.differential.known import CACHE

HERE = Path(__file__).parent
FOLDER = CACHE / "community"


@dataclass(frozen=True)
class Package:
    """Roles of one package. companions: roles that they import; variables, reasons for what differs: by role."""

    name: str
    release: str
    folder: str
    roles: tuple[str, ...]
    companions: tuple[str, ...] = ()
    variables: Mapping[str, Any] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)


def packages() -> list[Package]:
    """Those of roles.toml."""
    read = tomllib.loads((HERE / "roles.toml").read_text())["package"]
    return [
        Package(one["name"], one["release"], one["folder"], tuple(one["roles"]), tuple(one.get("with", ())),
                one.get("vars", {}), one.get("why", {}))
        for one in read
    ]  # fmt: skip


def cases(names: list[str]) -> Iterator[Case]:
    """A playbook for each role; for all, when none is named."""
    for package in packages():
        chosen = [role for role in package.roles if not names or role in names or package.name in names]
        if chosen:
            for role in chosen:
                yield Case(laid_out(package, role), f"{role} of {package.name}", (), {}, False)


def laid_out(package: Package, role: str) -> Path:
    """The playbook of a role, in a folder of its own with the roles that it needs; made anew."""
    source, place = fetched(package) / package.folder, FOLDER / "playbooks" / f"{package.name}.{role}"
    shutil.rmtree(place, ignore_errors=True)
    for name in (role, *package.companions):
        shutil.copytree(source / name, place / "roles" / name)
    play = {"hosts": "one", "become": True, "vars": package.variables.get(role, {}), "roles": [role]}
    playbook = place / "site.yml"
    playbook.write_text(json.dumps([play], indent=2) + "\n")
    return playbook


def fetched(package: Package) -> Path:
    """The unpacked package; fetched when it is not in the cache."""
    folder = FOLDER / f"{package.name}-{package.release}"
    if not folder.is_dir():
        wheels = FOLDER / "wheels"
        words = ["download", "--quiet", "--no-deps", "--only-binary", ":all:", "--dest", str(wheels)]
        wanted = f"{package.name}=={package.release}"
        subprocess.run([sys.executable, "-m", "pip", *words, wanted], check=True)
        file = next(wheels.glob(f"{package.name.replace('-', '_')}-{package.release}-*.whl"))
        with zipfile.ZipFile(file) as packed:
            packed.extractall(folder)
    return folder
