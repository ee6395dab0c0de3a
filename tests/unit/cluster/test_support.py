"""What is gathered for somebody who helps, and what is taken out of it."""

from __future__ import annotations

import subprocess
import tarfile
from pathlib import Path

import pytest

from clusterbook.cluster import questions, support

KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nIBAAK\n-----END RSA PRIVATE KEY-----"
TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhZG1pbiJ9.c2lnbmF0dXJl"


def same(text: str) -> str:
    return text


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        (f"before {KEY} after", "before [removed] after"),
        ("cut off: -----BEGIN EC PRIVATE KEY-----\nMHcC", "cut off: [removed]"),
        (f"Authorization: Bearer {TOKEN}", "Authorization: Bearer [removed]"),
        ("Authorization: Basic YWRtaW46YWRtaW4=", "Authorization: Basic [removed]"),
        ("joined with abcdef.0123456789abcdef now", "joined with [removed] now"),
        ("https://user:geheim@example.com/x", "https://[removed]@example.com/x"),
        ("--password=geheim1 --port=1", "--password=[removed] --port=1"),
        ('{"token": "geheim1", "a": 1}', '{"token": "[removed]", "a": 1}'),
        ("key id AKIAIOSFODNN7EXAMPLE", "key id [removed]"),
    ],
)
def test_what_looks_like_a_secret_is_taken_out(text: str, clean: str) -> None:
    assert support.cleaned(text, same) == clean


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        "kube-system/coredns-7f8b9c6d5-x2x9z Running https://10.0.0.1:6443/readyz",
        "file /etc/kubernetes/pki/sa.key 600 root:root",
        "with no token:\n10:04 all is well",
    ],
)
def test_what_helps_stays(text: str) -> None:
    assert support.cleaned(text, same) == text


def test_values_that_are_known_go_first() -> None:
    assert support.cleaned("it is x1y2z3", lambda text: text.replace("x1y2z3", "********")) == "it is ********"


def test_a_host_answers_every_question_under_its_name_also_when_a_program_is_not_there() -> None:
    commands = support.commands("1 minute ago")
    asked = questions.script("=== abc", commands)
    done = subprocess.run(["/bin/sh", "-c", asked], capture_output=True, check=True, timeout=120)
    found = questions.answers("=== abc", done.stdout, commands)
    assert {*support.HOST_QUESTIONS} - {"etcd"} <= {*found}
    assert "PRETTY_NAME" in found["system"]


def test_a_word_about_time_stays_a_word(tmp_path: Path) -> None:
    asked = questions.script("=== abc", support.commands(f"'; touch {tmp_path}/made; '"))
    subprocess.run(["/bin/sh", "-c", asked], capture_output=True, check=True, timeout=120)
    assert list(tmp_path.iterdir()) == []


def test_the_file_is_closed_to_others_and_replaces_none(tmp_path: Path) -> None:
    file = tmp_path / "a.tar.gz"
    support.write(file, "a", {"hosts/cp-1/system.txt": "Debian\n"})
    assert file.stat().st_mode & 0o777 == 0o600
    with tarfile.open(file) as archive:
        member = archive.extractfile("a/hosts/cp-1/system.txt")
        assert member is not None
        assert member.read() == b"Debian\n"
    with pytest.raises(FileExistsError):
        support.write(file, "a", {})
