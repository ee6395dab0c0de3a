"""A person's browser, opened on a page of this machine as soon as it answers."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import webbrowser

HELP = "only say the address; else it is opened in a browser where this is a terminal"
PATIENCE_SECONDS = 30.0
_PAUSE_SECONDS = 0.1


def show(port: int, wanted: bool = True) -> None:
    """Open http://127.0.0.1:PORT/ once somebody listens there: a process of its own waits for that, since this one is
    about to become the program that listens. Does nothing where it is not wanted, or nobody looks at a terminal.
    """
    if wanted and sys.stdout.isatty():
        argv = [sys.executable, "-m", __name__, str(port)]
        subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def open_when_ready(port: int, patience: float = PATIENCE_SECONDS) -> bool:
    """Wait for the port, then open its page. patience: seconds. False: nobody listened, or there is no browser."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(_PAUSE_SECONDS)
        else:
            return webbrowser.open(f"http://127.0.0.1:{port}/")
    return False


if __name__ == "__main__":
    open_when_ready(int(sys.argv[1]))
