"""The bill of materials is valid SPDX 2.3 and says of every file its sum, licence and origin."""

from __future__ import annotations

import json

from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

from clusterbook.cluster.bundle import spdx


def test_the_document_is_valid(tmp_path, small):
    path = tmp_path / "bill.spdx.json"
    path.write_bytes(spdx.document("demo", small()))
    document = parse_file(str(path))
    assert [message.validation_message for message in validate_full_spdx_document(document)] == []
    assert document.creation_info.spdx_version == "SPDX-2.3"


def test_every_file_is_there_with_its_sum_version_licence_and_origin(small):
    parts = small()
    text = spdx.document("demo", parts)
    assert spdx.sums(text) == {part.name: part.sha256 for part in parts}
    named = {package.get("packageFileName"): package for package in json.loads(text)["packages"]}
    kubelet = named[parts[0].name]
    assert (kubelet["versionInfo"], kubelet["licenseDeclared"]) == ("1.2.3", "Apache-2.0")
    assert kubelet["externalRefs"][0]["referenceLocator"] == "pkg:generic/program@1.2.3"
    assert kubelet["sourceInfo"] == "made for a test"


def test_the_same_parts_give_the_same_document_and_others_another_namespace(small):
    parts = small()
    assert spdx.document("demo", parts) == spdx.document("demo", parts)
    spaces = {json.loads(spdx.document("demo", some))["documentNamespace"] for some in (parts, parts[1:])}
    assert len(spaces) == 2
