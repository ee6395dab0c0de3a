"""Read a file of the host."""

from __future__ import annotations

import base64
import os

from clusterbook.modules.contract import Arguments, ModuleFailed, Outcome, Parameter
from clusterbook.modules.system import System

NAME = "ansible.builtin.slurp"
KIND = "query"
DESCRIPTION = "Read a file of the host; its content comes in base64."
PARAMETERS = {"src": Parameter("path", "The file.", required=True, aliases=("path",))}


def run(arguments: Arguments, system: System) -> Outcome:
    """content, encoding and source."""
    path = arguments["src"]
    try:
        found = system.files.stat(path, True)
        above = system.files.stat(os.path.dirname(path), True) if found is None else None
        if above is not None and above.kind != "directory":
            raise ModuleFailed(f"Unable to slurp file: {path}: {os.path.dirname(path)} is no directory", {"src": path})
        if found is None:
            raise ModuleFailed(f"File not found: {path}", {"src": path}, "Guard the step with module stat and `when`.")
        if found.kind == "directory":
            raise ModuleFailed(f"Source is a directory and must be a file: {path}", {"src": path})
        content = base64.b64encode(system.files.read(path)).decode()
    except PermissionError as error:
        step = "Let the step become another user."
        raise ModuleFailed(f"File is not readable: {path}", {"src": path}, step) from error
    except OSError as error:
        raise ModuleFailed(f"Unable to slurp file: {path}: {error.strerror}", {"src": path}) from error
    return Outcome(values={"content": content, "source": path, "encoding": "base64"})
