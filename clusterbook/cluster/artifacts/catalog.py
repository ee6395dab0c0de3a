"""The catalog: which binaries and images there are, in which versions, and where each comes from.

Values of `catalog.yaml` after its schema was checked. Placeholders such as {version} are filled in when one component
of one version and architecture is asked for, so what leaves this module is complete.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from clusterbook.cluster.artifacts.documents import checked
from clusterbook.errors import InvalidInput

HERE = Path(__file__).parent
ARCHITECTURES = MappingProxyType({"x86_64": "amd64", "aarch64": "arm64"})


@dataclass(frozen=True)
class Release:
    """A vendor's release. url and checksum still hold {file}; member is the path inside the archive that url names."""

    url: str
    checksum: str | None
    member: str | None


@dataclass(frozen=True)
class GoRecipe:
    """How a component is built from published Go modules. local_replaces: version for replace lines with a path."""

    modules: Mapping[str, str]
    packages: Mapping[str, str]
    stamps: Mapping[str, str]
    replaces: Mapping[str, str]
    local_replaces: str | None
    cgo: bool


@dataclass(frozen=True)
class CRecipe:
    """How one static C program is built; its source comes in a Go module."""

    module: str
    version: str
    sources: tuple[str, ...]
    defines: Mapping[str, str]
    file: str


@dataclass(frozen=True)
class DebianRecipe:
    """Files that are taken out of one of Debian's packages. files: file name to path inside the package."""

    package: str
    files: Mapping[str, str]


@dataclass(frozen=True)
class PythonRecipe:
    """A whole file tree in one tar: a Debian release's own Python and pinned wheels. requirements: their text."""

    suite: str
    packages: tuple[str, ...]
    python: str
    requirements: str
    file: str


Recipe = GoRecipe | CRecipe | DebianRecipe | PythonRecipe


@dataclass(frozen=True)
class Component:
    """Files that are versioned, built and released together, for one architecture."""

    name: str
    version: str
    architecture: str
    description: str
    license: str
    prefix: str
    files: tuple[str, ...]
    release: Release | None
    recipe: Recipe

    @property
    def path(self) -> str:
        """NAME/VERSION/ARCHITECTURE: its key in the lock and its folder on a mirror."""
        return f"{self.name}/{self.version}/{self.architecture}"

    def key(self, file: str) -> str:
        """The name that inventory variables give to a file: kube_apiserver, cni_bridge."""
        return "_".join(part for part in (self.prefix, file) if part).replace("-", "_")


@dataclass(frozen=True)
class Image:
    """An image made here, under the name its vendor gives it, around files of one component.

    tree: the component's file that is a tar of a whole file system, the image's lower layer; empty for none.
    """

    name: str
    reference: str
    component: Component
    tree: str
    files: Mapping[str, str]
    applets: str
    entrypoint: tuple[str, ...]
    command: tuple[str, ...]
    user: str
    workdir: str
    environment: Mapping[str, str]

    @property
    def path(self) -> str:
        """images/NAME/VERSION/ARCHITECTURE: its key in the lock and its folder on a mirror."""
        return f"images/{self.name}/{self.component.version}/{self.component.architecture}"


@dataclass(frozen=True)
class Catalog:
    """The whole of it. go: the Go release that every build uses, whichever one is installed."""

    go: str
    architectures: tuple[str, ...]
    components: Mapping[str, Any]
    images: Mapping[str, Any]

    def component(self, name: str, version: str | None = None, architecture: str | None = None) -> Component:
        """One component, complete. Raises InvalidInput with what there is when the catalog lacks it."""
        entry = _entry(self.components, name, "component")
        version = version or entry["default"]
        architecture = architecture or machine_architecture()
        _one_of(version, entry["versions"], f"{name} has no version")
        _one_of(architecture, self.architectures, "no component is made for the architecture")
        return _component(name, entry, version, architecture)

    def image(self, name: str, version: str | None = None, architecture: str | None = None) -> Image:
        """One image, complete. version: of the component inside it."""
        entry = _entry(self.images, name, "image")
        component = self.component(entry["component"], version, architecture)
        return Image(
            name=name, reference=entry["reference"].format_map(_values(component.version, component.architecture)),
            component=component, tree=entry.get("tree", ""), files=entry.get("files", {}),
            applets=entry.get("applets", ""),
            entrypoint=tuple(entry.get("entrypoint", ())), command=tuple(entry.get("command", ())),
            user=entry.get("user", ""), workdir=entry.get("workdir", "/"),
            environment=entry.get("environment", {}),
        )  # fmt: skip


def load(path: Path = HERE / "catalog.yaml") -> Catalog:
    """Read and check the catalog. Raises InvalidInput with the place of what its schema does not allow."""
    raw = checked(path, "catalog")
    for name, image in raw["images"].items():
        if image["component"] not in raw["components"]:
            raise InvalidInput(f"the image {name} is made of {image['component']!r}, which is no component")
    return Catalog(raw["go"], tuple(raw["architectures"]), raw["components"], raw["images"])


def machine_architecture() -> str:
    """This machine's architecture by the name that releases use."""
    machine = platform.machine()
    return ARCHITECTURES.get(machine, machine)


def _entry(entries: Mapping[str, Any], name: str, noun: str) -> Mapping[str, Any]:
    if name not in entries:
        raise InvalidInput(f"the catalog has no {noun} {name}", next_step=f"Name one of: {', '.join(entries)}.")
    entry: Mapping[str, Any] = entries[name]
    return entry


def _one_of(value: str, known: tuple[str, ...] | list[str], complaint: str) -> None:
    if value not in known:
        raise InvalidInput(f"{complaint} {value}", next_step=f"Choose one of: {', '.join(known)}.")


def _values(version: str, architecture: str, release: Mapping[str, str] | None = None) -> dict[str, str]:
    major, minor, patch = version.split(".")
    return {"version": version, "major": major, "minor": minor, "patch": patch, "file": "{file}",
            "arch": (release or {}).get(architecture, architecture)}  # fmt: skip


def _component(name: str, entry: Mapping[str, Any], version: str, architecture: str) -> Component:
    recipe = _recipe(_filled(entry, _values(version, architecture)), architecture)
    return Component(
        name=name, version=version, architecture=architecture, description=entry["description"],
        license=entry["license"], prefix=entry.get("prefix", ""), files=_files(recipe),
        release=_release(entry.get("release"), version, architecture), recipe=recipe,
    )  # fmt: skip


def _release(entry: Mapping[str, Any] | None, version: str, architecture: str) -> Release | None:
    if entry is None:
        return None
    filled = _filled(entry, _values(version, architecture, entry.get("arch_names")))
    return Release(filled["url"], filled.get("checksum"), filled.get("member"))


def _recipe(entry: Mapping[str, Any], architecture: str) -> Recipe:
    if "go" in entry:
        go = entry["go"]
        return GoRecipe(go["modules"], go["packages"], go.get("stamps", {}), go.get("replaces", {}),
                        go.get("local_replaces"), architecture in go.get("cgo", ()))  # fmt: skip
    if "c" in entry:
        c = entry["c"]
        return CRecipe(c["module"], c["version"], tuple(c["sources"]), c["defines"], c["file"])
    if "python" in entry:
        python = entry["python"]
        text = (HERE / "requirements" / python["requirements"]).read_text()
        return PythonRecipe(python["suite"], tuple(python["packages"]), python["version"], text, python["file"])
    return DebianRecipe(entry["debian"]["package"], entry["debian"]["files"])


def _files(recipe: Recipe) -> tuple[str, ...]:
    if isinstance(recipe, CRecipe | PythonRecipe):
        return (recipe.file,)
    return tuple(recipe.packages if isinstance(recipe, GoRecipe) else recipe.files)


def _filled(value: Any, values: Mapping[str, str]) -> Any:
    """The same value with its placeholders replaced, at any depth."""
    if isinstance(value, str):
        return value.format_map(values)
    if isinstance(value, Mapping):
        return {key: _filled(item, values) for key, item in value.items()}
    return [_filled(item, values) for item in value] if isinstance(value, list) else value
