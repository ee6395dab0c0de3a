"""Read a file of the host."""

from __future__ import annotations

import base64

from clusterbook.modules.contract import Arguments, ModuleFailed, Outcome, Parameter
from clusterbook.modules.system import System

NAME = "ansible.builtin.slurp"
KIND = "query"
DESCRIPTION = "Read a file of the host; its content comes in base64."
PARAMETERS = {"src": Parameter("path", "The file.", required=True, aliases=("path",))}


def run(arguments: Arguments, system: System) -> Outcome:
    """content, encoding and source."""
    path = arguments["src"]
    found = system.files.stat(path, True)
    if found is None or found.kind == "directory":
        what = "does not exist" if found is None else "is a directory"
        raise ModuleFailed(f"{path} {what}", {"src": path}, "Guard the step with module stat and `when`.")
    content = base64.b64encode(system.files.read(path)).decode()
    return Outcome(values={"content": content, "source": path, "encoding": "base64"})
