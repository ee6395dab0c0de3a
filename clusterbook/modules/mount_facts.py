"""What is mounted, from the kernel and from files."""

from __future__ import annotations

import fnmatch
import os
from typing import Any, Dict, Iterator, List, Mapping, Tuple

from clusterbook.modules.contract import Arguments, ModuleFailed, Outcome, Parameter
from clusterbook.modules.system import System

NAME = "ansible.builtin.mount_facts"
KIND = "query"
DESCRIPTION = "Gather what is mounted, and what files say shall be."
PARAMETERS = {
    "devices": Parameter("list", "Only mounts of devices that match one of these patterns.", elements="str"),
    "fstypes": Parameter("list", "Only file systems that match one of these patterns.", elements="str"),
    "sources": Parameter("list", "Files to read, or all, dynamic (the kernel) and static (fstab).", elements="str"),
    "mount_binary": Parameter("raw", "Accepted; the kernel is asked itself.", default="mount"),
    "timeout": Parameter("float", "Accepted; a file system that does not answer is told without its sizes."),
    "on_timeout": Parameter("str", "Accepted.", default="error", choices=("error", "ignore", "warn")),
    "include_aggregate_mounts": Parameter("bool", "Tell about every mount of a place that has several."),
}
DYNAMIC, STATIC = ("/etc/mtab", "/proc/mounts", "/etc/mnttab"), ("/etc/fstab", "/etc/vfstab")
WORDS: Mapping[str, Tuple[str, ...]] = {"all": (*DYNAMIC, *STATIC), "dynamic": DYNAMIC, "static": STATIC}
ESCAPES = ("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")


def run(arguments: Arguments, system: System) -> Outcome:
    """ansible_facts.mount_points and aggregate_mounts."""
    every: List[Dict[str, Any]] = []
    for source in sources(arguments):
        if system.files.stat(source, True) is not None:
            every += [item for item in lines_of(source, system) if chosen(item, arguments)]
    points: Dict[str, Any] = {}
    for item in every:
        points.setdefault(item["mount"], {**item, **sizes(item["mount"])})
    aggregate = every if arguments["include_aggregate_mounts"] else []
    return Outcome(values={"ansible_facts": {"mount_points": points, "aggregate_mounts": aggregate}})


def sources(arguments: Arguments) -> List[str]:
    """The files to read, each once."""
    found: List[str] = []
    for word in arguments["sources"] if arguments["sources"] is not None else ["all"]:
        if word not in WORDS and not word.startswith("/"):
            raise ModuleFailed(f"sources has {word!r}, expected all, dynamic, static or an absolute path")
        found += [name for name in WORDS.get(word, (word,)) if name not in found]
    real: Dict[str, str] = {}
    for name in found:
        real.setdefault(os.path.realpath(name), name)
    return list(real.values())


def lines_of(source: str, system: System) -> Iterator[Dict[str, Any]]:
    """The mounts that a file tells, as mount_points has them."""
    for line in system.files.read(source).decode("utf-8", "replace").splitlines():
        words = line.split()
        if len(words) < 4 or words[0].startswith("#"):
            continue
        device, mount, kind, options = (plain(word) for word in words[:4])
        info = {"device": device, "mount": mount, "fstype": kind, "options": options,
                "dump": number(words, 4), "passno": number(words, 5)}
        yield {**info, "ansible_context": {"source": source, "source_data": line}}


def plain(word: str) -> str:
    """A field with its escapes resolved."""
    for written, meant in ESCAPES:
        word = word.replace(written, meant)
    return word


def number(words: List[str], index: int) -> int:
    """A number that may be missing."""
    return int(words[index]) if len(words) > index and words[index].isdigit() else 0


def chosen(item: Mapping[str, Any], arguments: Arguments) -> bool:
    """Whether devices and fstypes let a mount through."""
    return all(patterns is None or any(fnmatch.fnmatch(item[key], pattern) for pattern in patterns)
               for key, patterns in (("device", arguments["devices"]), ("fstype", arguments["fstypes"])))


def sizes(mount: str) -> Dict[str, Any]:
    """What statvfs tells; nothing when it fails."""
    try:
        found = os.statvfs(mount)
    except OSError:
        return {}
    return {
        "size_total": found.f_frsize * found.f_blocks, "size_available": found.f_frsize * found.f_bavail,
        "block_size": found.f_bsize, "block_total": found.f_blocks, "block_available": found.f_bavail,
        "block_used": found.f_blocks - found.f_bavail, "inode_total": found.f_files,
        "inode_available": found.f_favail, "inode_used": found.f_files - found.f_favail,
    }
