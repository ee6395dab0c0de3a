"""The host's name."""

from __future__ import annotations

from typing import Any, Dict, List

from clusterbook.modules.contract import Arguments, Change, ModuleFailed, Parameter, State
from clusterbook.modules.facts import platform
from clusterbook.modules.system import System
from clusterbook.modules.system.files import Attributes, as_text

STRATEGIES = ("alpine", "darwin", "debian", "freebsd", "generic", "macos", "macosx", "openbsd", "openrc", "redhat",
              "sles", "solaris", "systemd")
NAME = "ansible.builtin.hostname"
KIND = "state"
DESCRIPTION = "Set the host's name, now and at boot."
PARAMETERS = {
    "name": Parameter("str", "The name.", required=True),
    "use": Parameter("str", "How it is set; found out by default.", choices=STRATEGIES),
}
FILE, KERNEL = "/etc/hostname", "/proc/sys/kernel/hostname"


def observe(arguments: Arguments, system: System) -> State:
    """The kernel's name and the one in the file."""
    kept = (as_text(system.files.read(FILE)) or "").strip() if system.files.stat(FILE, True) else None
    return {"current": (as_text(system.files.read(KERNEL)) or "").strip(), "permanent": kept}


def diff(arguments: Arguments, state: State) -> List[Change]:
    """Both names."""
    wanted = arguments["name"]
    pairs = (("hostname", state["current"]), (FILE, state["permanent"]))
    return [Change(what, found, wanted) for what, found in pairs if found != wanted]


def apply(arguments: Arguments, state: State, system: System) -> None:
    """Write the file, then tell the kernel."""
    name = arguments["name"]
    if not name or len(name) > 64 or any(letter.isspace() or letter == "/" for letter in name):
        raise ModuleFailed(f"name is {name!r}, expected at most 64 letters, digits, dots and dashes")
    if state["permanent"] != name:
        system.files.write(FILE, f"{name}\n".encode(), Attributes(mode=0o644), in_place=True)
    if state["current"] != name:
        if system.predicting:
            system.kernel_setting(KERNEL, name)
            return
        done = system.execute(["hostname", name])
        if done.returncode:
            raise ModuleFailed(f"hostname failed: {done.stderr.strip()}", {"rc": done.returncode})


def returns(arguments: Arguments, before: State, after: State) -> Dict[str, Any]:
    """The name and the facts that follow from it."""
    name = arguments["name"]
    full = platform.full_name(name)
    return {"name": name, "ansible_facts": {
        "ansible_hostname": name.split(".")[0], "ansible_nodename": name, "ansible_fqdn": full,
        "ansible_domain": full.partition(".")[2]}}
