"""A person's commands on an AWS of the test's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clusterbook.cli.main import main

NAME = "demo.k8s.local"
Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(aws: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command; gives its exit code and all that it printed."""
    monkeypatch.setenv("CLUSTERBOOK_STATE_STORE", "s3://demo-state/team")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("HOME", str(tmp_path))

    def call(*words: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["clusterbook", *words])
        try:
            code = main() or 0
        except SystemExit as ended:
            code = int(ended.code or 0)
        captured = capsys.readouterr()
        return code, captured.out + captured.err

    return call


@pytest.fixture
def created(run: Run, aws: Any) -> Run:
    """A cluster that is configured and not made."""
    image = aws("ec2").describe_images()["Images"][0]["ImageId"]
    code, text = run("create-cluster", NAME, "--zones", "us-east-2a", "--image", image, "--access", "203.0.113.0/24")
    assert code == 0, text
    assert "nothing else was made" in text
    return run
