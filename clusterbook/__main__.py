"""Where the program starts: Ctrl-C ends it quietly even while its parts are still being read."""

from __future__ import annotations

import atexit
import contextlib
import gc
import os
import signal
import sys


def start() -> None:
    """Entry point of `clusterbook` and of `python -m clusterbook`."""
    signal.signal(signal.SIGINT, lambda number, frame: os._exit(130))
    # What is loaded stays until the end: to look through it for garbage, again and again, takes 40 ms.
    gc.disable()
    codes: list[int] = []
    atexit.register(_leave, codes)  # the first is called last
    from clusterbook.cli.lean import load_invoke

    load_invoke()
    from clusterbook.cli.main import main

    try:
        main(_loaded)
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            codes.append(end.code or 0)
        raise


def _leave(codes: list[int]) -> None:
    """End at once when all threads and all other exits are done with: to take 600 modules apart takes 20 ms."""
    if codes:
        with contextlib.suppress(OSError, ValueError):  # else Python ends as it always does, and says why
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(codes[0])


def _loaded() -> None:
    """The program begins: an interrupt is an exception from here on."""
    gc.freeze()
    gc.enable()
    signal.signal(signal.SIGINT, signal.default_int_handler)


if __name__ == "__main__":
    start()
