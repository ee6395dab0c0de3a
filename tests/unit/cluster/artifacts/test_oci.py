"""Images are the same bytes from the same files, and are what the OCI layout says."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from dataclasses import replace

import pytest

from clusterbook.cluster.artifacts.oci import Contents, Settings, read_index, write_image

REFERENCE = "registry.example.org/tools/tool:v1.0.0"


@pytest.fixture
def contents(tmp_path):
    program = tmp_path / "program"
    program.write_bytes(b"\x7fELF a program")
    return Contents({"/bin/tool": program}, {"/bin/alias": "tool"}, {"/etc/passwd": "root:x:0:0::/:\n"})


@pytest.fixture
def image(tmp_path, contents):
    path = tmp_path / "image.tar"
    write_image(path, REFERENCE, contents, Settings("amd64", ("/bin/tool",), user="65534:65534"))
    return path


def document(archive, name):
    with tarfile.open(archive) as tar:
        return json.loads(tar.extractfile(name).read())


def blob(archive, digest):
    with tarfile.open(archive) as tar:
        return tar.extractfile(f"blobs/{digest.replace(':', '/')}").read()


def test_the_same_files_give_the_same_bytes(tmp_path, contents, image):
    again = tmp_path / "again.tar"
    (tmp_path / "program").touch()
    write_image(again, REFERENCE, contents, Settings("amd64", ("/bin/tool",), user="65534:65534"))
    assert again.read_bytes() == image.read_bytes()


def test_every_blob_is_named_by_its_own_sum(image):
    with tarfile.open(image) as tar:
        blobs = [member for member in tar if member.name.startswith("blobs/sha256/")]
        assert len(blobs) == 3
        for member in blobs:
            assert hashlib.sha256(tar.extractfile(member).read()).hexdigest() == member.name.rsplit("/", 1)[1]


def test_the_manifest_names_the_sizes_and_digests_of_its_parts(image):
    manifest = json.loads(blob(image, read_index(image)["digest"]))
    for part in (manifest["config"], *manifest["layers"]):
        assert len(blob(image, part["digest"])) == part["size"]


def test_the_configuration_names_the_uncompressed_layer(image):
    manifest = json.loads(blob(image, read_index(image)["digest"]))
    config = json.loads(blob(image, manifest["config"]["digest"]))
    layer = gzip.decompress(blob(image, manifest["layers"][0]["digest"]))
    assert config["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(layer).hexdigest()}"]
    assert config["config"]["User"] == "65534:65534"
    assert config["config"]["Entrypoint"] == ["/bin/tool"]


def test_the_layer_holds_the_files_with_their_folders_first(image):
    manifest = json.loads(blob(image, read_index(image)["digest"]))
    layer = gzip.decompress(blob(image, manifest["layers"][0]["digest"]))
    with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
        members = {member.name: member for member in tar}
        assert list(members) == ["bin", "etc", "tmp", "bin/tool", "etc/passwd", "bin/alias"]
        assert tar.extractfile("bin/tool").read() == b"\x7fELF a program"
    assert members["bin/tool"].mode == 0o755
    assert members["tmp"].mode == 0o1777
    assert members["bin/alias"].linkname == "tool"
    assert {(member.uid, member.gid, member.mtime) for member in members.values()} == {(0, 0, 0)}


def test_a_file_tree_is_a_layer_below_the_files(tmp_path, contents):
    tree = tmp_path / "tree.tar"
    with tarfile.open(tree, "w") as tar:
        tar.add(tmp_path / "program", "usr/bin/python3")
    path = tmp_path / "image.tar"
    write_image(path, REFERENCE, replace(contents, tree=tree), Settings("amd64"))
    manifest = json.loads(blob(path, read_index(path)["digest"]))
    layers = [gzip.decompress(blob(path, layer["digest"])) for layer in manifest["layers"]]
    config = json.loads(blob(path, manifest["config"]["digest"]))
    assert layers[0] == tree.read_bytes()
    assert config["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in layers]
    with tarfile.open(fileobj=io.BytesIO(layers[1])) as tar:
        assert "bin/tool" in tar.getnames()


def test_one_archive_serves_both_readers(image):
    described = read_index(image)
    manifest = json.loads(blob(image, described["digest"]))
    docker = document(image, "manifest.json")[0]
    assert described["annotations"]["io.containerd.image.name"] == REFERENCE
    assert docker["RepoTags"] == [REFERENCE]
    assert docker["Config"] == f"blobs/{manifest['config']['digest'].replace(':', '/')}"
    assert docker["Layers"] == [f"blobs/{layer['digest'].replace(':', '/')}" for layer in manifest["layers"]]
    assert document(image, "oci-layout") == {"imageLayoutVersion": "1.0.0"}
