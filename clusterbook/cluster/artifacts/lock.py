"""The lock: the SHA-256 of every file that may be used, by where it came from.

Releases are locked by their bytes. A build is locked per toolchain and per recipe: change the recipe in the catalog
and the old entry no longer covers it. What is not here is refused, unless the person asked to lock it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from clusterbook.cluster.artifacts.catalog import HERE, Component
from clusterbook.cluster.artifacts.documents import checked, write

DEFAULT = HERE / "lock.yaml"
# Raised when the code that carries out recipes changes what it makes.
RECIPE_FORMAT = 1
HEADER = "# Checksums of everything that may be used. Written by: python -m clusterbook.cluster.artifacts lock NAME\n"

Sums = Mapping[str, str]


@dataclass(frozen=True)
class Lock:
    """The lock's entries. Immutable: what adds an entry returns another lock."""

    releases: Mapping[str, Any] = field(default_factory=dict)
    builds: Mapping[str, Any] = field(default_factory=dict)

    def release(self, component: Component) -> Sums | None:
        """File sums of the vendor's release, when it is locked."""
        entry = self.releases.get(component.path)
        return entry and entry["files"]

    def downloads(self, component: Component) -> Sums:
        """Sums of what the vendor's addresses answer."""
        entry: Sums = self.releases.get(component.path, {}).get("downloads", {})
        return entry

    def build(self, component: Component, toolchain: str) -> Sums | None:
        """File sums of a build with this toolchain by today's recipe, when it is locked."""
        entry = self.builds.get(component.path, {}).get(toolchain)
        return entry["files"] if entry and entry["recipe"] == recipe_digest(component) else None

    def any(self, component: Component) -> tuple[Sums, ...]:
        """Every set of file sums that may be used: the release's and each toolchain's."""
        release = self.release(component)
        toolchains = self.builds.get(component.path, {})
        builds = (self.build(component, toolchain) for toolchain in toolchains)
        return tuple(sums for sums in (release, *builds) if sums)

    def sums(self) -> frozenset[str]:
        """Every file's sum, of all components and toolchains."""
        built = (entry for toolchains in self.builds.values() for entry in toolchains.values())
        entries = (*self.releases.values(), *built)
        return frozenset(total for entry in entries for total in entry["files"].values())

    def with_build(self, component: Component, toolchain: str, files: Sums) -> Lock:
        """This lock and one more build."""
        entry = {"recipe": recipe_digest(component), "files": dict(files)}
        return Lock(self.releases, _with(self.builds, component.path, toolchain, entry))

    def with_release(self, component: Component, files: Sums, downloads: Sums) -> Lock:
        """This lock and one more release."""
        entry = {"files": dict(files), "downloads": dict(downloads)}
        return Lock({**self.releases, component.path: entry}, self.builds)


def load(path: Path = DEFAULT) -> Lock:
    """Read and check the lock; a file that is not there yet locks nothing."""
    if not path.exists():
        return Lock()
    raw = checked(path, "lock")
    return Lock(raw.get("releases", {}), raw.get("builds", {}))


def save(lock: Lock, path: Path = DEFAULT) -> None:
    """Replace the lock file atomically."""
    write(path, {name: value for name, value in asdict(lock).items() if value}, HEADER)


def recipe_digest(component: Component) -> str:
    """Sixteen digits that change with anything in the catalog that could change the built bytes."""
    recipe = {"kind": type(component.recipe).__name__, **asdict(component.recipe)}
    return short_digest([RECIPE_FORMAT, component.path, recipe])


def short_digest(value: object) -> str:
    """Sixteen digits of the SHA-256 of a plain value."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def _with(entries: Mapping[str, Any], path: str, toolchain: str, entry: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**entries, path: {**entries.get(path, {}), toolchain: entry}}
