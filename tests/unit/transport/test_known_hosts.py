"""known_hosts files as OpenSSH reads them."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from clusterbook.errors import InvalidInput
from clusterbook.transport.known_hosts import KnownHosts, fingerprint, host_entry

KEY = base64.b64encode(b"key").decode()


def names(tmp_path: Path, line: str, *asked: str) -> list[bool]:
    """Whether each name is found with that line."""
    file = tmp_path / "known_hosts"
    file.write_text(line + "\n")
    known = KnownHosts([str(file)])
    return [bool(known.find(name)) for name in asked]


def test_names_patterns_and_negation_match(tmp_path: Path) -> None:
    assert names(tmp_path, f"a,[b]:22 ssh-ed25519 {KEY} comment", "a", "A", "[b]:22", "b") == [True, True, True, False]
    assert names(tmp_path, f"*.x,!bad.x ssh-ed25519 {KEY}", "a.x", "bad.x", "x") == [True, False, False]
    assert names(tmp_path, f"[10.0.0.?]:2222 ssh-ed25519 {KEY}", "[10.0.0.1]:2222", "10.0.0.1") == [True, False]


def test_lines_that_cannot_be_used_are_skipped(tmp_path: Path) -> None:
    for line in ("", "# a", "a", "a ssh-ed25519 !!!", f"@cert-authority a ssh-ed25519 {KEY}", "|1|x a b"):
        assert names(tmp_path, line, "a") == [False]


def test_a_key_knows_where_it_stands_and_whether_it_is_revoked(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(f"# first\n@revoked a ssh-ed25519 {KEY}\n")
    key = KnownHosts([str(file)]).find("a")[0]
    assert (key.revoked, key.blob, str(key.position)) == (True, b"key", f"{file}:2")


def test_a_file_that_is_missing_is_empty_and_one_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    assert KnownHosts([str(tmp_path / "none")]).find("a") == []
    with pytest.raises(InvalidInput, match="cannot read the known hosts file"):
        KnownHosts([str(tmp_path)])


def test_new_keys_are_found_at_once_and_nothing_is_written_to_the_null_device(tmp_path: Path) -> None:
    known = KnownHosts(["/dev/null"])
    known.add("a", "ssh-ed25519", b"key")
    assert known.find("A")
    blocked = KnownHosts([str(tmp_path / "file" / "known_hosts")])
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidInput, match="cannot write the new host key of a"):
        blocked.add("a", "ssh-ed25519", b"key")


def test_names_and_fingerprints_look_as_in_openssh() -> None:
    assert (host_entry("h", 22), host_entry("h", 2222)) == ("h", "[h]:2222")
    assert fingerprint(b"key") == "SHA256:LHDhK3oGRvkiefQnx7OOczTY5Tic/xZ6HcMOc/gmtoM"
