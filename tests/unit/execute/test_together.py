"""A wait for jobs may be interrupted at any line, and the jobs still come to their end."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import FrameType
from typing import Any

import pytest

from clusterbook.execute.together import Together


def interrupted(line: int, call: Callable[[], None]) -> bool:
    """Whether KeyboardInterrupt came at the so-manieth line of Python that a call runs, those of libraries too."""
    count = 0

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal count
        count += 1
        if count == line:
            sys.settrace(None)
            raise KeyboardInterrupt
        return trace

    sys.settrace(trace)
    try:
        call()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(None)
    return False


@pytest.mark.parametrize("seconds", [None, 60.0])
def test_an_interrupt_at_any_line_keeps_no_job_from_its_end(seconds: float | None) -> None:
    for line in range(1, 200):
        gate, pool = threading.Event(), ThreadPoolExecutor(3)
        together = Together(pool, [lambda gate=gate: bool(gate.wait())] * 3)  # type: ignore[misc]
        release = threading.Timer(0.05, gate.set)
        release.start()
        came = interrupted(line, lambda together=together: together.wait(seconds))  # type: ignore[misc]
        gate.set()
        started = time.monotonic()
        together.wait(30)
        assert time.monotonic() - started < 20, f"interrupted at line {line} of the wait"
        together.check()
        pool.shutdown()
        if not came:
            return
    pytest.fail("it was interrupted each time")


def test_it_waits_so_long_and_raises_what_a_job_raised() -> None:
    gate = threading.Event()
    with ThreadPoolExecutor(2) as pool:
        together = Together(pool, [lambda: bool(gate.wait()), lambda: [][1]])  # type: ignore[list-item]
        together.wait(0.05)
        gate.set()
        together.wait()
        with pytest.raises(IndexError):
            together.check()
