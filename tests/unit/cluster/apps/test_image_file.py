"""What is an image archive and what its image is called, as containerd will call it; the rest is refused with why."""

from __future__ import annotations

import gzip
import hashlib
import json
import tracemalloc
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from clusterbook.cluster.apps.image_file import MAKE, normalized, open_image_file
from clusterbook.cluster.artifacts.oci import MANIFEST_TYPE, Contents, Settings, write_image
from clusterbook.errors import InvalidInput
from tests.tars import written

CONFIG, LAYER = b'{"architecture": "arm64"}', b"a layer"


def blob(content: bytes) -> str:
    """The name of a blob in an OCI layout."""
    return f"blobs/sha256/{hashlib.sha256(content).hexdigest()}"


def described(content: bytes, **more: Any) -> dict[str, Any]:
    """A descriptor of a blob."""
    return {"digest": f"sha256:{hashlib.sha256(content).hexdigest()}", **more}


def layout(*annotations: Mapping[str, str]) -> dict[str, bytes]:
    """An OCI layout of one image under several annotations."""
    manifest = json.dumps({"config": described(CONFIG), "layers": [described(LAYER)]}).encode()
    images = [described(manifest, mediaType=MANIFEST_TYPE, annotations=one) for one in annotations]
    return {"oci-layout": b'{"imageLayoutVersion": "1.0.0"}', "index.json": json.dumps({"manifests": images}).encode(),
            **{blob(content): content for content in (manifest, CONFIG, LAYER)}}  # fmt: skip


def docker(*tags: str, **more: Any) -> dict[str, bytes]:
    """What docker save wrote before it wrote the OCI layout as well."""
    image = {"Config": "c.json", "RepoTags": list(tags) or None, "Layers": ["a/layer.tar"], **more}
    return {"manifest.json": json.dumps([image]).encode(), "c.json": CONFIG, "a/layer.tar": LAYER}


@pytest.mark.parametrize(("short", "full"), [
    ("page", "docker.io/library/page:latest"), ("page:1", "docker.io/library/page:1"),
    ("me/page:1", "docker.io/me/page:1"),
    ("docker.io/page:1", "docker.io/library/page:1"), ("localhost/page:1", "localhost/page:1"),
    ("registry.test:5000/a/page", "registry.test:5000/a/page:latest"),
    ("registry.test/page@sha256:00", "registry.test/page@sha256:00"),
])  # fmt: skip
def test_a_name_is_written_in_full_as_the_kubelet_asks_for_it(short: str, full: str) -> None:
    assert normalized(short) == full == normalized(full)


def test_a_large_archive_is_never_wholly_in_memory(tmp_path: Path) -> None:
    path = written(tmp_path / "large.tar", {**docker("page:1"), "a/layer.tar": bytes(48 << 20)})
    tracemalloc.start()
    try:
        assert open_image_file(path).name == "docker.io/library/page:1"
        assert tracemalloc.get_traced_memory()[1] < path.stat().st_size // 2
    finally:
        tracemalloc.stop()


def test_an_image_that_is_made_here_is_known_by_its_name_and_the_file_s_sum(tmp_path: Path) -> None:
    path = tmp_path / "page.tar"
    write_image(path, "registry.test/page:1", Contents({}, {}, {"/page": "hello"}), Settings("amd64"))
    found = open_image_file(path)
    assert (found.name, found.reference) == ("registry.test/page:1", "registry.test/page:1")
    assert (found.path, found.sha256) == (path, hashlib.sha256(path.read_bytes()).hexdigest())
    assert found.architecture == "amd64"


def test_docker_s_archives_are_read_also_compressed_and_with_dots_before_their_names(tmp_path: Path) -> None:
    plain = written(tmp_path / "page.tar", docker("page:1"))
    packed = tmp_path / "page.tar.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    dotted = written(tmp_path / "dots.tar", {f"./{name}": content for name, content in docker("page:1").items()})
    for path in (plain, packed, dotted):
        found = open_image_file(path)
        assert (found.name, found.architecture) == ("docker.io/library/page:1", "arm64")


@pytest.mark.parametrize(("annotations", "name", "reference"), [
    ({"io.containerd.image.name": "docker.io/library/page:1", "org.opencontainers.image.ref.name": "1"},
     "docker.io/library/page:1", "docker.io/library/page:1"),
    ({"org.opencontainers.image.ref.name": "localhost/page:1"}, "localhost/page:1", "localhost/page:1"),
    ({"org.opencontainers.image.ref.name": "page:1"}, "page:1", "docker.io/library/page:1"),
])  # fmt: skip
def test_an_oci_layout_s_name_is_kept_as_containerd_keeps_it(
    tmp_path: Path, annotations: dict[str, str], name: str, reference: str
) -> None:
    found = open_image_file(written(tmp_path / "page.tar", layout(annotations)))
    assert (found.name, found.reference, found.architecture) == (name, reference, "arm64")


def test_of_several_images_the_named_one_is_taken(tmp_path: Path) -> None:
    path = written(tmp_path / "page.tar", docker("page:1", "other:1"))
    assert open_image_file(path, "other:1").reference == "docker.io/library/other:1"
    with pytest.raises(InvalidInput, match="has several images") as several:
        open_image_file(path)
    assert several.value.next_step == "Say which: --image docker.io/library/page:1."
    with pytest.raises(InvalidInput, match="has no image 'page:2'") as other:
        open_image_file(path, "page:2")
    assert "docker.io/library/page:1, docker.io/library/other:1" in other.value.next_step


@pytest.mark.parametrize(("members", "why"), [
    ({"etc/passwd": b"root"}, "it has neither oci-layout nor manifest.json"),
    ({"oci-layout": b"{}"}, "index.json is missing in it"),
    ({"manifest.json": b"[{"}, "manifest.json in it is no JSON"),
    ({"manifest.json": b"{}"}, "the image in it has no name"),
    ({"manifest.json": b'["page"]'}, "its index is not as the OCI layout's or docker save's"),
    (docker("page:1", Layers=["lost.tar"]), "lost.tar is missing in it"),
    (docker(), "the image in it has no name"),
    (layout({"org.opencontainers.image.ref.name": "1"}), "the image in it has no name"),
    ({name: content for name, content in layout({}).items() if content != LAYER}, f"{blob(LAYER)} is missing in it"),
])  # fmt: skip
def test_what_is_no_archive_of_an_image_is_refused_with_the_file_why_and_the_next_step(
    tmp_path: Path, members: dict[str, bytes], why: str
) -> None:
    path = written(tmp_path / "page.tar", members)
    with pytest.raises(InvalidInput) as caught:
        open_image_file(path)
    assert f"--image-file {path}" in caught.value.message and why in caught.value.message
    assert caught.value.next_step


def test_a_file_that_is_no_tar_not_whole_or_not_there_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "page.txt"
    text.write_text("FROM scratch\n")
    with pytest.raises(InvalidInput, match="is no image archive: it is no whole tar") as caught:
        open_image_file(text)
    assert caught.value.next_step == MAKE
    whole = written(tmp_path / "page.tar", {**docker("page:1"), "a/layer.tar": LAYER * 10_000}).read_bytes()
    packed = gzip.compress(whole)
    cut = {"cut.tar": whole[:30_000], "cut.tar.gz": packed[: len(packed) // 2], "empty.tar": b""}
    for name, content in cut.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InvalidInput, match="is no whole tar"):
            open_image_file(tmp_path / name)
    with pytest.raises(InvalidInput, match="cannot be read: no such file or directory"):
        open_image_file(tmp_path / "none.tar")
    with pytest.raises(InvalidInput, match="cannot be read: is a directory"):
        open_image_file(tmp_path)
