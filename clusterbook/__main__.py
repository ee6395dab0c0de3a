"""Where the program starts: Ctrl-C ends it quietly even while its parts are still being read."""

from __future__ import annotations

import gc
import os
import signal


def start() -> None:
    """Entry point of `clusterbook` and of `python -m clusterbook`."""
    signal.signal(signal.SIGINT, lambda number, frame: os._exit(130))
    # What is loaded stays until the end: to look through it for garbage, again and again, takes 40 ms.
    gc.disable()
    from clusterbook.cli.lean import load_invoke

    load_invoke()
    from clusterbook.cli.main import main

    main(_loaded)


def _loaded() -> None:
    """The program begins: an interrupt is an exception from here on."""
    gc.freeze()
    gc.enable()
    signal.signal(signal.SIGINT, signal.default_int_handler)


if __name__ == "__main__":
    start()
