"""Build a component's files from published Go modules, the same bytes on every machine.

A small module of our own requires the component's modules at their versions. That works where `go install` refuses
because a module replaces others, and every source is verified by Go's own checksum database. The Go release is
pinned: with GOTOOLCHAIN any installed Go since 1.21 fetches exactly the one that the catalog names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from clusterbook.cluster.artifacts.catalog import Component, GoRecipe
from clusterbook.cluster.artifacts.events import Event, Report
from clusterbook.cluster.artifacts.programs import output, require, watched
from clusterbook.errors import ClusterbookError, Failed

INSTALL = (
    "Install Go 1.21 or newer (Debian: apt-get install golang-go), or set CLUSTERBOOK_MIRROR to a mirror that has it."
)
_MAJOR = re.compile(r"v[0-9]+")


def build(component: Component, recipe: GoRecipe, go: str, folder: Path, report: Report) -> dict[str, Path]:
    """Build every file of the component inside folder. go: the Go release to use."""
    require("go", f"to build {component.name} {component.version}", INSTALL)
    environment = _environment(component, recipe, go)
    _check_release(go, folder, environment)
    (folder / "go.mod").write_text(go_mod(component.name, recipe, _primary(recipe, folder, environment)))
    results = folder / "out"
    results.mkdir()
    watched(_command(recipe, results), folder, environment, _progress(component, report))
    return {file: results / natural_name(package) for file, package in recipe.packages.items()}


def go_mod(name: str, recipe: GoRecipe, primary: Mapping[str, Any]) -> str:
    """Text of our module. primary: `go mod edit -json` of the recipe's first module, whose rules we keep."""
    lines = [f"module clusterbook.build/{name}", f"go {primary['Go']}"]
    lines += [f"godebug {line['Key']}={line['Value']}" for line in primary.get("Godebug") or ()]
    lines += [f"require {path} {version}" for path, version in recipe.modules.items()]
    lines += _replaced(recipe, primary)
    lines += [f"replace {path} => {path} {version}" for path, version in recipe.replaces.items()]
    return "\n".join(lines) + "\n"


def natural_name(package: str) -> str:
    """The name that `go build` gives to a package's program."""
    parts = package.split("/")
    return parts[-2] if _MAJOR.fullmatch(parts[-1]) else parts[-1]


def _replaced(recipe: GoRecipe, primary: Mapping[str, Any]) -> list[str]:
    """The first module's own replace lines; Go ignores those of a requirement, its authors built with them."""
    lines = []
    for line in primary.get("Replace") or ():
        old, new = line["Old"]["Path"], line["New"]
        local = new["Path"].startswith(".")
        if not local:
            lines.append(f"replace {old} => {new['Path']} {new.get('Version', '')}")
        elif recipe.local_replaces:
            lines.append(f"replace {old} => {old} {recipe.local_replaces}")
    return lines


def _command(recipe: GoRecipe, results: Path) -> list[str]:
    flags = ["-s", "-w", *(f"-X {symbol}={value}" for symbol, value in recipe.stamps.items())]
    if recipe.cgo:
        flags += ["-linkmode external", "-extldflags -static"]
    return ["go", "build", "-v", "-trimpath", "-buildvcs=false", "-ldflags", " ".join(flags),
            "-o", f"{results}/", *recipe.packages.values()]  # fmt: skip


def _environment(component: Component, recipe: GoRecipe, go: str) -> dict[str, str]:
    """Everything that could change the bytes is set, whatever the person's own Go settings say."""
    return {
        "GOTOOLCHAIN": f"go{go}", "GOOS": "linux", "GOARCH": component.architecture, "GOAMD64": "v1",
        "GOARM64": "v8.0", "CGO_ENABLED": "1" if recipe.cgo else "0", "GOFLAGS": "-mod=mod", "GOWORK": "off",
        "GOEXPERIMENT": "", "GOFIPS140": "off", "CGO_CFLAGS": "-O2 -g", "CGO_LDFLAGS": "-O2 -g", "CC": "gcc",
    }  # fmt: skip


def _check_release(go: str, folder: Path, environment: Mapping[str, str]) -> None:
    """Older Go ignores GOTOOLCHAIN and a closed network cannot fetch a toolchain: say so before a long build."""
    found = ""
    cause: ClusterbookError | None = None
    try:
        found = output(["go", "env", "GOVERSION"], folder, environment).strip()
    except ClusterbookError as error:
        cause = error
    if found != f"go{go}":
        raise Failed(
            f"Go {go} is needed to build the locked bytes; this machine gives {found or 'none'}",
            next_step=f"Install Go {go}, or any Go since 1.21 with access to the module proxy.",
        ) from cause


def _primary(recipe: GoRecipe, folder: Path, environment: Mapping[str, str]) -> Mapping[str, Any]:
    path, version = next(iter(recipe.modules.items()))
    found = json.loads(output(["go", "mod", "download", "-json", f"{path}@{version}"], folder, environment))
    described: Mapping[str, Any] = json.loads(
        output(["go", "mod", "edit", "-json", found["GoMod"]], folder, environment)
    )
    return described


def _progress(component: Component, report: Report) -> Any:
    """Count the packages that `go build -v` names; the last lines are the programs, whose linking takes long."""
    count = 0

    def line(text: str) -> None:
        nonlocal count
        if not text.startswith("go: "):
            count += 1
        report(Event(component.path, "progress", text, count, 0, "packages"))

    return line
