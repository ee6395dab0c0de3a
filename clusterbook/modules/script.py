"""Run a script of the local machine on the host."""

from __future__ import annotations

import os
import shlex
from typing import List, Tuple

from clusterbook.modules.command import check_guarded, ended_badly, guard, need_directory, result_values
from clusterbook.modules.contract import Arguments, ModuleFailed, Outcome, Parameter
from clusterbook.modules.system import System
from clusterbook.modules.system.files import Attributes

NAME = "ansible.builtin.script"
KIND = "action"
DESCRIPTION = "Run a script of the local machine on the host."
FREE_FORM = "_raw_params"
PARAMETERS = {
    "_raw_params": Parameter("str", "The script's path and its arguments."),
    "cmd": Parameter("str", "The same as free text."),
    "creates": Parameter("path", "Do nothing when this path exists."),
    "removes": Parameter("path", "Do nothing unless this path exists."),
    "chdir": Parameter("path", "Directory to run in."),
    "executable": Parameter("str", "What runs the script; by default its first line says."),
    "decrypt": Parameter("bool", "Decrypt a script encrypted with a vault.", default=True),
}
REQUIRED_ONE_OF = (("_raw_params", "cmd"),)


def run(arguments: Arguments, system: System) -> Outcome:
    """Write the script to a private temporary file, run it, remove it."""
    name, rest = words(arguments)
    need_directory(arguments["chdir"])
    if guard(arguments, system, name) is not None:
        return left_out(arguments)
    content = system.source(name).read()
    path = system.files.make_temporary(False, "clusterbook-script-", "", None)
    try:
        system.files.write(path, content, Attributes(mode=0o700))
        done = system.execute([*shlex.split(arguments["executable"] or ""), path, *rest], directory=arguments["chdir"])
    finally:
        system.files.remove(path)
    found = result_values(done, name, strip=False)
    values = {key: found[key] for key in ("rc", "stdout", "stdout_lines", "stderr", "stderr_lines")}
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()[-8:]
        explained = f"script {name} failed (exit {done.returncode}): " + "\n".join(said)
        raise ended_badly({**values, "changed": True}, explained)
    return Outcome(True, values)


def check(arguments: Arguments, system: System) -> Outcome:
    """See command."""
    name = words(arguments)[0]
    if guard(arguments, system, name) is not None:
        return left_out(arguments)
    system.source(name)  # refused when it is not there
    return check_guarded(arguments, system, arguments["cmd"] or arguments["_raw_params"])


def left_out(arguments: Arguments) -> Outcome:
    """What a guard makes of the step: its work is done."""
    which, what = ("creates", "exists") if arguments["creates"] else ("removes", "does not exist")
    return Outcome(values={"msg": f"{arguments[which]} {what}, matching {which} option"}, skipped=True)


def words(arguments: Arguments) -> Tuple[str, List[str]]:
    """The script's path and its arguments."""
    found = shlex.split(arguments["cmd"] or arguments["_raw_params"])
    if not found:
        raise ModuleFailed("no script given", {"rc": 256})
    return os.path.expanduser(found[0]), found[1:]
