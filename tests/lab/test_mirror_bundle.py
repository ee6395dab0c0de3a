"""A mirror that was filled from a bundle serves it on the loopback address, and apt takes packages from it alone."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import urllib.request

import pytest

from clusterbook.cluster.artifacts import supply as supplies
from clusterbook.cluster.artifacts.lock import Lock
from clusterbook.cluster.bundle import archive, debian, spdx
from clusterbook.cluster.bundle.foreseen import System
from clusterbook.cluster.bundle.parts import gather
from clusterbook.cluster.bundle.wanted import Wanted
from clusterbook.errors import Failed
from clusterbook.lab import mirror_bundle
from clusterbook.lab.mirror_servers import Mirror, status, stop
from tests.lab.test_mirror import free_port

RELEASE = "debian-12"
CONTROL = (
    "Package: gap-test\nVersion: 1:2.0+b1\nArchitecture: all\nMaintainer: nobody <nobody@example.test>\n"
    "Description: x\n"
)


def silent(*_):
    """Nobody watches."""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    """A small bundle: one program, one image, one package of the test's own."""
    folder = tmp_path_factory.mktemp("bundle")
    (folder / "deb/DEBIAN").mkdir(parents=True)
    (folder / "deb/DEBIAN/control").write_text(CONTROL)
    (folder / "playbooks").mkdir()
    subprocess.run(["dpkg-deb", "--build", "--root-owner-group", "deb", "x.deb"], cwd=folder, check=True)
    settings = supplies.default()
    plugins = settings.catalog.component("cni-plugins")
    wanted = Wanted(((plugins, ("bridge",)),), (settings.catalog.image("pause"),))
    package = debian._read(folder / "x.deb", "http://archive.test/x.deb")
    found = gather(settings, wanted, {System(RELEASE, "amd64"): [package]}, folder)
    about = {"clusterbook": "0", "architecture": plugins.architecture, "index": found.index, "releases": [RELEASE]}
    archive.write(folder / "small.tar", about, spdx.document("small", found.parts), found.parts, silent)
    return folder / "small.tar"


@pytest.fixture
def mirror(tmp_path):
    """A mirror of its own, stopped at the end."""
    one = Mirror(tmp_path / "mirror", "127.0.0.1", free_port(), free_port())
    yield one
    stop(one)


@pytest.fixture
def served(mirror, bundle):
    """What hosts are told about the running mirror."""
    return mirror_bundle.up(mirror, bundle, supplies.default().lock, silent)


@pytest.fixture
def apt(tmp_path, served):
    """Runs apt-get as on a host that knows the mirror alone."""
    root = tmp_path / "apt"
    for name in ("lists/partial", "archives/partial"):
        (root / name).mkdir(parents=True)
    (root / "status").touch()
    (root / "key.asc").write_text(served["package_mirror"]["key"])
    (root / "sources").write_text(f"deb [signed-by={root / 'key.asc'}] {served['package_mirror']['url']} {RELEASE}/\n")
    settings = (f"Dir::State={root}", f"Dir::State::Lists={root / 'lists'}", f"Dir::State::status={root / 'status'}",
                f"Dir::Cache={root}", f"Dir::Etc::SourceList={root / 'sources'}", "Dir::Etc::SourceParts=/dev/null",
                "APT::Sandbox::User=root", "APT::Update::Error-Mode=any", "Debug::NoLocking=true",
                "Acquire::http::Proxy=false", "Acquire::Retries=0")  # fmt: skip

    def call(*words):
        argv = ["apt-get", "-q", *(f"-o{setting}" for setting in settings), *words]
        return subprocess.run(argv, cwd=root, capture_output=True, text=True, check=False)

    call.root = root
    return call


def test_every_file_of_the_variables_is_served_with_its_sum(served):
    assert set(served["artifacts"]) == {"cni_bridge"}
    for artifact in (*served["artifacts"].values(), *served["images"].values()):
        body = urllib.request.urlopen(artifact["url"], timeout=30).read()
        assert hashlib.sha256(body).hexdigest() == artifact["sha256"]


def test_apt_takes_a_package_from_the_mirror_and_trusts_its_key(apt):
    assert apt("update").returncode == 0, apt("update").stderr
    done = apt("download", "gap-test")
    assert done.returncode == 0, done.stderr
    assert [path.name for path in apt.root.glob("*.deb")] == ["gap-test_1%3a2.0+b1_all.deb"]


def test_apt_refuses_a_package_and_an_index_that_were_altered_on_the_mirror(apt, mirror):
    apt("update")
    package = mirror.files / "packages" / RELEASE / "gap-test_2.0+b1_all.deb"
    package.write_bytes(b"x" * package.stat().st_size)
    assert "Hash Sum mismatch" in apt("download", "gap-test").stderr
    index = mirror.files / "packages" / RELEASE / "InRelease"
    index.write_text(index.read_text().replace("Label: clusterbook", "Label: clusterbooc"))
    shutil.rmtree(apt.root / "lists")
    (apt.root / "lists/partial").mkdir(parents=True)
    done = apt("update")
    assert done.returncode != 0
    assert "signature" in done.stdout + done.stderr


def test_the_second_start_changes_nothing(mirror, bundle, served):
    kept = [mirror.files / "packages" / RELEASE / "InRelease", *(mirror.record(one) for one in status(mirror))]
    before = [path.read_bytes() for path in kept]
    assert mirror_bundle.up(mirror, bundle, supplies.default().lock, silent) == served
    assert [path.read_bytes() for path in kept] == before
    assert (mirror.directory / "signing").stat().st_mode & 0o777 == 0o700
    assert not (mirror.directory / "incoming").exists()


def test_a_bundle_with_a_program_that_is_not_locked_changes_nothing_of_the_mirror(mirror, bundle):
    with pytest.raises(Failed, match="a SHA-256 that the lock does not have"):
        mirror_bundle.up(mirror, bundle, Lock(), silent)
    assert not mirror.files.exists()
    assert status(mirror) == {"files": False, "registry": False}


def test_an_altered_bundle_changes_nothing_of_the_mirror(mirror, bundle, tmp_path):
    altered = tmp_path / "altered.tar"
    content = bytearray(bundle.read_bytes())
    place = content.rindex(b"!<arch>")  # the package's first bytes
    content[place] ^= 1
    altered.write_bytes(content)
    with pytest.raises(Failed, match=r"altered: files/packages/debian-12/gap-test_2\.0"):
        mirror_bundle.up(mirror, altered, supplies.default().lock, silent)
    assert not mirror.files.exists()
