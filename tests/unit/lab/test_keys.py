"""Keys are made on the lab machine, once."""

from __future__ import annotations

import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from clusterbook.lab import keys


def test_a_key_is_made_once_and_its_private_half_is_for_root_alone(tmp_path: Path) -> None:
    public = keys.ensure_key(tmp_path / "id", "lab")
    assert public.startswith("ssh-ed25519 ") and public.endswith(" lab")
    assert stat.S_IMODE((tmp_path / "id").stat().st_mode) == 0o600
    assert keys.ensure_key(tmp_path / "id", "lab") == public


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="needs ssh-keygen")
def test_ssh_reads_the_key_and_derives_the_same_public_half(tmp_path: Path) -> None:
    public = keys.ensure_key(tmp_path / "id", "lab")
    derived = subprocess.run(
        ["ssh-keygen", "-y", "-f", str(tmp_path / "id")], capture_output=True, text=True, check=True
    )
    assert derived.stdout.split()[:2] == public.split()[:2]


def test_a_host_is_known_by_name_and_address() -> None:
    assert keys.known_host("cp-1", "10.77.0.11", "ssh-ed25519 AAAA cp-1") == "cp-1,10.77.0.11 ssh-ed25519 AAAA\n"
