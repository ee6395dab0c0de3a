"""What the catalog has and what of it is here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from clusterbook.cluster.artifacts.catalog import machine_architecture
from clusterbook.cluster.artifacts.supply import Supply, from_cache


@dataclass(frozen=True)
class Listed:
    """One component in one version. locked: what the lock covers; cached: whether all its files are here."""

    path: str
    files: tuple[str, ...]
    default: bool
    locked: tuple[str, ...]
    cached: bool

    def __str__(self) -> str:
        """One line for a terminal."""
        marks = f"{'cached' if self.cached else 'absent':7}{'default' if self.default else '':8}"
        return f"{self.path:32}{marks}locked: {', '.join(self.locked) or 'no'}"


def listing(settings: Supply, architecture: str | None = None) -> Iterable[Listed]:
    """Every component in every version for one architecture."""
    lock = settings.lock
    for name, entry in settings.catalog.components.items():
        for version in entry["versions"]:
            component = settings.catalog.component(name, version, architecture or machine_architecture())
            toolchains = [tools for tools in lock.builds.get(component.path, {}) if lock.build(component, tools)]
            locked = (*(["release"] if lock.release(component) else []), *toolchains)
            cached = from_cache(settings, component) is not None
            yield Listed(component.path, component.files, version == entry["default"], locked, cached)
