"""The program starts without what it does not use."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
NOT_NEEDED = ("asyncio", "unittest", "rich", "urllib.request", "http.client", "boto3", "clusterbook.execute.run",
              "ssl", "email.parser", "platform", "csv", "configparser")  # fmt: skip


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
        "main.for_invoke = lambda words: os.kill(os.getpid(), signal.SIGINT)\n"
        "program.start()\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (130, "")


def test_the_program_that_stands_in_for_ansible_playbook_starts_so_too() -> None:
    code = "import sys; sys.argv[1:] = ['--version']\nfrom clusterbook.cli.ansible.start import main\ntry: main()\n"
    assert {"asyncio", "unittest"}.isdisjoint(loaded(f"{code}except SystemExit: pass"))


def test_paramiko_says_its_own_version() -> None:
    code = "import clusterbook.transport, paramiko\nfrom importlib.metadata import version\n"
    loaded(f"{code}assert version('paramiko') == paramiko.__version__")


@pytest.mark.parametrize("style", ["", "json=True", "drift=True"])
def test_a_report_that_writes_over_no_line_loads_no_live_view(style: str) -> None:
    code = (
        "from clusterbook.cli.screen import console\nfrom clusterbook.report.choose import sink_for\n"
        f"from clusterbook.report.style import Style\nsink_for(Style({style}), console())\n"
        "assert 'rich.live' not in sys.modules"
    )
    loaded(code)


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize("program", ["clusterbook", "invoke"])
@pytest.mark.parametrize("forbidden", ["1", ""])
def test_what_is_compiled_is_kept_unless_the_person_forbids_it(program: str, forbidden: str, tmp_path: Path) -> None:
    """Invoke forbids it: in a clone, each run would compile what it loads last again."""
    (tmp_path / "here.yml").write_text("all: {hosts: {here: {ansible_connection: local}}}\n")
    (tmp_path / "play.yml").write_text("- {name: Nothing, hosts: all, gather_facts: false, tasks: []}\n")
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(tmp_path), "CLUSTERBOOK_STATE_STORE": f"file://{tmp_path}/store",
        "PYTHONDONTWRITEBYTECODE": forbidden, "PYTHONPYCACHEPREFIX": str(tmp_path / "kept"),
    }  # fmt: skip
    command = [Path(sys.executable).parent / program, "run", tmp_path / "play.yml", "-i", tmp_path / "here.yml"]
    subprocess.run(command, env=environment, cwd=ROOT, check=True, capture_output=True)
    assert bool(list(tmp_path.rglob("carrying.*.pyc"))) == (not forbidden)


@pytest.mark.parametrize(("body", "code"), [("sys.exit(2)", 2), ("sys.exit()", 0), ("raise ValueError('no')", 1)])
def test_the_end_is_quick_and_loses_nothing(body: str, code: int, tmp_path: Path) -> None:
    """Exits that were asked for are run, threads waited for, all that was written comes out."""
    program = (
        "import atexit, sys, threading, time\nfrom clusterbook import __main__ as program\n"
        "from clusterbook.cli import main\n"
        "def late(): time.sleep(0.2); print('thread')\n"
        "def run(loaded):\n"
        f"    atexit.register(print, 'exit'); threading.Thread(target=late).start(); print('out'); {body}\n"
        "main.main = run\nprogram.start()\n"
    )
    with (tmp_path / "out").open("w") as out:
        command = [sys.executable, "-c", program]
        ended = subprocess.run(command, stdout=out, stderr=subprocess.PIPE, text=True, check=False)
    assert (ended.returncode, (tmp_path / "out").read_text()) == (code, "out\nthread\nexit\n")
    assert ("ValueError: no" in ended.stderr) == (code == 1)
