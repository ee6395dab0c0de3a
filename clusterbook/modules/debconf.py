"""Answers to the questions of Debian packages."""

from __future__ import annotations

from typing import Any, Dict, List

from clusterbook.modules.contract import Arguments, Change, ModuleFailed, Parameter, State
from clusterbook.modules.system import System

NAME = "ansible.builtin.debconf"
KIND = "state"
SUBJECT = "name"
DESCRIPTION = "Answer the questions of Debian packages before or after they are installed."
VTYPES = ("boolean", "error", "multiselect", "note", "password", "seen", "select", "string", "text", "title")
PARAMETERS = {
    "name": Parameter("str", "The package.", required=True, aliases=("pkg",)),
    "question": Parameter("str", "The question; without one the answers are only read.",
                          aliases=("selection", "setting")),
    "vtype": Parameter("str", "Kind of the answer.", choices=VTYPES),
    "value": Parameter("raw", "The answer.", aliases=("answer",)),
    "unseen": Parameter("bool", "Do not mark the question as seen.", default=False),
}
REQUIRED_TOGETHER = (("question", "vtype", "value"),)


def observe(arguments: Arguments, system: System) -> State:
    """What debconf knows of the package."""
    done = system.query(["debconf-show", arguments["name"]])
    if done.returncode:
        raise ModuleFailed(f"debconf-show failed: {done.stderr.strip()}", {"rc": done.returncode},
                           "Install debconf in an earlier step.")
    answers: Dict[str, str] = {}
    for line in done.stdout.splitlines():
        name, _, value = line.strip("* ").partition(":")
        answers[name.strip()] = value.strip()
    if arguments["question"] and arguments["vtype"] == "password":
        answers[arguments["question"]] = password(arguments, system)
    return {"answers": answers}


def password(arguments: Arguments, system: System) -> str:
    """A password, which debconf-show hides."""
    done = system.query(["debconf-communicate", arguments["name"]], stdin=f"get {arguments['question']}\n")
    code, _, value = done.stdout.strip().partition(" ")
    return value if code == "0" else ""


def wanted(arguments: Arguments) -> str:
    """The answer as debconf writes it."""
    value = arguments["value"]
    if arguments["vtype"] == "boolean":
        return str(value).lower()
    if arguments["vtype"] == "multiselect" and isinstance(value, list):
        return ", ".join(str(item) for item in value)
    return str(value)


def diff(arguments: Arguments, state: State) -> List[Change]:
    """The answer; a password is never shown."""
    question = arguments["question"]
    if question is None:
        return []
    now, new = state["answers"].get(question), wanted(arguments)
    if arguments["vtype"] == "multiselect":
        same = now is not None and sorted(part.strip() for part in now.split(",")) == sorted(
            part.strip() for part in new.split(","))
    else:
        same = now == new
    if same:
        return []
    hidden = arguments["vtype"] == "password"
    return [Change(question, "(hidden)" if hidden else now, "(hidden)" if hidden else new)]


def apply(arguments: Arguments, state: State, system: System) -> None:
    """debconf-set-selections, which reads the answer from its standard input."""
    line = f"{arguments['name']} {arguments['question']} {arguments['vtype']} {wanted(arguments)}\n"
    words = ["debconf-set-selections", *(["-u"] if arguments["unseen"] else [])]
    done = system.execute(words, stdin=line)
    if done.returncode:
        raise ModuleFailed(f"debconf-set-selections failed: {done.stderr.strip()}", {"rc": done.returncode})


def returns(arguments: Arguments, before: State, after: State) -> Dict[str, Any]:
    """Ansible's keys."""
    question = arguments["question"]
    if question is None:
        return {"msg": "", "current": before["answers"]}
    hidden = arguments["vtype"] == "password"
    return {"msg": "", "current": {question: "(hidden)" if hidden else wanted(arguments)},
            "previous": {question: "(hidden)" if hidden else before["answers"].get(question)}}
