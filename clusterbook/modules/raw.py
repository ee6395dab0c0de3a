"""Run a command line by the login shell, without anything around it."""

from __future__ import annotations

from clusterbook.modules.command import ended_badly, failure_words, result_values
from clusterbook.modules.contract import Arguments, Outcome, Parameter
from clusterbook.modules.system import System

NAME = "ansible.builtin.raw"
KIND = "action"
DESCRIPTION = "Run a command line, without anything around it."
FREE_FORM = "_raw_params"
PARAMETERS = {
    "_raw_params": Parameter("str", "The command line.", required=True),
    "executable": Parameter("path", "The shell.", default="/bin/sh"),
}


def run(arguments: Arguments, system: System) -> Outcome:
    """rc, stdout and stderr."""
    line = arguments["_raw_params"]
    done = system.execute([arguments["executable"], "-c", line])
    found = result_values(done, line, strip=False)
    values = {key: found[key] for key in ("rc", "stdout", "stdout_lines", "stderr", "stderr_lines")}
    if done.returncode:
        raise ended_badly({**values, "changed": True}, failure_words(line, done))
    return Outcome(True, values)


def check(arguments: Arguments, system: System) -> Outcome:
    """It would run, with a result that nobody knows."""
    return Outcome(True, unknown=True, message="would run; what it says is not known before")
