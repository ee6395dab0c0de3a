"""Run a program, without a shell."""

from __future__ import annotations

import os
import shlex
import time
from typing import Any, Dict, List, Mapping, Optional

from clusterbook.modules.contract import Arguments, ModuleFailed, Outcome, Parameter
from clusterbook.modules.system import System
from clusterbook.modules.system.commands import Completed
from clusterbook.records import replace

NAME = "ansible.builtin.command"
KIND = "action"
DESCRIPTION = "Run a program, without a shell."
FREE_FORM = "_raw_params"
GUARDS = {
    "creates": Parameter("path", "Do nothing when this path (or a match of this pattern) exists."),
    "removes": Parameter("path", "Do nothing unless this path (or a match of this pattern) exists."),
    "chdir": Parameter("path", "Directory to run in."),
    "stdin": Parameter("str", "Text for its standard input."),
    "stdin_add_newline": Parameter("bool", "End stdin with a line end.", default=True),
    "strip_empty_ends": Parameter("bool", "Drop empty lines at the end of the output.", default=True),
}
PARAMETERS = {
    "_raw_params": Parameter("str", "The command line, split into words as a shell would."),
    "cmd": Parameter("str", "The same as free text."),
    "argv": Parameter("list", "The program and its arguments, each an item.", elements="str"),
    "expand_argument_vars": Parameter("bool", "Replace $NAME in arguments.", default=True),
    "executable": Parameter("path", "Not heeded, only warned of: module shell takes it."),
    **GUARDS,
}
MUTUALLY_EXCLUSIVE = (("_raw_params", "cmd", "argv"),)
REQUIRED_ONE_OF = (("_raw_params", "cmd", "argv"),)


def run(arguments: Arguments, system: System) -> Outcome:
    """Run it unless a guard says that its work is done."""
    outcome = run_guarded(arguments, system, words(arguments), words(arguments, False))
    if not arguments["executable"]:
        return outcome
    warning = f"executable is no longer supported with command, so {arguments['executable']!r} is not used"
    return replace(outcome, values={**outcome.values, "warnings": [warning]})


def check(arguments: Arguments, system: System) -> Outcome:
    """What check mode says: done already, or it would run with an output that nobody knows."""
    return check_guarded(arguments, system, words(arguments, False))


def words(arguments: Arguments, expanded: bool = True) -> List[str]:
    """The argv. Results show it as it was written, variables of the environment not expanded."""
    if arguments["argv"]:
        argv = [str(word) for word in arguments["argv"]]
    else:
        argv = shlex.split(arguments["cmd"] or arguments["_raw_params"])
    if not argv:
        raise ModuleFailed("no command given", {"rc": 256})
    if expanded and arguments["expand_argument_vars"]:
        argv = [os.path.expanduser(os.path.expandvars(word)) for word in argv]
    return argv


def run_guarded(arguments: Arguments, system: System, argv: List[str], shown: Any) -> Outcome:
    """Run argv in its directory; a result other than 0 fails with the last lines of the output."""
    directory = arguments["chdir"]
    need_directory(directory)
    skipped = guard(arguments, system, shown)
    if skipped is not None:
        return skipped
    stdin = arguments["stdin"]
    if stdin is not None and arguments["stdin_add_newline"] and not stdin.endswith("\n"):
        stdin += "\n"
    done = system.execute(argv, directory=directory, stdin=stdin)
    values = result_values(done, shown, arguments["strip_empty_ends"])
    if done.returncode:
        raise ended_badly({**values, "changed": True}, failure_words(shown, done))
    return Outcome(True, values)


def check_guarded(arguments: Arguments, system: System, shown: Any) -> Outcome:
    """A command that would run: changed, and its result unknown; paths of its guards are not known afterwards."""
    directory = arguments["chdir"]
    there = system.files.stat(directory, True) if directory else None
    if directory and (there is None or there.kind != "directory"):
        raise no_directory(directory)
    skipped = guard(arguments, system, shown)
    if skipped is not None:
        return skipped
    if system.predicting:
        forget = getattr(system.files, "forget", None)
        for name in ("creates", "removes"):
            if arguments[name] and forget is not None:
                path = in_directory(arguments[name], arguments["chdir"])
                forget(path, f"{path} depends on a command that has not run")
    guarded = bool(arguments["creates"] or arguments["removes"])
    message = "what it says is not known before it has run"
    return Outcome(True, {**NOT_RUN, "cmd": shown}, unknown=True, skipped=not guarded, message=message)


# What Ansible registers of a command that check mode left out.
NOT_RUN = {"rc": 0, "stdout": "", "stderr": "", "stdout_lines": [], "stderr_lines": [], "start": None, "end": None,
           "delta": None}


def guard(arguments: Arguments, system: System, shown: Any) -> Optional[Outcome]:
    """The outcome when creates or removes says that there is nothing to do."""
    for name, runs_when_there in (("creates", False), ("removes", True)):
        if not arguments[name]:
            continue
        found = bool(system.files.matching(in_directory(arguments[name], arguments["chdir"])))
        if found != runs_when_there:
            reason = f"Did not run command since '{arguments[name]}' {'exists' if found else 'does not exist'}"
            return Outcome(values={
                "cmd": shown, "rc": 0, "msg": reason, "stdout": f"skipped, since {arguments[name]} "
                f"{'exists' if found else 'does not exist'}", "stdout_lines": [
                    f"skipped, since {arguments[name]} {'exists' if found else 'does not exist'}"],
                "stderr": "", "stderr_lines": [], "start": None, "end": None, "delta": None,
            })
    return None


def in_directory(path: str, directory: Optional[str]) -> str:
    """A guard's path, relative to the command's directory."""
    return os.path.join(directory, path) if directory else path


def need_directory(directory: Optional[str]) -> None:
    """Refuse a directory that cannot be entered."""
    if directory and not os.path.isdir(directory):
        raise no_directory(directory)


def no_directory(directory: str) -> ModuleFailed:
    """The error of a command that has nowhere to run."""
    return ModuleFailed(f"Unable to change directory before execution: {directory!r} is no directory", {"rc": 2},
                        f"Create {directory} in an earlier step.")


def result_values(done: Completed, shown: Any, strip: bool = True) -> Dict[str, Any]:
    """Ansible's return keys of a program that ran."""
    output = done.stdout.rstrip("\r\n") if strip else done.stdout
    errors = done.stderr.rstrip("\r\n") if strip else done.stderr
    return {
        "cmd": shown, "rc": done.returncode, "msg": "", "stdout": output, "stderr": errors,
        "stdout_lines": output.splitlines(), "stderr_lines": errors.splitlines(),
        "start": moment(done.started), "end": moment(done.ended), "delta": duration(done.ended - done.started),
    }


def moment(seconds: float) -> str:
    """A time as Ansible writes it."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds)) + f".{int(seconds % 1 * 1e6):06d}"


def duration(seconds: float) -> str:
    """H:MM:SS.ffffff."""
    whole = int(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}.{int(seconds % 1 * 1e6):06d}"


def ended_badly(values: Mapping[str, Any], words: str) -> ModuleFailed:
    """A program that did not end with 0: playbooks compare Ansible's message, people read ours."""
    return ModuleFailed("non-zero return code", {**values, "explained": words})


def failure_words(shown: Any, done: Completed) -> str:
    """What ran, how it ended and the last lines it said."""
    command = " ".join(shown) if isinstance(shown, list) else str(shown)
    said = (done.stderr.strip() or done.stdout.strip()).splitlines()[-8:]
    tail = ": " + "\n".join(said) if said else ""
    how = f"signal {-done.returncode}" if done.returncode < 0 else f"exit {done.returncode}"
    return f"'{command}' failed ({how}, {done.ended - done.started:.1f} s){tail}"
