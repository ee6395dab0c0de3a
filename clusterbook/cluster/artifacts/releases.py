"""Bring a vendor's release into the cache, unpacked to single files."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path

from clusterbook.cluster.artifacts.cache import Cache
from clusterbook.cluster.artifacts.catalog import Component, Release
from clusterbook.cluster.artifacts.download import NotThere, Progress, fetch, published_sum, text
from clusterbook.cluster.artifacts.lock import Sums
from clusterbook.errors import Failed


def download_release(
    cache: Cache, component: Component, locked: Sums, locking: bool, progress: Progress
) -> tuple[Sums, Sums]:
    """File sums and download sums of the release. locked: known download sums; others need `locking`."""
    if component.release is None:
        raise NotThere(f"{component.name} has no release by its vendor")
    sums: dict[str, str] = {}
    downloads: dict[str, str] = {}
    for file in component.files:
        url = component.release.url.format(file=file)
        downloads.setdefault(url, locked.get(url) or _ask_vendor(component.release, file, locking))
        partial = fetch(url, cache.partial(url), downloads[url], progress)
        sums[file] = _add(cache, component.release, partial, file)
    for url in downloads:
        cache.partial(url).unlink(missing_ok=True)
    return sums, downloads


def _ask_vendor(release: Release, file: str, locking: bool) -> str:
    """The sum that the vendor publishes. Only asked when locking: later runs trust the lock alone."""
    url = release.url.format(file=file)
    if not locking:
        raise Failed(f"{url} is not locked", next_step="Lock it once you trust the vendor's sum.")
    if release.checksum is None:
        raise NotThere(f"the vendor of {url} publishes no SHA-256 for it")
    address = release.checksum.format(file=file)
    found = published_sum(text(address), url.rsplit("/", 1)[1])
    if found is None:
        raise Failed(f"{address} does not name {url}", next_step="Correct the checksum address in the catalog.")
    return found


def _add(cache: Cache, release: Release, partial: Path, file: str) -> str:
    """Put the file, or the member of the archive, into the cache."""
    with cache.workspace() as folder:
        target = folder / "file"
        if release.member is None:
            shutil.copyfile(partial, target)
        else:
            _extract(partial, release.member.format(file=file), target)
        return cache.add(target)


def _extract(archive: Path, member: str, target: Path) -> None:
    """Copy one member's bytes; names, owners and links of the archive are never used."""
    with tarfile.open(archive) as tar:
        try:
            source = tar.extractfile(member)
        except KeyError:
            source = None
        if source is None:
            raise Failed(f"the release has no file {member}", next_step="Correct member in the catalog.")
        with target.open("wb") as file:
            shutil.copyfileobj(source, file)
