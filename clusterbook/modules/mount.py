"""Mounted file systems and their lines in fstab."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from clusterbook.modules.contract import Arguments, Change, ModuleFailed, Parameter, State
from clusterbook.modules.facts.hardware import unescaped
from clusterbook.modules.file import make_directories
from clusterbook.modules.system import System
from clusterbook.modules.system.files import Attributes, as_text
from clusterbook.modules.transfer import keep_backup

NAME = "ansible.posix.mount"
KIND = "state"
DESCRIPTION = "Mount file systems, now and at boot."
PARAMETERS = {
    "path": Parameter("path", "Where it is mounted.", required=True, aliases=("name",)),
    "src": Parameter("path", "What is mounted."),
    "fstype": Parameter("str", "Kind of file system."),
    "opts": Parameter("str", "Options, joined by commas."),
    "state": Parameter("str", "mounted and absent act now and at boot; present and absent_from_fstab at boot; "
                       "unmounted, ephemeral and remounted now.", required=True,
                       choices=("absent", "absent_from_fstab", "ephemeral", "mounted", "present", "remounted",
                                "unmounted")),
    "dump": Parameter("str", "Field of fstab.", default="0"),
    "passno": Parameter("str", "Field of fstab.", default="0"),
    "fstab": Parameter("str", "The file.", default="/etc/fstab"),
    "boot": Parameter("bool", "Mount at boot.", default=True),
    "opts_no_log": Parameter("bool", "Do not show the options.", default=False),
    "backup": Parameter("bool", "Keep the old file under a name with the time.", default=False),
}
REQUIRED_IF = (("state", "mounted", ("src", "fstype")), ("state", "present", ("src", "fstype")),
               ("state", "ephemeral", ("src", "fstype")))
KEPT, DROPPED = ("mounted", "present"), ("absent", "absent_from_fstab")


def observe(arguments: Arguments, system: System) -> State:
    """What is mounted there, and the line in fstab."""
    path = arguments["path"].rstrip("/") or "/"
    text = (as_text(system.files.read(arguments["fstab"])) or "") if system.files.stat(arguments["fstab"], True) else ""
    mounted: Optional[str] = None
    for line in (as_text(system.files.read("/proc/mounts")) or "").splitlines():
        words = [unescaped(word) for word in line.split()]
        if words[1] == path:
            mounted = words[0]
    return {"path": path, "text": text, "mounted": mounted, "line": line_of(text, path),
            "there": system.files.stat(path, True) is not None, "backup_file": ""}


def line_of(text: str, path: str) -> Optional[List[str]]:
    """The words of the line for a path, None without one."""
    for line in text.splitlines():
        words = line.split()
        if len(words) > 3 and not line.lstrip().startswith("#") and unescaped(words[1]) == path:
            return words
    return None


def wanted_line(arguments: Arguments, path: str) -> List[str]:
    """The words of the line."""
    options = arguments["opts"] or "defaults"
    if not arguments["boot"] and "noauto" not in options.split(","):
        options += ",noauto"
    names = [escaped(arguments["src"]), escaped(path)]
    return [*names, arguments["fstype"], options, arguments["dump"], arguments["passno"]]


def escaped(word: str) -> str:
    """Blanks as fstab writes them."""
    return word.replace("\\", "\\134").replace(" ", "\\040").replace("\t", "\\011")


def diff(arguments: Arguments, state: State) -> List[Change]:
    """The line, and what is mounted."""
    wanted, line, changes = arguments["state"], state["line"], []
    if wanted in KEPT:
        new = wanted_line(arguments, state["path"])
        if line is None or [*line, "0", "0"][:6] != new:
            changes.append(Change("fstab", " ".join(line) if line else None, " ".join(new)))
    elif wanted in DROPPED and line is not None:
        changes.append(Change("fstab", " ".join(line), None))
    mounted = state["mounted"]
    if wanted in ("mounted", "ephemeral") and (mounted is None or changes):
        changes.append(Change("mounted", mounted, arguments["src"]))
    elif wanted in ("absent", "unmounted") and mounted is not None:
        changes.append(Change("mounted", mounted, None))
    elif wanted == "remounted":
        changes.append(Change("mounted", mounted, "again"))
    if wanted == "absent" and state["there"] and (mounted or line):
        changes.append(Change("directory", state["path"], None))
    return changes


def apply(arguments: Arguments, state: State, system: System) -> None:
    """Write fstab, then mount or unmount."""
    path, wanted = state["path"], arguments["state"]
    differing = {change.what for change in diff(arguments, state)}
    if "fstab" in differing:
        if arguments["backup"]:
            state["backup_file"] = keep_backup(arguments["fstab"], system)
        system.files.write(arguments["fstab"], rewritten(arguments, state).encode(), Attributes(), in_place=True)
    if "mounted" in differing and wanted in ("mounted", "ephemeral"):
        if not state["there"]:
            make_directories(path, Attributes(), system)
        again = ["-o", "remount"] if state["mounted"] else []
        words = [path] if wanted == "mounted" else ["-t", arguments["fstype"], "-o", arguments["opts"] or "defaults",
                                                    arguments["src"], path]
        run(["mount", *again, *words], system)
    elif "mounted" in differing:
        run(["mount", "-o", "remount", path] if wanted == "remounted" else ["umount", path], system)
    if "directory" in differing and not system.files.entries(path):
        system.files.remove(path)


def run(words: List[str], system: System) -> None:
    """mount or umount."""
    done = system.execute(words)
    if done.returncode:
        raise ModuleFailed(f"'{' '.join(words)}' failed: {done.stderr.strip()}", {"rc": done.returncode})


def rewritten(arguments: Arguments, state: State) -> str:
    """fstab's text with the line set or removed."""
    line = " ".join(wanted_line(arguments, state["path"])) if arguments["state"] in KEPT else None
    kept: List[str] = []
    for old in state["text"].splitlines():
        if line_of(old, state["path"]) is None:
            kept.append(old)
        elif line is not None:
            kept.append(line)
            line = None
    return "".join(item + "\n" for item in [*kept, *([line] if line else [])])


def settled(arguments: Arguments, before: State, after: State) -> List[Change]:
    """What is left after apply; a directory that holds something stays."""
    return [] if arguments["state"] == "remounted" else [
        item for item in diff(arguments, after) if item.what != "directory"]


def returns(arguments: Arguments, before: State, after: State) -> Dict[str, Any]:
    """Ansible's keys."""
    return {"name": arguments["path"], "fstab": arguments["fstab"], "dump": arguments["dump"],
            "passno": arguments["passno"], "boot": "yes" if arguments["boot"] else "no",
            "backup_file": before["backup_file"], "src": arguments["src"], "fstype": arguments["fstype"],
            "opts": arguments["opts"] or "defaults"}
