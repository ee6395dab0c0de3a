"""From what a plan will fetch to the catalog's components and images; refused what the catalog cannot supply."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clusterbook.cluster.artifacts import catalog as catalogs
from clusterbook.cluster.artifacts.catalog import Catalog, Component, Image
from clusterbook.cluster.bundle.foreseen import SCHEME, Foreseen
from clusterbook.errors import InvalidInput
from clusterbook.records import dataclass


@dataclass(frozen=True)
class Wanted:
    """Components with those of their files that some host fetches, and images."""

    files: tuple[tuple[Component, tuple[str, ...]], ...]
    images: tuple[Image, ...]


def stand_ins(versions: Mapping[str, str]) -> dict[str, Any]:
    """`artifacts`, `images` and `image_mirror` as a mirror would give them, with names in place of addresses.

    versions: by component, where not the default.
    """
    catalog = catalogs.load()
    artifacts = {
        key: {"url": SCHEME + key, "sha256": "", "version": component.version}
        for key, (component, _) in _files(catalog, versions, None).items()
    }
    references = {name: _image(catalog, name, versions).reference for name in catalog.images}
    images = {name.replace("-", "_"): {"reference": reference} for name, reference in references.items()}
    return {"artifacts": artifacts, "images": images, "image_mirror": SCHEME}


def wanted(found: Foreseen, catalog: Catalog, versions: Mapping[str, str], architecture: str) -> Wanted:
    """What to supply. InvalidInput for an image that somebody else publishes: no bundle can hold it.

    versions: by component, where not the default.
    """
    if found.others:
        reference, place = next(iter(sorted(found.others.items())))
        raise InvalidInput(
            f"the cluster runs {reference} ({place}), and no bundle holds it: it is not made from locked sources",
            next_step="Leave out what needs it, or bring that image into the mirror's registry yourself.",
        )
    known = _files(catalog, versions, architecture)
    files: dict[str, tuple[Component, list[str]]] = {}
    for key in sorted(found.artifacts):
        component, file = known[key]
        files.setdefault(component.path, (component, []))[1].append(file)
    names = {name.replace("-", "_"): name for name in catalog.images}
    images = [_image(catalog, names[name], versions, architecture) for name in sorted(found.images)]
    return Wanted(tuple((component, tuple(names)) for component, names in files.values()), tuple(images))


def _image(catalog: Catalog, name: str, versions: Mapping[str, str], architecture: str | None = None) -> Image:
    return catalog.image(name, versions.get(catalog.images[name]["component"]), architecture)


def _files(catalog: Catalog, versions: Mapping[str, str], architecture: str | None) -> dict[str, tuple[Component, str]]:
    """Component and file by the name in `artifacts`."""
    components = [catalog.component(name, versions.get(name), architecture) for name in catalog.components]
    return {component.key(file): (component, file) for component in components for file in component.files}
