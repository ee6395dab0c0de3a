"""Kernel modules, now and at boot."""

from __future__ import annotations

import os
from typing import Any, Dict, List

from clusterbook.modules.contract import Arguments, Change, ModuleFailed, Parameter, State, Unknown
from clusterbook.modules.facts import reading
from clusterbook.modules.system import System
from clusterbook.modules.system.files import Attributes, as_text

NAME = "community.general.modprobe"
KIND = "state"
DESCRIPTION = "Load and unload kernel modules."
PARAMETERS = {
    "name": Parameter("str", "The kernel module.", required=True),
    "state": Parameter("str", "Whether it is loaded.", default="present", choices=("absent", "present")),
    "params": Parameter("str", "Its parameters.", default=""),
    "persistent": Parameter("str", "Whether it is loaded at boot too.", default="disabled",
                            choices=("absent", "disabled", "present")),
}
LOAD, OPTIONS = "/etc/modules-load.d", "/etc/modprobe.d"


def observe(arguments: Arguments, system: System) -> State:
    """Whether it is loaded or built in, and what the files say."""
    name = arguments["name"].replace("-", "_")
    rows = [line.split() for line in text_of("/proc/modules", system).splitlines()]
    users = {row[0]: row[2:4] for row in rows}
    release = os.uname().release
    built_in = any(os.path.basename(line.strip()).split(".ko")[0].replace("-", "_") == name
                   for line in reading.text(f"/lib/modules/{release}/modules.builtin").splitlines())
    known = name in users or built_in or system.files.stat(f"/sys/module/{name}") is not None
    state: State = {"loaded": known, "load": "", "options": ""}
    if arguments["persistent"] != "disabled":
        state.update(load=text_of(load_path(arguments), system), options=text_of(options_path(arguments), system))
    if known and arguments["state"] == "absent":
        refuse_to_unload(arguments["name"], built_in, users.get(name, ["0", "-"]))
    elif not known and arguments["state"] == "present":
        refuse_unknown(arguments["name"], system)
    return state


def refuse_to_unload(name: str, built_in: bool, users: List[str]) -> None:
    """A module that the kernel cannot let go. users: how many use it, and which modules do. Raises ModuleFailed."""
    if built_in:
        raise ModuleFailed(f"modprobe -r {name} would fail: the module is built into this kernel", {"rc": 1})
    if users[0].isdigit() and int(users[0]):
        others = users[1].strip(",").replace(",", ", ") if users[1] != "-" else f"{users[0]} users"
        raise ModuleFailed(f"modprobe -r {name} would fail: the module is in use by {others}", {"rc": 1},
                           "Stop what uses it in an earlier step.")


def refuse_unknown(name: str, system: System) -> None:
    """A module that is nowhere. Raises ModuleFailed, or Unknown where a package may still bring it."""
    tried = system.query(["modprobe", "--dry-run", name])
    if not tried.returncode:
        return
    pending = system.packages.pending()
    if pending:
        raise Unknown(f"kernel module {name} is not there: {pending}")
    raise failed(name, tried.returncode, tried.stderr)


def failed(name: str, code: int, words: str) -> ModuleFailed:
    """What modprobe says."""
    return ModuleFailed(
        f"modprobe {name} failed: {words.strip()}", {"rc": code, "stderr": words},
        f"Check that the kernel {os.uname().release} has this module (package linux-modules of the same version).",
    )


def text_of(path: str, system: System) -> str:
    """A file's text, empty when there is none."""
    return (as_text(system.files.read(path)) or "") if system.files.stat(path, True) else ""


def load_path(arguments: Arguments) -> str:
    """The file that loads it at boot."""
    return f"{LOAD}/{arguments['name']}.conf"


def options_path(arguments: Arguments) -> str:
    """The file with its parameters."""
    return f"{OPTIONS}/{arguments['name']}.conf"


def wanted_texts(arguments: Arguments) -> "Dict[str, tuple[str, str]]":
    """What the two files shall hold, by state key: (path, text); empty text: no file."""
    present = arguments["persistent"] == "present"
    options = f"options {arguments['name']} {arguments['params']}\n" if present and arguments["params"] else ""
    return {"load": (load_path(arguments), arguments["name"] + "\n" if present else ""),
            "options": (options_path(arguments), options)}


def diff(arguments: Arguments, state: State) -> List[Change]:
    """The running kernel, then the files."""
    changes = []
    if state["loaded"] != (arguments["state"] == "present"):
        words = ("loaded", "not loaded")
        changes.append(Change(f"kernel module {arguments['name']}", words[not state["loaded"]], words[state["loaded"]]))
    if arguments["persistent"] != "disabled":
        for key, (path, text) in wanted_texts(arguments).items():
            if state[key] != text:
                changes.append(Change(path, state[key] or None, text or None))
    return changes


def apply(arguments: Arguments, state: State, system: System) -> None:
    """Files first, so that a crash in between is repaired at boot; then modprobe."""
    if arguments["persistent"] != "disabled":
        for key, (path, text) in wanted_texts(arguments).items():
            if state[key] == text:
                continue
            if text:
                system.files.write(path, text.encode(), Attributes(mode=0o644))
            else:
                system.files.remove(path)
    if state["loaded"] == (arguments["state"] == "present"):
        return
    words = ["-r"] if state["loaded"] else []
    done = system.execute(["modprobe", *words, arguments["name"], *([] if words else arguments["params"].split())])
    if done.returncode:
        raise failed(arguments["name"], done.returncode, done.stderr)


def returns(arguments: Arguments, before: State, after: State) -> Dict[str, Any]:
    """Ansible's keys."""
    return {"name": arguments["name"], "params": arguments["params"], "state": arguments["state"]}
