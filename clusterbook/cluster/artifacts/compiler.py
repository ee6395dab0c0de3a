"""Build one static C program whose source is published inside a Go module."""

from __future__ import annotations

import json
import platform
from pathlib import Path

from clusterbook.cluster.artifacts.cache import digest
from clusterbook.cluster.artifacts.catalog import Component, CRecipe, machine_architecture
from clusterbook.cluster.artifacts.golang import INSTALL
from clusterbook.cluster.artifacts.programs import output, require
from clusterbook.errors import Failed

INSTALL_GCC = "Install a C compiler (Debian: apt-get install gcc libc6-dev) and run this again."


def build(component: Component, recipe: CRecipe, go: str, folder: Path) -> dict[str, Path]:
    """Build the program inside folder."""
    require("gcc", f"to build {component.name} {component.version}", INSTALL_GCC)
    require("go", f"to fetch the source of {component.name}", INSTALL)
    if component.architecture != machine_architecture():
        raise Failed(f"{component.path} is C and is only built on {component.architecture} itself",
                     next_step="Use the vendor's release or a mirror that has it.")  # fmt: skip
    environment = {"GOTOOLCHAIN": f"go{go}", "GOWORK": "off", "GOFLAGS": "-mod=mod"}
    fetched = output(["go", "mod", "download", "-json", f"{recipe.module}@{recipe.version}"], folder, environment)
    source = Path(json.loads(fetched)["Dir"])
    target = folder / recipe.file
    defines = [f"-D{name}={value}" for name, value in recipe.defines.items()]
    output(["gcc", "-Os", "-Wall", "-static", "-s", "-Wl,--build-id=none", *defines, "-o", str(target),
            *recipe.sources], source)  # fmt: skip
    return {recipe.file: target}


def identity() -> str:
    """Names the C toolchain by what it would link in: another C library gives other bytes."""
    require("gcc", "to build what holds C", INSTALL_GCC)
    library = Path(output(["gcc", "-print-file-name=libc.a"]).strip())
    if not library.is_absolute():
        raise Failed("the static C library is not installed", next_step=INSTALL_GCC)
    name, version = platform.libc_ver()
    compiler = output(["gcc", "-dumpfullversion"]).strip()
    return f"gcc-{compiler} {name}-{version}-{digest(library)[:8]}"
