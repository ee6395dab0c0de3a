"""Make a temporary file or directory."""

from __future__ import annotations

import os
from typing import Any, Dict

from clusterbook.modules.contract import Arguments, ModuleFailed, Outcome, Parameter
from clusterbook.modules.mode import mode_text
from clusterbook.modules.system import System

NAME = "ansible.builtin.tempfile"
KIND = "action"
DESCRIPTION = "Make a temporary file or directory."
PARAMETERS = {
    "state": Parameter("str", "What to make.", default="file", choices=("directory", "file")),
    "path": Parameter("path", "Directory to make it in."),
    "prefix": Parameter("str", "Start of its name.", default="ansible."),
    "suffix": Parameter("str", "End of its name.", default=""),
}


def run(arguments: Arguments, system: System) -> Outcome:
    """Its path."""
    for name in ("prefix", "suffix"):
        if os.path.basename(arguments[name]) != arguments[name]:
            raise ModuleFailed(f"{name} must be a valid file name component, got {arguments[name]!r}")
    directory = arguments["state"] == "directory"
    path = system.files.make_temporary(directory, arguments["prefix"], arguments["suffix"], arguments["path"])
    found = system.files.stat(path)
    values: Dict[str, Any] = {"path": path, "state": arguments["state"]}
    if found is not None:
        values.update(mode=mode_text(found.mode), uid=found.uid, gid=found.gid, size=found.size,
                      owner=system.accounts.user_name(found.uid), group=system.accounts.group_name(found.gid))
    return Outcome(True, values)


def check(arguments: Arguments, system: System) -> Outcome:
    """It would be made; a predicted host remembers a path for later steps."""
    return run(arguments, system) if system.predicting else Outcome(True)
