"""Jobs of cron, each under a name in a comment above it."""

from __future__ import annotations

import os
import pwd
from typing import Any, Dict, List, Optional

from clusterbook.modules.contract import Arguments, Change, ModuleFailed, Parameter, State
from clusterbook.modules.system import System
from clusterbook.modules.system.files import Attributes, as_text

NAME = "ansible.builtin.cron"
KIND = "state"
DESCRIPTION = "See to it that a job is in a crontab, or is not."
TIMES = ("minute", "hour", "day", "month", "weekday")
PARAMETERS = {
    "name": Parameter("str", "Name of the job or of the environment variable.", required=True),
    "job": Parameter("str", "The command, or the variable's value.", aliases=("value",)),
    "state": Parameter("str", "Whether it is there.", default="present", choices=("absent", "present")),
    "user": Parameter("str", "Whose crontab; in a file: whom it runs as."),
    "cron_file": Parameter("path", "File below /etc/cron.d instead of a crontab."),
    "minute": Parameter("str", "When: minute.", default="*"),
    "hour": Parameter("str", "When: hour.", default="*"),
    "day": Parameter("str", "When: day of the month.", default="*", aliases=("dom",)),
    "month": Parameter("str", "When: month.", default="*"),
    "weekday": Parameter("str", "When: day of the week.", default="*", aliases=("dow",)),
    "special_time": Parameter("str", "When, in a word.",
                              choices=("annually", "daily", "hourly", "monthly", "reboot", "weekly", "yearly")),
    "disabled": Parameter("bool", "Keep the job as a comment.", default=False),
    "env": Parameter("bool", "It is an environment variable.", default=False),
    "insertafter": Parameter("str", "Put a new variable after this one."),
    "insertbefore": Parameter("str", "Put a new variable before this one."),
    "backup": Parameter("bool", "Accepted; the old crontab is in the report of changes.", default=False),
}
MUTUALLY_EXCLUSIVE = (("insertafter", "insertbefore"),)
MARK = "#Ansible: "


def observe(arguments: Arguments, system: System) -> State:
    """The crontab's text as it is and as it shall be."""
    if arguments["state"] == "present" and arguments["job"] is None:
        raise ModuleFailed("parameter 'job' is missing", next_step="Add job to the step.")
    if arguments["cron_file"] and not arguments["user"] and arguments["state"] == "present":
        raise ModuleFailed("cron_file needs user", next_step="Say whom the job runs as.")
    text = current(arguments, system)
    return {"before": text, "after": edited(arguments, text), "jobs": job_names(text)}


def file_path(arguments: Arguments) -> Optional[str]:
    """The file below /etc/cron.d, None for a user's crontab."""
    name = arguments["cron_file"]
    return os.path.join("/etc/cron.d", name) if name else None


def current(arguments: Arguments, system: System) -> str:
    """The text now; empty without a crontab."""
    path = file_path(arguments)
    if path:
        return (as_text(system.files.read(path)) or "") if system.files.stat(path, True) else ""
    remembered = predicted_path(arguments)
    if system.predicting and getattr(system.files, "touched", lambda path: False)(remembered):
        return as_text(system.files.read(remembered)) or ""
    done = system.query(["crontab", *user_words(arguments), "-l"])
    return "" if done.returncode else done.stdout


def predicted_path(arguments: Arguments) -> str:
    """Where a prediction keeps a user's crontab."""
    return f"/var/spool/cron/crontabs/{arguments['user'] or pwd.getpwuid(os.getuid()).pw_name}"


def user_words(arguments: Arguments) -> List[str]:
    """The option that names another user."""
    user = arguments["user"]
    return ["-u", user] if user and user != pwd.getpwuid(os.getuid()).pw_name else []


def job_line(arguments: Arguments) -> str:
    """The job's own line."""
    off = "#" if arguments["disabled"] else ""
    user = f"{arguments['user']} " if arguments["cron_file"] else ""
    if arguments["special_time"]:
        return f"{off}@{arguments['special_time']} {user}{arguments['job']}"
    return f"{off}{' '.join(arguments[name] for name in TIMES)} {user}{arguments['job']}"


def edited(arguments: Arguments, text: str) -> str:
    """The text with the job or variable set or removed."""
    lines = text.splitlines()
    change = variable if arguments["env"] else job
    return "".join(line + "\n" for line in change(arguments, lines))


def job(arguments: Arguments, lines: List[str]) -> List[str]:
    """The lines with the job."""
    mark = MARK + arguments["name"]
    new = [mark, job_line(arguments)] if arguments["state"] == "present" else []
    if mark not in lines:
        return [*lines, *new]
    index = lines.index(mark)
    return [*lines[:index], *new, *lines[index + 2:]]


def variable(arguments: Arguments, lines: List[str]) -> List[str]:
    """The lines with the environment variable."""
    name = arguments["name"]
    new = f'{name}="{arguments["job"]}"' if arguments["state"] == "present" else None
    found = [index for index, line in enumerate(lines) if line.split("=")[0].strip() == name]
    if found:
        return [*lines[:found[0]], *([new] if new else []), *lines[found[0] + 1:]]
    if new is None:
        return lines
    index = 0
    for key, offset in (("insertafter", 1), ("insertbefore", 0)):
        for number, line in enumerate(lines):
            if arguments[key] and line.split("=")[0].strip() == arguments[key]:
                index = number + offset
    return [*lines[:index], new, *lines[index:]]


def job_names(text: str) -> List[str]:
    """Names of the jobs in a crontab."""
    return [line[len(MARK):] for line in text.splitlines() if line.startswith(MARK)]


def diff(arguments: Arguments, state: State) -> List[Change]:
    """The text."""
    return [] if state["before"] == state["after"] else [Change("content", state["before"] or None, state["after"])]


def apply(arguments: Arguments, state: State, system: System) -> None:
    """Write the file, or give the text to crontab."""
    path = file_path(arguments)
    text = state["after"]
    if path and not text.strip():
        system.files.remove(path)
    elif path:
        system.files.write(path, text.encode(), Attributes(mode=0o644))
    elif system.predicting:
        system.files.write(predicted_path(arguments), text.encode())
    else:
        done = system.execute(["crontab", *user_words(arguments), "-"], stdin=text)
        if done.returncode:
            raise ModuleFailed(f"crontab rejects the job: {done.stderr.strip()}", {"rc": done.returncode})


def returns(arguments: Arguments, before: State, after: State) -> Dict[str, Any]:
    """Ansible's keys."""
    return {"jobs": after["jobs"], "envs": [], "cron_file": arguments["cron_file"]}
