"""A page of this machine is opened once it answers, and only for a person."""

from __future__ import annotations

import os
import pty
import socket
import subprocess
import sys
import time
import webbrowser
from pathlib import Path

import pytest

from clusterbook.cli import browser

SHOW = "import sys; from clusterbook.cli import browser; browser.show(int(sys.argv[1]), sys.argv[2] == 'yes')"


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What a browser of our own was asked to open."""
    program, seen = tmp_path / "browser", tmp_path / "seen"
    program.write_text(f'#!/bin/sh\necho "$1" > {seen}.part && mv {seen}.part {seen}\n')
    program.chmod(0o755)
    monkeypatch.setenv("BROWSER", str(program))
    return seen


def shown(port: int, wanted: str, terminal: bool) -> None:
    """A program that shows the page and ends."""
    ours, theirs = pty.openpty()
    argv = [sys.executable, "-c", SHOW, str(port), wanted]
    subprocess.run(argv, check=True, stdout=theirs if terminal else subprocess.PIPE, stdin=subprocess.DEVNULL)
    os.close(ours)
    os.close(theirs)


def test_a_page_is_opened_in_the_persons_browser_when_somebody_listens(opened: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    shown(port, "yes", terminal=True)
    assert not opened.exists()
    with socket.create_server(("127.0.0.1", port)):
        end = time.monotonic() + 30
        while not opened.exists() and time.monotonic() < end:
            time.sleep(0.05)
    assert opened.read_text() == f"http://127.0.0.1:{port}/\n"


@pytest.mark.parametrize(("wanted", "terminal"), [("yes", False), ("no", True)])
def test_no_browser_is_started_where_nobody_looks_or_wants_it(wanted: str, terminal: bool, opened: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        shown(server.getsockname()[1], wanted, terminal)
        server.settimeout(1)
        with pytest.raises(TimeoutError):
            server.accept()
    assert not opened.exists()


def test_waiting_for_a_page_that_never_answers_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webbrowser, "open", lambda url: pytest.fail(url))
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert not browser.open_when_ready(port, patience=0.3)
