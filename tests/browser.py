"""A real browser, where this machine has one: what it shows, and what it complains of."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
# Nothing but the page: no first run, no updates, no look-ups of its own.
_QUIET = ("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync", "--disable-quic",
          "--disable-background-networking", "--disable-component-update", "--hide-scrollbars")  # fmt: skip
SECONDS = 90


@dataclass(frozen=True)
class Shown:
    """A page as the browser has it. document: its HTML after scripts ran; complaints: lines of its console."""

    document: str
    complaints: str


def look(
    address: str, *, dark: bool = False, picture: Path | None = None, size: tuple[int, int] = (1200, 800)
) -> Shown:
    """Open a page for a while. picture: where a PNG of it is written, of that size in pixels."""
    with tempfile.TemporaryDirectory(prefix="clusterbook-browser-") as profile:
        wanted = [f"--screenshot={picture}", f"--window-size={size[0]},{size[1]}"] if picture else ["--dump-dom"]
        scheme = ["--blink-settings=preferredColorScheme=0"] if dark else []
        argv = [str(PROGRAM), *_QUIET, f"--user-data-dir={profile}", "--enable-logging=stderr", *scheme,
                "--virtual-time-budget=3000", *wanted, address]  # fmt: skip
        done = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=SECONDS)
    return Shown(done.stdout, "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line))


@contextmanager
def opened(words: Sequence[str], environment: Mapping[str, str], folder: Path) -> Iterator[str]:
    """The address that a command serves on a free port of this machine while it runs. words: without --port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([*words, "--port", str(port)], cwd=folder, env=dict(environment),
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)  # fmt: skip
    try:
        for _ in range(SECONDS):
            with socket.socket() as tried:
                if tried.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()
