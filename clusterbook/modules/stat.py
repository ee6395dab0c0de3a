"""Tell about a file."""

from __future__ import annotations

import os
import shutil
from typing import Any, Dict

from clusterbook.modules.contract import Arguments, Outcome, Parameter
from clusterbook.modules.inode_flags import flag_values
from clusterbook.modules.mode import mode_text
from clusterbook.modules.system import System
from clusterbook.modules.system.files import FileState

NAME = "ansible.builtin.stat"
KIND = "query"
DESCRIPTION = "Tell about a file."
ALGORITHMS = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")
PARAMETERS = {
    "path": Parameter("path", "The file.", required=True, aliases=("dest", "name")),
    "follow": Parameter("bool", "Tell about what a link points to.", default=False),
    "get_checksum": Parameter("bool", "Read the file and give its checksum.", default=True),
    "checksum_algorithm": Parameter("str", "Kind of checksum.", default="sha1", choices=ALGORITHMS,
                                    aliases=("checksum", "checksum_algo")),
    "get_mime": Parameter("bool", "Ask the program file, where there is one, for the kind of content.", default=True,
                          aliases=("mime", "mime_type", "mime-type")),
    "get_attributes": Parameter("bool", "Read the flags of chattr.", default=True,
                                aliases=("attr", "attributes")),
    "get_selinux_context": Parameter("bool", "Accepted; SELinux labels are not read.", default=False),
}
NO_FLAGS: Dict[str, Any] = {"version": None, "attributes": [], "attr_flags": ""}
TYPE_KEYS = {"isreg": "file", "isdir": "directory", "islnk": "link", "ischr": "char", "isblk": "block",
             "isfifo": "fifo", "issock": "socket"}


def run(arguments: Arguments, system: System) -> Outcome:
    """Ansible's `stat` value; {"exists": false} when nothing is there."""
    path = arguments["path"]
    found = system.files.stat(path, arguments["follow"])
    if found is None:
        return Outcome(values={"stat": {"exists": False}})
    values = stat_values(path, found, system)
    readable = found.kind == "file" or (found.kind == "link" and _points_to_file(path, system))
    if arguments["get_checksum"] and readable and (system.predicting or os.access(path, os.R_OK)):
        values["checksum"] = system.files.digest(path, arguments["checksum_algorithm"])
    if arguments["get_mime"]:
        values.update(content_kind(path, system))
    if arguments["get_attributes"]:
        there = found.kind in ("file", "directory") and not system.predicting
        values.update({**NO_FLAGS, **(flag_values(path) if there else {})})
    if found.kind == "link":
        values["lnk_source"] = system.files.resolve(path)
        values["lnk_target"] = found.target
    return Outcome(values={"stat": values})


def content_kind(path: str, system: System) -> Dict[str, Any]:
    """What the program file says of the content; unknown without it, and of what is only foreseen."""
    told = {"mimetype": "unknown", "charset": "unknown"}
    if system.predicting or shutil.which("file") is None:
        return told
    done = system.query(["file", "--brief", "--mime-type", "--mime-encoding", "--", path])
    kind, _, charset = done.stdout.strip().partition("; charset=")
    return {"mimetype": kind, "charset": charset} if done.returncode == 0 and charset else told


def stat_values(path: str, found: FileState, system: System) -> Dict[str, Any]:
    """Everything but checksum and link targets."""
    values: Dict[str, Any] = {
        "exists": True, "path": path, "mode": mode_text(found.mode), "uid": found.uid, "gid": found.gid,
        "size": found.size, "inode": found.inode, "dev": found.device, "nlink": found.links,
        "blocks": found.blocks, "block_size": found.block_size, "device_type": found.device_type,
        "atime": found.accessed / 1e9, "mtime": found.modified / 1e9, "ctime": found.changed / 1e9,
        "pw_name": system.accounts.user_name(found.uid), "gr_name": system.accounts.group_name(found.gid),
        "isuid": bool(found.mode & 0o4000), "isgid": bool(found.mode & 0o2000),
        "readable": os.access(path, os.R_OK), "writeable": os.access(path, os.W_OK),
        "executable": os.access(path, os.X_OK),
    }
    values.update({key: found.kind == kind for key, kind in TYPE_KEYS.items()})
    for who, shift in (("usr", 6), ("grp", 3), ("oth", 0)):
        for letter, bit in (("r", 4), ("w", 2), ("x", 1)):
            values[f"{letter}{who}"] = bool(found.mode >> shift & bit)
    return values


def _points_to_file(path: str, system: System) -> bool:
    """Whether a link leads to a regular file."""
    target = system.files.stat(path, True)
    return target is not None and target.kind == "file"
