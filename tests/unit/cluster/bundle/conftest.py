"""Parts of a small bundle, without fetching anything."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from clusterbook.cluster.bundle.parts import Part

CONTENTS = {
    "files/kubernetes/1.37.2/amd64/kubelet": ("program", b"kubelet" * 1000),
    "files/images/pause/3.10.2/amd64/pause.tar": ("image", b"pause"),
    "files/packages/debian-12/runc_1_amd64.deb": ("package", b"runc"),
    "project/playbooks/site.yml": ("project", b"- hosts: all\n"),
    "tools/registry": ("program", b"registry"),
}


def part(name: str, kind: str, content: bytes | Path, data: bytes) -> Part:
    return Part(name, content, hashlib.sha256(data).hexdigest(), len(data), kind, name.rpartition("/")[2], "1.2.3",
                "Apache-2.0", "", f"pkg:generic/{kind}@1.2.3", "made for a test")  # fmt: skip


@pytest.fixture
def small(tmp_path: Path) -> Callable[[], tuple[Part, ...]]:
    """Makes the parts: one from memory, the others from files."""

    def made() -> tuple[Part, ...]:
        found = []
        for name, (kind, data) in CONTENTS.items():
            path = tmp_path / "parts" / hashlib.sha256(data).hexdigest()
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)
            found.append(part(name, kind, data if kind == "project" else path, data))
        return tuple(found)

    return made
