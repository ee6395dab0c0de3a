"""Settings of the running kernel and the file that keeps them."""

from __future__ import annotations

import os
from typing import Any, Dict, List, Optional

from clusterbook.modules.contract import Arguments, Change, ModuleFailed, Parameter, State
from clusterbook.modules.system import System
from clusterbook.modules.system.files import Attributes

NAME = "ansible.posix.sysctl"
KIND = "state"
DESCRIPTION = "Set kernel parameters now and at boot."
PARAMETERS = {
    "name": Parameter("str", "The parameter, with dots or slashes.", required=True, aliases=("key",)),
    "value": Parameter("raw", "Its value.", aliases=("val",)),
    "state": Parameter("str", "Whether the file has it.", default="present", choices=("present", "absent")),
    "reload": Parameter("bool", "Load the whole file after it changed.", default=True),
    "sysctl_set": Parameter("bool", "Set the running kernel's value too.", default=False),
    "sysctl_file": Parameter("path", "The file.", default="/etc/sysctl.conf"),
    "ignoreerrors": Parameter("bool", "Pass over parameters that the kernel does not have.", default=False),
}
REQUIRED_IF = (("state", "present", ("value",)),)


def observe(arguments: Arguments, system: System) -> State:
    """The value in the file and in the running kernel, None where there is none."""
    path = arguments["sysctl_file"]
    text = system.files.read(path).decode("utf-8", "surrogateescape") if system.files.stat(path, True) else None
    values = {}
    for line in (text or "").splitlines():
        found = setting(line)
        if found:
            values[found[0]] = found[1]
    return {"text": text, "file": values.get(dotted(arguments["name"])), "live": live_value(arguments, system)}


def setting(line: str) -> Optional["tuple[str, str]"]:
    """Name and value of a line, None for comments and others."""
    line = line.strip()
    if not line or line[0] in "#;" or "=" not in line:
        return None
    name, value = line.split("=", 1)
    return dotted(name.strip().lstrip("-")), normal(value)


def dotted(name: str) -> str:
    """One form of a name: slashes are written as dots where the first separator is a slash."""
    first = next((letter for letter in name if letter in "./"), ".")
    return name.replace("/", ".") if first == "/" else name


def normal(value: Any) -> str:
    """A value with single blanks; booleans as the kernel has them."""
    if isinstance(value, bool):
        return "1" if value else "0"
    text = " ".join(str(value).split())
    return {"yes": "1", "true": "1", "no": "0", "false": "0"}.get(text.lower(), text)


def kernel_path(name: str) -> str:
    """The parameter's file under /proc/sys. In a dotted name a slash stands for a dot of an interface's name."""
    first = next((letter for letter in name if letter in "./"), ".")
    parts = name.split("/") if first == "/" else [part.replace("/", ".") for part in name.split(".")]
    path = os.path.normpath(os.path.join("/proc/sys", *parts))
    if not path.startswith("/proc/sys/"):
        raise ModuleFailed(f"name is {name!r}, which is no kernel parameter")
    return path


def live_value(arguments: Arguments, system: System) -> Optional[str]:
    """The running kernel's value; None when it matters not or the kernel has none."""
    path = kernel_path(arguments["name"])
    if system.files.stat(path, True) is None:
        return None
    try:
        return normal(system.files.read(path).decode("ascii", "replace"))
    except OSError:
        return None


def diff(arguments: Arguments, state: State) -> List[Change]:
    """The file's line, and the kernel's value when it is to be set."""
    if arguments["state"] == "absent":
        return [] if state["file"] is None else [Change("in file", state["file"], None)]
    wanted = normal(arguments["value"])
    changes = [] if state["file"] == wanted else [Change("in file", state["file"], wanted)]
    missing = state["live"] is None and arguments["ignoreerrors"]
    if arguments["sysctl_set"] and state["live"] != wanted and not missing:
        changes.append(Change("in kernel", state["live"], wanted))
    return changes


def apply(arguments: Arguments, state: State, system: System) -> None:
    """Set the value; write the line; load the file when it changed. A value that the kernel refuses leaves the file."""
    wanted = {change.what: change for change in diff(arguments, state)}
    if arguments["state"] == "present" and ("in kernel" in wanted or (arguments["reload"] and "in file" in wanted)):
        set_live(arguments, system)
    if "in file" in wanted:
        path = arguments["sysctl_file"]
        new = Attributes(mode=0o644) if state["text"] is None else Attributes()
        system.files.write(path, rewritten(arguments, state["text"] or "").encode("utf-8", "surrogateescape"), new)
    if "in file" in wanted and arguments["reload"] and not system.predicting:
        load_file(arguments, system)


def set_live(arguments: Arguments, system: System) -> None:
    """Set the running kernel's value."""
    path = kernel_path(arguments["name"])
    if system.files.stat(path, True) is None:
        if arguments["ignoreerrors"]:
            return
        raise ModuleFailed(
            f"name is {arguments['name']!r}, which this kernel does not have",
            next_step="Load the kernel module that brings it in an earlier step, or set ignoreerrors.",
        )
    try:
        system.kernel_setting(path, normal(arguments["value"]))
    except OSError as error:
        if not arguments["ignoreerrors"]:
            wanted = arguments["value"]
            raise ModuleFailed(f"{arguments['name']} cannot be set to {wanted!r}: {error.strerror}") from error


def load_file(arguments: Arguments, system: System) -> None:
    """Load every line of the file, as `reload` asks."""
    words = ["-e"] if arguments["ignoreerrors"] else []
    done = system.execute(["sysctl", *words, "-p", arguments["sysctl_file"]])
    if done.returncode and not arguments["ignoreerrors"]:
        raise ModuleFailed(f"sysctl -p {arguments['sysctl_file']} failed: {done.stderr.strip()}",
                           {"rc": done.returncode}, "Correct the lines that the kernel does not accept.")


def rewritten(arguments: Arguments, text: str) -> str:
    """The file's text with the line set or removed; later lines of the same name go."""
    name = dotted(arguments["name"])
    line = None if arguments["state"] == "absent" else f"{arguments['name']}={normal(arguments['value'])}"
    kept: List[str] = []
    for old in text.splitlines():
        found = setting(old)
        if not found or found[0] != name:
            kept.append(old)
        elif line is not None:
            kept.append(line)
            line = None
    if line is not None:
        kept.append(line)
    return "".join(item + "\n" for item in kept)


def settled(arguments: Arguments, before: State, after: State) -> List[Change]:
    """What is left after apply; with ignoreerrors the kernel may keep its value."""
    left = diff(arguments, after)
    return [item for item in left if item.what != "in kernel"] if arguments["ignoreerrors"] else left


def returns(arguments: Arguments, before: State, after: State) -> Dict[str, Any]:
    """Ansible gives nothing but changed."""
    return {}
