"""The index of a bundle's packages is what apt reads, and says where each file lies."""

from __future__ import annotations

import pytest

from clusterbook.cluster.bundle import debian
from clusterbook.cluster.bundle.debian import DebianPackage
from clusterbook.cluster.bundle.foreseen import System
from clusterbook.errors import Failed, InvalidInput

CONTROL = "Package: conntrack\nVersion: 1:1.4.7-1+b2\nArchitecture: amd64\nDescription: tracks\n more of it\n"
LISTED = (
    "'http://user:secret@debian.test/pool/a/a_1%3a2%2b3_amd64.deb' a_1%3a2+3_amd64.deb 12 MD5Sum:aa\n"
    "'http://debian.test/pool/b/b_1_all.deb' b_1_all.deb 7 SHA256:bb\n"
)


@pytest.fixture
def package(tmp_path):
    return DebianPackage(tmp_path / "x.deb", CONTROL, "http://debian.test/x.deb", "ab" * 32, 12)


def test_an_index_has_each_packages_own_description_its_place_size_and_sum(package):
    text = debian.index([package, package], "debian-12").decode()
    stanzas = text.split("\n\n")
    assert len(stanzas) == 2
    assert stanzas[0] == (
        f"{CONTROL}Filename: debian-12/conntrack_1.4.7-1+b2_amd64.deb\nSize: 12\nSHA256: {'ab' * 32}"
    )


def test_a_file_is_named_without_the_versions_epoch(package):
    assert package.file == "conntrack_1.4.7-1+b2_amd64.deb"


@pytest.fixture
def apt(tmp_path, monkeypatch):
    """apt-get of this module, with what it is called with, and what it says."""
    monkeypatch.setattr(debian.debian_mirrors, "sources", lambda release, mirrors: f"deb {release}\n")
    said = {"calls": [], "answer": LISTED}

    def output(argv, environment):
        said["calls"].append(argv)
        if isinstance(said["answer"], Exception):
            raise said["answer"]
        return said["answer"]

    monkeypatch.setattr(debian, "output", output)
    return said, debian._Apt(tmp_path, System("debian-13", "arm64"), None)


def test_the_closure_is_asked_of_an_empty_system_and_addresses_lose_their_passwords(apt, tmp_path):
    said, chosen = apt
    assert chosen.closure(["a", "b"]) == {
        "a_1%3a2+3_amd64.deb": "http://debian.test/pool/a/a_1:2+3_amd64.deb",
        "b_1_all.deb": "http://debian.test/pool/b/b_1_all.deb",
    }
    (words,) = said["calls"]
    assert f"-oDir::State::status={tmp_path / 'status'}" in words
    assert (tmp_path / "status").read_text() == ""
    assert "-oAPT::Architecture=arm64" in words
    assert (tmp_path / "sources.list").read_text() == "deb debian-13\n"


def test_a_package_that_the_release_does_not_have_is_named(apt):
    said, chosen = apt
    said["answer"] = Failed("apt-get ended with 100: E: Unable to locate package nonesuch")
    with pytest.raises(Failed, match="Debian has no package nonesuch"):
        chosen.closure(["nonesuch"])


def test_a_release_that_is_not_known_is_refused():
    with pytest.raises(InvalidInput, match="no packages are known for 'debian-7'"):
        debian.check([System("debian-12", "amd64"), System("debian-7", "amd64")])
