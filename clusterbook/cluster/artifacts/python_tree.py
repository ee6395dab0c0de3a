"""Make the file tree of a Python program's image: Debian's own Python and pinned wheels. Nothing of it is shipped.

Debian's packages are verified by Debian's signed index, wheels by the sums in their requirements file, so the tree
needs no entry in the lock. It is for another machine: nothing of it is run here.
"""

from __future__ import annotations

import os
import sys
import tarfile
from pathlib import Path

from clusterbook.cluster.artifacts import debian_mirrors
from clusterbook.cluster.artifacts.catalog import Component, PythonRecipe
from clusterbook.cluster.artifacts.events import Event, Report
from clusterbook.cluster.artifacts.programs import output, require

INSTALL = "Install it: apt-get install mmdebstrap"
# Where the wheels are unpacked; the image's PYTHONPATH names it.
PROGRAM = "opt/program"
# Documents and translations, half of the tree.
LEFT_OUT = ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info", "usr/share/lintian")
# The kinds of wheels that Debian's C library can load, by Go's name of the architecture.
PLATFORMS = {"amd64": "x86_64", "arm64": "aarch64"}
LIBRARIES = ("manylinux2014", "manylinux_2_17", "manylinux_2_28", "manylinux_2_34")


def build(component: Component, recipe: PythonRecipe, folder: Path, report: Report) -> dict[str, Path]:
    """Write the tree as one tar inside folder: sorted, without times, owned by root."""
    require("mmdebstrap", f"to build {component.name}", INSTALL)
    tree, result = folder / "tree", folder / recipe.file
    report(Event(component.path, "progress", f"Debian's Python ({recipe.suite})"))
    _unpack_debian(component, recipe, folder, tree)
    report(Event(component.path, "progress", "pinned wheels"))
    _install_wheels(component, recipe, folder, tree / PROGRAM)
    with tarfile.open(result, "w", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted(tree.rglob("*")):
            if not path.relative_to(tree).is_relative_to("dev") and not _left_out(path.relative_to(tree)):
                tar.add(path, str(path.relative_to(tree)), recursive=False, filter=plain)
    return {recipe.file: result}


def identity(recipe: PythonRecipe) -> str:
    """The toolchain's name: whichever packages of a release were fetched first stay in the cache."""
    return f"debian-{recipe.suite} python-{recipe.python}"


def plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """A member without what differs from machine to machine."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mtime = 0
    return member


def _unpack_debian(component: Component, recipe: PythonRecipe, folder: Path, tree: Path) -> None:
    """`extract` unpacks packages and runs nothing of them."""
    sources = folder / "sources.list"
    image = next(image for image, suite in debian_mirrors.CODENAMES.items() if suite == recipe.suite)
    sources.write_text(debian_mirrors.sources(image, debian_mirrors.mirrors()))
    output(["mmdebstrap", "--variant=extract", f"--architectures={component.architecture}",
            f"--include={','.join(recipe.packages)}", recipe.suite, str(tree), str(sources)])  # fmt: skip


def _install_wheels(component: Component, recipe: PythonRecipe, folder: Path, target: Path) -> None:
    """Only wheels whose sums are known; none is built, none is compiled to bytecode."""
    requirements = folder / "requirements.txt"
    requirements.write_text(recipe.requirements)
    platforms = [f"--platform={kind}_{PLATFORMS[component.architecture]}" for kind in LIBRARIES]
    output([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", "--require-hashes",
            "--only-binary=:all:", f"--python-version={recipe.python}", "--implementation=cp", *platforms,
            f"--target={target}", f"--requirement={requirements}"],
           environment={"PIP_DISABLE_PIP_VERSION_CHECK": "1", "HOME": os.environ.get("HOME", "/")})  # fmt: skip


def _left_out(path: Path) -> bool:
    return any(path.is_relative_to(name) for name in LEFT_OUT)
