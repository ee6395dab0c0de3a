"""Write a rendered template to the host."""

from __future__ import annotations

import os
from typing import Any, Dict, List, Sequence

from clusterbook.modules import copy
from clusterbook.modules.contract import Arguments, Change, ModuleFailed, Parameter, State
from clusterbook.modules.differences import Difference
from clusterbook.modules.ownership import FILE_PARAMETERS
from clusterbook.modules.system import System
from clusterbook.modules.transfer import apply_only, from_bytes, need_directory, observe_file, only_changes

NAME = "ansible.builtin.template"
KIND = "state"
DESCRIPTION = "Write a rendered template to the host."
PARAMETERS = {
    "src": Parameter("path", "The template on the local machine.", required=True),
    "dest": Parameter("path", "Where the file goes on the host.", required=True),
    "force": Parameter("bool", "Replace a file whose content differs.", default=True),
    "backup": Parameter("bool", "Keep the old file under a name with the time.", default=False),
    "validate": Parameter("str", "Command that must accept the new file (%s) before it replaces the old one."),
    "follow": Parameter("bool", "Write through a link at dest.", default=False),
    "newline_sequence": Parameter("str", "Line ends of the file.", default="\n",
                                  choices=("\n", "\r", "\r\n", "\\n", "\\r", "\\r\\n")),
    "block_start_string": Parameter("str", "Start of a block.", default="{%"),
    "block_end_string": Parameter("str", "End of a block.", default="%}"),
    "variable_start_string": Parameter("str", "Start of a value.", default="{{"),
    "variable_end_string": Parameter("str", "End of a value.", default="}}"),
    "comment_start_string": Parameter("str", "Start of a comment.", default="{#"),
    "comment_end_string": Parameter("str", "End of a comment.", default="#}"),
    "trim_blocks": Parameter("bool", "Drop the line end after a block.", default=True),
    "lstrip_blocks": Parameter("bool", "Drop blanks before a block.", default=False),
    "output_encoding": Parameter("str", "Encoding of the file.", default="utf-8"),
    **FILE_PARAMETERS,
}


def observe(arguments: Arguments, system: System) -> State:
    """The destination compared with the rendered text, which the engine gives as `_content`."""
    if "_content" not in arguments:
        raise ModuleFailed(f"template {arguments['src']} was not rendered")
    dest = arguments["dest"]
    status = system.files.stat(dest, True)
    if dest.endswith("/") or (status is not None and status.kind == "directory"):
        dest = os.path.join(dest, os.path.basename(arguments["src"]))
    data = arguments["_content"].encode(arguments["output_encoding"], "surrogateescape")
    source = from_bytes(arguments["src"], data, arguments.get("_mode", 0o644))
    item = observe_file(dest, source, arguments, system)
    need_directory(item["path"], system)
    return {"dest": item["path"], "items": [item], "source": source}


diff, apply = only_changes, apply_only


def difference(state: State, changes: Sequence[Change]) -> List[Difference]:
    """The return key `diff`."""
    return copy.difference(state, changes)


def returns(arguments: Arguments, before: State, after: State) -> Dict[str, Any]:
    """Ansible's keys."""
    return copy.returns(arguments, before, after)
