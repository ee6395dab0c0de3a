"""Answer."""

from __future__ import annotations

from clusterbook.modules.contract import Arguments, ModuleFailed, Outcome, Parameter
from clusterbook.modules.system import System

NAME = "ansible.builtin.ping"
KIND = "query"
DESCRIPTION = "Answer, to show that steps can run on the host."
PARAMETERS = {"data": Parameter("str", "The answer; crash fails.", default="pong")}


def run(arguments: Arguments, system: System) -> Outcome:
    """The data."""
    if arguments["data"] == "crash":
        raise ModuleFailed("Task failed: Module failed: boom")
    return Outcome(values={"ping": arguments["data"]})
