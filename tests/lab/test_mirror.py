"""The mirror serves over the loopback address what hosts of a lab get from it."""

from __future__ import annotations

import hashlib
import json
import socket
import urllib.request
from dataclasses import replace

import pytest

from clusterbook.cluster.artifacts import supply as supplies
from clusterbook.cluster.artifacts.oci import MANIFEST_TYPE
from clusterbook.errors import Failed
from clusterbook.lab import mirror as mirrors
from clusterbook.lab.mirror_servers import Mirror, start, status, stop

COMPONENTS = ("cni-plugins",)
IMAGES = ("pause",)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def get(url, **headers):
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=30) as answer:
        return answer.read(), answer.headers


@pytest.fixture
def mirror(tmp_path):
    """A mirror of its own, stopped at the end."""
    one = Mirror(tmp_path / "mirror", "127.0.0.1", free_port(), free_port())
    yield one
    stop(one)


@pytest.fixture
def served(mirror):
    """What hosts are told about the running mirror."""
    return mirrors.up(mirror, supplies.default(), COMPONENTS, IMAGES)


def test_every_file_of_the_variables_is_served_with_its_sum(served):
    assert "cni_bridge" in served["artifacts"]
    for artifact in (*served["artifacts"].values(), *served["images"].values()):
        body, _ = get(artifact["url"])
        assert hashlib.sha256(body).hexdigest() == artifact["sha256"]


def test_an_image_is_pulled_with_the_digest_of_its_archive(served):
    pause = served["images"]["pause"]
    repository = f"{served['image_mirror']}/v2/{pause['repository']}"
    manifest, headers = get(f"{repository}/manifests/{pause['tag']}", Accept=MANIFEST_TYPE)
    assert headers["Docker-Content-Digest"] == pause["digest"]
    for part in (json.loads(manifest)["config"], *json.loads(manifest)["layers"]):
        blob, _ = get(f"{repository}/blobs/{part['digest']}")
        assert f"sha256:{hashlib.sha256(blob).hexdigest()}" == part["digest"]


def test_a_second_start_changes_nothing(mirror, served):
    before = [mirror.record(server).read_bytes() for server in ("files", "registry")]
    assert mirrors.up(mirror, supplies.default(), COMPONENTS, IMAGES) == served
    assert [mirror.record(server).read_bytes() for server in ("files", "registry")] == before


def test_a_stopped_mirror_starts_again_with_what_it_held(mirror, served):
    assert stop(mirror)
    assert status(mirror) == {"files": False, "registry": False}
    assert not stop(mirror)
    start(mirror, mirror.registry / "registry")
    pause = served["images"]["pause"]
    url = f"{served['image_mirror']}/v2/{pause['repository']}/manifests/{pause['tag']}"
    assert get(url, Accept=MANIFEST_TYPE)[1]["Docker-Content-Digest"] == pause["digest"]


def test_a_port_that_another_program_holds_is_named(mirror, served):
    other = replace(mirror, directory=mirror.directory.parent / "other")
    with pytest.raises(Failed, match=rf"another program listens on 127\.0\.0\.1:{mirror.files_port}"):
        start(other, mirror.registry / "registry")
