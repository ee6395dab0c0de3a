"""Run a command line through a shell."""

from __future__ import annotations

from typing import List

from clusterbook.modules.command import GUARDS, check_guarded, run_guarded
from clusterbook.modules.contract import Arguments, Outcome, Parameter
from clusterbook.modules.system import System

NAME = "ansible.builtin.shell"
KIND = "action"
DESCRIPTION = "Run a command line through a shell."
FREE_FORM = "_raw_params"
PARAMETERS = {
    "_raw_params": Parameter("str", "The command line."),
    "cmd": Parameter("str", "The same as free text."),
    "executable": Parameter("path", "The shell.", default="/bin/sh"),
    **GUARDS,
}
MUTUALLY_EXCLUSIVE = (("_raw_params", "cmd"),)
REQUIRED_ONE_OF = (("_raw_params", "cmd"),)


def run(arguments: Arguments, system: System) -> Outcome:
    """Run it unless a guard says that its work is done."""
    return run_guarded(arguments, system, words(arguments), line(arguments))


def check(arguments: Arguments, system: System) -> Outcome:
    """See command."""
    return check_guarded(arguments, system, line(arguments))


def words(arguments: Arguments) -> List[str]:
    """The shell and the line."""
    return [arguments["executable"], "-c", line(arguments)]


def line(arguments: Arguments) -> str:
    """The command line."""
    return str(arguments["cmd"] or arguments["_raw_params"])
