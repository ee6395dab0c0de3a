"""What a command costs is told, also of one that takes too long."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from bench import measure, memory


def test_a_command_that_takes_too_long_is_ended_with_what_it_started(tmp_path: Path) -> None:
    argv = ["sh", "-c", "echo begun; sleep 600 & wait"]
    cost = measure.run(argv, os.environ, tmp_path / "log", most=0.3)
    assert cost.exit_code == -9
    assert cost.output == "begun\n"


def test_a_command_that_ends_in_time_is_left_alone(tmp_path: Path) -> None:
    cost = measure.run(["sh", "-c", "echo done; exit 3"], os.environ, tmp_path / "log", most=600)
    assert (cost.exit_code, cost.output) == (3, "done\n")


def test_memory_is_that_of_all_processes_together(tmp_path: Path) -> None:
    held = "import time; kept = bytearray(40_000_000); time.sleep(2)"
    program = f"{sys.executable} -c '{held}' & {sys.executable} -c '{held}' & wait"
    with memory.counted() as group:
        counts = group.folder is not None
    if not counts:
        pytest.skip("this machine lets nobody make a control group")
    cost = measure.run(["sh", "-c", program], os.environ, tmp_path / "log")
    assert 80e6 < cost.peak < 200e6


def test_what_a_process_left_behind_by_a_command_spent_counts_with_it(tmp_path: Path) -> None:
    spend = "import time\nwhile time.process_time() < 0.3: pass"
    left = f"import os, signal, sys\nif os.fork(): signal.pause()\n{spend}\nos.kill(os.getppid(), signal.SIGKILL)"
    cost = measure.run([sys.executable, "-c", left], os.environ, tmp_path / "log")
    assert cost.cpu > 0.25
