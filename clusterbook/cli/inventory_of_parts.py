"""The software bill of materials of this installation, in CycloneDX 1.6: what is really installed."""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Iterator
from typing import Any

from packaging.requirements import Requirement

_CLASSIFIER = "License :: "
Distribution = importlib.metadata.Distribution


def document() -> dict[str, Any]:
    """clusterbook and every library that it needs, with who needs whom."""
    found = {part.metadata["Name"]: part for part in _closure("clusterbook")}
    own = found.pop("clusterbook")
    edges = [{"ref": _reference(part), "dependsOn": sorted(map(_reference, _needed(part)))} for part in
             (own, *found.values())]  # fmt: skip
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": _component(own, "application")},
        "components": [_component(part, "library") for _, part in sorted(found.items())],
        "dependencies": edges,
    }


def _closure(name: str) -> Iterator[Distribution]:
    waiting, seen = [importlib.metadata.distribution(name)], set()
    while waiting:
        part = waiting.pop()
        if part.metadata["Name"] not in seen:
            seen.add(part.metadata["Name"])
            yield part
            waiting.extend(_needed(part))


def _needed(part: Distribution) -> Iterator[Distribution]:
    """Direct requirements that hold here; those of extras only when something installed them."""
    for text in part.requires or ():
        wanted = Requirement(text)
        if wanted.marker is None or wanted.marker.evaluate({"extra": ""}):
            yield importlib.metadata.distribution(wanted.name)


def _component(part: Distribution, kind: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        "type": kind, "bom-ref": _reference(part), "name": part.metadata["Name"], "version": part.version,
        "purl": _reference(part),
    }  # fmt: skip
    licence = _licence(part)
    return {**found, "licenses": [licence]} if licence else found


def _reference(part: Distribution) -> str:
    return f"pkg:pypi/{re.sub(r'[-_.]+', '-', part.metadata['Name']).lower()}@{part.version}"


def _licence(part: Distribution) -> dict[str, Any]:
    """The licence as the package states it: an SPDX expression, else its classifier, else its own words."""
    expression = part.metadata.get_all("License-Expression")
    if expression:
        return {"expression": expression[0]}
    classified = [text.rpartition(" :: ")[2] for text in part.metadata.get_all("Classifier") or ()
                  if text.startswith(_CLASSIFIER)]  # fmt: skip
    words = "\n".join(part.metadata.get_all("License") or ()).splitlines()[:1]
    text = "; ".join(classified or words)
    return {"license": {"name": text}} if text else {}
