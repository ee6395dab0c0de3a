"""The bill of materials of a bundle, as SPDX 2.3 in JSON: every file with its sum, and where it came from."""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Sequence
from typing import Any

from clusterbook import __version__
from clusterbook.cluster.bundle.parts import Part

VERSION = "SPDX-2.3"
# The same inputs give the same bytes, so no clock is read.
CREATED = "1970-01-01T00:00:00Z"
DOCUMENT, WHOLE = "SPDXRef-DOCUMENT", "SPDXRef-bundle"
UNKNOWN = "NOASSERTION"
_PURPOSES = {"program": "APPLICATION", "image": "CONTAINER", "package": "INSTALL", "index": "FILE", "project": "SOURCE"}
_SHA256 = "SHA256"


def document(name: str, parts: Sequence[Part]) -> bytes:
    """The document's text. name: the cluster's or inventory's."""
    packages = [_package(part) for part in parts]
    whole = {
        "SPDXID": WHOLE, "name": f"clusterbook bundle for {name}", "versionInfo": __version__,
        "downloadLocation": "NONE", "filesAnalyzed": False, "licenseConcluded": UNKNOWN, "licenseDeclared": UNKNOWN,
        "copyrightText": UNKNOWN, "primaryPackagePurpose": "ARCHIVE",
    }  # fmt: skip
    content = {
        "spdxVersion": VERSION, "dataLicense": "CC0-1.0", "SPDXID": DOCUMENT, "name": f"clusterbook-bundle-{name}",
        "documentNamespace": f"https://spdx.org/spdxdocs/clusterbook-bundle-{_identity(parts)}",
        "creationInfo": {"created": CREATED, "creators": [f"Tool: clusterbook-{__version__}"]},
        "documentDescribes": [WHOLE],
        "packages": [whole, *packages],
        "relationships": [
            _related(DOCUMENT, "DESCRIBES", WHOLE),
            *(_related(WHOLE, "CONTAINS", package["SPDXID"]) for package in packages),
        ],
    }  # fmt: skip
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()


def sums(text: bytes) -> dict[str, str]:
    """SHA-256 by name of the file in the bundle, as a document of ours says."""
    return {
        package["packageFileName"]: checksum["checksumValue"]
        for package in json.loads(text)["packages"] if "packageFileName" in package
        for checksum in package["checksums"] if checksum["algorithm"] == _SHA256
    }  # fmt: skip


def _package(part: Part) -> dict[str, Any]:
    found: dict[str, Any] = {
        "SPDXID": _reference(part), "name": part.title, "versionInfo": part.version, "packageFileName": part.name,
        "downloadLocation": part.origin or UNKNOWN, "filesAnalyzed": False,
        "checksums": [{"algorithm": _SHA256, "checksumValue": part.sha256}],
        "licenseConcluded": UNKNOWN, "licenseDeclared": part.licence or UNKNOWN, "copyrightText": UNKNOWN,
        "primaryPackagePurpose": _PURPOSES[part.kind],
    }  # fmt: skip
    if part.note:
        found["sourceInfo"] = part.note
    if part.purl:
        found["externalRefs"] = [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
                                  "referenceLocator": part.purl}]  # fmt: skip
    return found


def _reference(part: Part) -> str:
    """Letters, digits, points and dashes alone, and two names never make the same one."""
    readable = re.sub(r"[^A-Za-z0-9.]+", "-", part.name).strip("-")
    return f"SPDXRef-{readable}-{hashlib.sha256(part.name.encode()).hexdigest()[:8]}"


def _identity(parts: Sequence[Part]) -> uuid.UUID:
    listed = "\n".join(f"{part.sha256} {part.name}" for part in parts)
    return uuid.uuid5(uuid.NAMESPACE_OID, hashlib.sha256(listed.encode()).hexdigest())


def _related(one: str, kind: str, other: str) -> dict[str, str]:
    return {"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other}
