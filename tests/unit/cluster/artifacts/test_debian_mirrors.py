"""Hosts install from the archive that the machine itself uses."""

from __future__ import annotations

import pytest

from clusterbook.cluster.artifacts.debian_mirrors import Mirrors, parse_mirrors, sources
from clusterbook.errors import Failed

TARGETS = """\
http://archive.test/debian/ Debian
http://archive.test/debian/ Debian
http://security.test/debian-security/ Debian-Security
http://elsewhere.test/tool/ A Tool
"""


def test_archive_and_security_updates_are_told_by_their_labels() -> None:
    assert parse_mirrors(TARGETS) == Mirrors("http://archive.test/debian", "http://security.test/debian-security")


def test_a_machine_without_a_debian_archive_is_refused() -> None:
    with pytest.raises(Failed, match="knows no Debian archive") as refused:
        parse_mirrors("http://elsewhere.test/tool/ A Tool\n")
    assert "apt-get update" in refused.value.next_step


def test_a_host_has_its_release_with_updates_and_security() -> None:
    lines = sources("debian-13", parse_mirrors(TARGETS)).splitlines()
    assert [line.split("] ")[1] for line in lines] == [
        "http://archive.test/debian trixie main",
        "http://archive.test/debian trixie-updates main",
        "http://security.test/debian-security trixie-security main",
    ]


def test_a_machine_without_security_updates_gives_none() -> None:
    assert "security" not in sources("debian-12", Mirrors("http://archive.test/debian", ""))
