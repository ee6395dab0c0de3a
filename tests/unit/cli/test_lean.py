"""The program starts without what it does not use."""

from __future__ import annotations

import subprocess
import sys

import pytest

NOT_NEEDED = ("asyncio", "unittest", "rich", "urllib.request", "http.client", "boto3", "clusterbook.execute.run")


def loaded(code: str) -> list[str]:
    """Which modules of NOT_NEEDED a fresh Python has loaded after some code."""
    code = f"import sys\n{code}\nprint(*[name for name in {NOT_NEEDED!r} if name in sys.modules])"
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()


LEAN = "from clusterbook.cli.lean import load_invoke; load_invoke()\n"


@pytest.mark.parametrize("task", ["playbooks", "cluster"])
def test_a_run_is_checked_and_connected_before_the_rest_is_loaded(task: str) -> None:
    assert loaded(f"{LEAN}import clusterbook.cli.main, clusterbook.cli.{task}") == []


def test_unittest_is_itself_again_afterwards() -> None:
    code = f"{LEAN}from unittest.mock import Mock\nassert Mock(return_value=3)() == 3"
    assert "unittest" in loaded(code)


def test_invoke_reads_yaml_as_before() -> None:
    loaded(f"{LEAN}from invoke.util import yaml\nassert yaml.safe_load('a: [1]') == {{'a': [1]}}")


def test_an_interrupt_ends_the_program_quietly_until_its_tasks_are_loaded() -> None:
    code = (
        "import os, signal, sys\n"
        "from clusterbook import __main__ as program\n"
        "from clusterbook.cli import main\n"
        "main.collection = lambda words: os.kill(os.getpid(), signal.SIGINT)\n"
        "program.start()\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (130, "")


def test_the_program_that_stands_in_for_ansible_playbook_starts_so_too() -> None:
    code = "import sys; sys.argv[1:] = ['--version']\nfrom clusterbook.cli.ansible.start import main\ntry: main()\n"
    assert {"asyncio", "unittest"}.isdisjoint(loaded(f"{code}except SystemExit: pass"))
