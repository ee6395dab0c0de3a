"""While bars are written over, a terminal must not write `^C` between them."""

from __future__ import annotations

import contextlib
import os
import sys
import termios
from typing import Any


class SignEcho:
    """The terminal's habit of showing control keys as `^C`; anything that cannot be changed is left alone."""

    def __init__(self) -> None:
        """Nothing is changed yet."""
        self._before: list[Any] | None = None

    def off(self) -> None:
        """Do not show them, until on()."""
        with contextlib.suppress(OSError, ValueError, termios.error):
            descriptor = sys.stdin.fileno()
            # A program in the background would be halted when it touches the terminal.
            if not os.isatty(descriptor) or os.tcgetpgrp(descriptor) != os.getpgrp():
                return
            self._before = termios.tcgetattr(descriptor)
            changed = list(self._before)
            changed[3] &= ~termios.ECHOCTL
            termios.tcsetattr(descriptor, termios.TCSADRAIN, changed)

    def on(self) -> None:
        """As it was before."""
        if self._before is not None:
            with contextlib.suppress(OSError, ValueError, termios.error):
                termios.tcsetattr(sys.stdin.fileno(), termios.TCSADRAIN, self._before)
            self._before = None
