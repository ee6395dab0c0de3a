"""Get a component's files: from the cache, a mirror, the vendor's release or a build, in this order.

Nothing is handed out whose SHA-256 is not in the lock. With `locking`, what is new is added to the lock instead of
refused; that is a person's decision and never happens by itself.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from clusterbook.cluster.artifacts import cache as caches
from clusterbook.cluster.artifacts import lock as locks
from clusterbook.cluster.artifacts.cache import Cache
from clusterbook.cluster.artifacts.catalog import Catalog, Component
from clusterbook.cluster.artifacts.catalog import load as load_catalog
from clusterbook.cluster.artifacts.download import NotThere, fetch
from clusterbook.cluster.artifacts.events import Event, Report, silent
from clusterbook.cluster.artifacts.lock import Lock, Sums, recipe_digest
from clusterbook.cluster.artifacts.releases import download_release
from clusterbook.cluster.artifacts.toolchains import build, needs_lock, toolchain
from clusterbook.errors import Failed

SOURCES = ("cache", "mirror", "release", "build")
MIRROR_VARIABLE = "CLUSTERBOOK_MIRROR"


@dataclass(frozen=True)
class Supply:
    """Where artifacts come from. mirror: address of a folder tree by component; sources: those that may be used."""

    catalog: Catalog
    cache: Cache
    lock_path: Path = locks.DEFAULT
    mirror: str = ""
    sources: tuple[str, ...] = SOURCES
    locking: bool = False
    report: Report = silent

    @property
    def lock(self) -> Lock:
        """The lock as it is on disk now; another process may have added to it."""
        return locks.load(self.lock_path)


@dataclass(frozen=True)
class Supplied:
    """A component whose files are in the cache. source: which of SOURCES gave them this time."""

    component: Component
    source: str
    sums: Sums
    files: Mapping[str, Path]


def default(report: Report = silent, *, locking: bool = False, sources: tuple[str, ...] = SOURCES) -> Supply:
    """The supply of this project and person, with the mirror that CLUSTERBOOK_MIRROR names."""
    return Supply(load_catalog(), caches.default(), mirror=os.environ.get(MIRROR_VARIABLE, ""),
                  sources=sources, locking=locking, report=report)  # fmt: skip


def supply(settings: Supply, component: Component) -> Supplied:
    """The component's files, from the first source that has them. Raises Failed when none may or can give them."""
    ways: Mapping[str, Callable[[Supply, Component], Sums | None]] = {
        "cache": from_cache, "mirror": _from_mirror, "release": _from_release, "build": _from_build,
    }  # fmt: skip
    if found := _try(settings, component, "cache", from_cache):
        return found
    with settings.cache.held(component.path):
        for source in settings.sources:
            if found := _try(settings, component, source, ways[source]):
                return found
    raise _refusal(settings, component)


def from_cache(settings: Supply, component: Component) -> Sums | None:
    """Sums of a locked set of files that is complete in the cache."""
    for sums in settings.lock.any(component):
        if set(component.files) <= set(sums) and all(settings.cache.find(sums[file]) for file in component.files):
            return sums
    return None if needs_lock(component) else _recorded(settings, component)


def expected(settings: Supply, component: Component) -> str:
    """Which source would be tried first with hope, without trying it. Raises Failed when there is none.

    Told beforehand, so that no run builds for minutes and then finds that it lacks the lock of something else.
    """
    lock = settings.lock
    if from_cache(settings, component) is not None:
        return "cache"
    hopes = {
        "mirror": bool(settings.mirror and lock.any(component)),
        "release": component.release is not None and (settings.locking or lock.release(component) is not None),
        "build": settings.locking or _may_build(settings, component),
    }
    for source in settings.sources:
        if hopes.get(source):
            return source
    raise _refusal(settings, component)


def _may_build(settings: Supply, component: Component) -> bool:
    """Whether what this machine's toolchain builds is covered."""
    if not needs_lock(component) or "build" not in settings.sources:
        return not needs_lock(component)
    return settings.lock.build(component, toolchain(component, settings.catalog.go)) is not None


def _try(
    settings: Supply, component: Component, source: str, way: Callable[[Supply, Component], Sums | None]
) -> Supplied | None:
    sums = way(settings, component)
    if sums is None:
        return None
    files = {file: settings.cache.find(sums[file]) for file in component.files}
    settings.report(Event(component.path, "cached" if source == "cache" else "done", source))
    return Supplied(component, source, sums, {file: path for file, path in files.items() if path})


def _from_mirror(settings: Supply, component: Component) -> Sums | None:
    """A mirror may hold the release or a build of any locked toolchain: take the set that it really has."""
    if not settings.mirror:
        return None
    for sums in settings.lock.any(component):
        try:
            for file in component.files:
                _mirror_file(settings, component, file, sums[file])
        except NotThere:
            return None
        except Failed:
            continue
        return sums
    return None


def _mirror_file(settings: Supply, component: Component, file: str, sha256: str) -> None:
    if settings.cache.find(sha256):
        return
    url = f"{settings.mirror.rstrip('/')}/{component.path}/{file}"
    partial = settings.cache.partial(f"{url} {sha256}")
    settings.cache.add(fetch(url, partial, sha256, _bytes(settings, f"{component.path}/{file}")))


def _from_release(settings: Supply, component: Component) -> Sums | None:
    """The vendor's release, when it is locked or may be locked now; none when its address does not answer."""
    locked = settings.lock.release(component)
    if component.release is None or (locked is None and not settings.locking):
        return None
    try:
        sums, downloads = download_release(settings.cache, component, settings.lock.downloads(component),
                                           settings.locking, _bytes(settings, component.path))  # fmt: skip
    except NotThere as error:
        settings.report(Event(component.path, "progress", f"{error.message}; trying the next source"))
        return None
    if locked is None:
        _save(settings, lambda lock: lock.with_release(component, sums, downloads))
    elif dict(locked) != dict(sums):
        raise Failed(f"the release of {component.path} unpacks to other files than the lock says")
    return sums


def _from_build(settings: Supply, component: Component) -> Sums | None:
    """Build with this machine's toolchain, when its bytes are locked or may be locked now."""
    tools = toolchain(component, settings.catalog.go)
    locked = settings.lock.build(component, tools)
    if needs_lock(component) and locked is None and not settings.locking:
        return None
    sums = _recorded(settings, component) or _build(settings, component, tools)
    if not needs_lock(component) or locked == sums:
        return sums
    if locked is not None:
        raise _other_bytes(component, tools, locked, sums)
    _save(settings, lambda lock: lock.with_build(component, tools, sums))
    return sums


def _build(settings: Supply, component: Component, tools: str) -> Sums:
    settings.report(Event(component.path, "started", f"build with {tools}"))
    with settings.cache.workspace() as folder:
        built = build(component, settings.catalog.go, folder, settings.report)
        sums = {file: settings.cache.add(path) for file, path in built.items()}
    settings.cache.write_record(f"{component.path}/{recipe_digest(component)}", tools, sums)
    return sums


def _recorded(settings: Supply, component: Component) -> Sums | None:
    name = f"{component.path}/{recipe_digest(component)}"
    return settings.cache.record(name, toolchain(component, settings.catalog.go))


def _save(settings: Supply, change: Callable[[Lock], Lock]) -> None:
    """Add to the lock file under a lock of its own, so that two builders lose nothing of each other."""
    with settings.cache.held("lock"):
        locks.save(change(settings.lock), settings.lock_path)


def _bytes(settings: Supply, artifact: str) -> Callable[[int, int], None]:
    return lambda done, total: settings.report(Event(artifact, "progress", "download", done, total, "bytes"))


def _other_bytes(component: Component, tools: str, locked: Sums, built: Sums) -> Failed:
    differing = ", ".join(file for file in built if built[file] != locked.get(file))
    return Failed(
        f"{component.path} built with {tools} differs from the lock: {differing}",
        next_step="Something that goes into the build changed: find out what before locking it anew.",
    )


def _refusal(settings: Supply, component: Component) -> Failed:
    """Say why no source gave anything, and the command that helps."""
    known = sorted(settings.lock.builds.get(component.path, {}))
    here = toolchain(component, settings.catalog.go) if "build" in settings.sources else "no builds allowed"
    locked = f"it is locked for {', '.join(known)}" if known else "no build of it is locked"
    command = f"invoke artifacts --lock --name {component.name} --version {component.version}"
    elsewhere = "Take it from a mirror or a bundle that such a machine made, or trust" if known else "To trust"
    return Failed(
        f"{component.path} is not to be had: {locked}; this machine has {here}",
        next_step=f"{elsewhere} what this one gets: {command}; review what that adds to the lock.",
    )
