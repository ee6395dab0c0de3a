"""A person's commands, also on an AWS of the test's own, and hosts with a certificate."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from clusterbook.cli.main import main
from clusterbook.cluster.cluster import Cluster, ensure_cluster
from clusterbook.cluster.pki import Authorities
from clusterbook.cluster.signing import CertificateSubject
from clusterbook.cluster.store import open_store
from clusterbook.model import Host

NAME = "demo.k8s.local"
PROXY = "/etc/kubernetes/pki/kube-proxy.crt"
INVENTORY = "all:\n  hosts:\n    w-1: {ansible_host: 192.0.2.1}\n    w-2: {ansible_host: 192.0.2.2}\n"
Run = Callable[..., tuple[int, str]]
Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Runs a command; gives its exit code, what it printed, and what it printed on standard error."""

    def called(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["clusterbook", *words])
        try:
            code = main() or 0
        except SystemExit as ended:
            code = int(ended.code or 0)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return called


@pytest.fixture
def call_on_hosts(call: Call, tmp_path: Path) -> Call:
    """The same of a command with an inventory of two hosts."""
    inventory = tmp_path / "hosts.yml"
    inventory.write_text(INVENTORY)
    return lambda name, *words: call(name, "--inventory", str(inventory), *words)


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """The cluster of that inventory in a store of the test's own, which the environment names."""
    environment = {"CLUSTERBOOK_STATE_STORE": f"file://{tmp_path}/store", "CLUSTERBOOK_STORE_PASSPHRASE": "open sesame"}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return ensure_cluster(open_store(environment), "hosts", {"api_address": "192.0.2.10"}, environment)


def certificate_of(authorities: Authorities, host: Host, days: int, authority: str = "cluster") -> str:
    """What a host answers that has one certificate."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    key = ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(serialization.Encoding.PEM, form).decode()
    subject = CertificateSubject(f"proxy-of-{host.name}", days=days)
    return f"certificate of {PROXY}\n{authorities.sign(authority, key, subject)}"


@pytest.fixture
def run(aws: Any, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command; gives its exit code and all that it printed."""
    monkeypatch.setenv("CLUSTERBOOK_STATE_STORE", "s3://demo-state/team")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("HOME", str(tmp_path))

    def run(*words: str) -> tuple[int, str]:
        code, output, errors = call(*words)
        return code, output + errors

    return run


@pytest.fixture
def created(run: Run, aws: Any) -> Run:
    """A cluster that is configured and not made."""
    image = aws("ec2").describe_images()["Images"][0]["ImageId"]
    code, text = run("create-cluster", NAME, "--zones", "us-east-2a", "--image", image, "--access", "203.0.113.0/24")
    assert code == 0, text
    assert "nothing else was made" in text
    return run
