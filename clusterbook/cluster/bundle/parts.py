"""The parts of a bundle: each file with its sum, its version, its licence and where it came from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from clusterbook import __version__
from clusterbook.cluster.artifacts.cache import digest
from clusterbook.cluster.artifacts.catalog import CRecipe, DebianRecipe, GoRecipe
from clusterbook.cluster.artifacts.images import ImageArchive, supply_image
from clusterbook.cluster.artifacts.publish import Collection, variables
from clusterbook.cluster.artifacts.supply import Supplied, Supply, expected, supply
from clusterbook.cluster.bundle.debian import DebianPackage, index
from clusterbook.cluster.bundle.foreseen import System
from clusterbook.cluster.bundle.wanted import Wanted
from clusterbook.records import dataclass

# The folder in a bundle that a mirror's file server shows, and the one of the mirror's own program.
FILES, TOOLS, PROJECT, PACKAGES = "files", "tools", "project", "packages"
REGISTRY = "registry"
_PROJECT_FOLDERS = ("playbooks", "roles", "schemas", "inventory/group_vars")
_OWN_LICENCE = "Apache-2.0"


@dataclass(frozen=True)
class Part:
    """One file. name: in the bundle; kind: program, image, package, index or project; note: how it was made."""

    name: str
    content: Path | bytes
    sha256: str
    size: int
    kind: str
    title: str
    version: str
    licence: str = ""
    origin: str = ""
    purl: str = ""
    note: str = ""

    def read(self) -> bytes:
        """The whole content."""
        return self.content if isinstance(self.content, bytes) else self.content.read_bytes()


@dataclass(frozen=True)
class Gathered:
    """All parts, and what hosts are told of files and images, with addresses relative to the mirror's."""

    parts: tuple[Part, ...]
    index: Mapping[str, Any]


def check(settings: Supply, wanted: Wanted) -> None:
    """Raises Failed when something is not to be had, before anything is fetched or built."""
    for component, _ in wanted.files:
        expected(settings, component)
    for image in wanted.images:
        expected(settings, image.component)
    expected(settings, settings.catalog.component(REGISTRY))


def gather(
    settings: Supply, wanted: Wanted, packages: Mapping[System, list[DebianPackage]], project: Path
) -> Gathered:  # fmt: skip
    """Bring everything into the cache and describe it. project: the folder with playbooks/ and roles/."""
    supplied = [_only(supply(settings, component), files) for component, files in wanted.files]
    images = [supply_image(settings, image) for image in wanted.images]
    registry = supply(settings, settings.catalog.component(REGISTRY))
    parts = [
        *(part for one in supplied for part in _programs(settings, one, f"{FILES}/{one.component.path}")),
        *map(_image, images),
        *(part for system, found in packages.items() for part in _packages(system, found)),
        *_programs(settings, registry, TOOLS),
        *_project(project),
    ]
    told = variables(Collection(tuple(supplied), tuple(images)), "", "")
    index = {name: told[name] for name in ("artifacts", "images")}
    return Gathered(tuple(sorted(parts, key=lambda part: part.name)), index)


def _only(supplied: Supplied, files: tuple[str, ...]) -> Supplied:
    return replace(supplied, component=replace(supplied.component, files=files))


def _programs(settings: Supply, supplied: Supplied, folder: str) -> Iterator[Part]:
    component = supplied.component
    origin, purl, note = _origin(settings, supplied)
    for file in component.files:
        path = supplied.files[file]
        yield Part(f"{folder}/{file}", path, supplied.sums[file], path.stat().st_size, "program", component.key(file),
                   component.version, component.license, origin.replace("{file}", file), purl, note)  # fmt: skip


def _origin(settings: Supply, supplied: Supplied) -> tuple[str, str, str]:
    """Address of the release, or the package that it was built from, and how."""
    component, recipe = supplied.component, supplied.component.recipe
    if component.release is not None and settings.lock.release(component) == supplied.sums:
        return component.release.url, f"pkg:generic/{component.name}@{component.version}", "the vendor's release"
    if isinstance(recipe, GoRecipe | CRecipe):
        modules = recipe.modules if isinstance(recipe, GoRecipe) else {recipe.module: recipe.version}
        name, version = next(iter(modules.items()))
        named = ", ".join(f"{module} {wanted}" for module, wanted in modules.items())
        note = f"built from published Go modules: {named}{_toolchain(settings, supplied)}"
        return "", f"pkg:golang/{name}@{version}", note
    package = recipe.package if isinstance(recipe, DebianRecipe) else component.name
    return "", f"pkg:generic/{component.name}@{component.version}", f"made from Debian's {package}"


def _toolchain(settings: Supply, supplied: Supplied) -> str:
    """The toolchain and recipe of the lock whose sums these are."""
    for name, entry in sorted(settings.lock.builds.get(supplied.component.path, {}).items()):
        if entry["files"] == supplied.sums:
            return f"; with {name} by recipe {entry['recipe']}"
    return ""


def _image(image: ImageArchive) -> Part:
    component = image.image.component
    return Part(
        f"{FILES}/{image.image.path}/{image.image.name}.tar", image.archive, image.sha256, image.archive.stat().st_size,
        "image", image.image.reference, component.version, component.license,
        purl=f"pkg:oci/{image.repository.rpartition('/')[2]}@{image.digest.replace(':', '%3A')}",
        note=f"made by clusterbook around {component.name} {component.version}; manifest {image.digest}",
    )  # fmt: skip


def _packages(system: System, found: list[DebianPackage]) -> Iterator[Part]:
    folder = f"{FILES}/{PACKAGES}/{system.release}"
    for one in found:
        name, version, architecture = one.field("Package"), one.field("Version"), one.field("Architecture")
        yield Part(
            f"{folder}/{one.file}", one.path, one.sha256, one.size, "package", name, version, origin=one.address,
            purl=f"pkg:deb/debian/{quote(name)}@{quote(version)}?arch={architecture}&distro={system.release}",
            note=f"Debian's own; its licences: /usr/share/doc/{name}/copyright",
        )  # fmt: skip
    yield _text(f"{folder}/Packages", index(found, system.release), "index", "Packages")


def _project(folder: Path) -> Iterator[Part]:
    for top in _PROJECT_FOLDERS:
        for path in sorted((folder / top).rglob("*")):
            relative = path.relative_to(folder)
            if path.is_file() and not any(part.startswith((".", "__")) for part in relative.parts):
                name = f"{PROJECT}/{relative.as_posix()}"
                yield Part(name, path, digest(path), path.stat().st_size, "project", relative.as_posix(), __version__,
                           _OWN_LICENCE)  # fmt: skip


def _text(name: str, content: bytes, kind: str, title: str) -> Part:
    return Part(name, content, hashlib.sha256(content).hexdigest(), len(content), kind, title, __version__)
