"""What is not compared, and why."""

from __future__ import annotations

import re
from typing import Any

# Where the tools differ, or time does, whatever they do; (pattern, why).
VOLATILE = (
    (r"(/home/admin|/root)/\.ansible(_async)?(/|$)|/tmp/ansible_", "Ansible's folders for what it sends, and for jobs"),
    (r"/var/lib/clusterbook(/|$)|/var/tmp/clusterbook|/home/admin/\.(cache|local)(/|$)", "our agent's"),
    (r"/home/admin/\.sudo_as_admin_successful$|/var/lib/sudo(/|$)", "sudo's stamps"),
    (r"/var/log(/|$)|/var/cache(/|$)|/var/backups(/|$)", "logs, caches and their times"),
    (r"/var/lib/(systemd|apt|dpkg|ucf|private)(/|$)", "state of package managers: packages are compared by name"),
    (r"/etc/(passwd|group|shadow|gshadow|subuid|subgid)-$", "as it was before the last change"),
    (r"/etc/(ld\.so\.cache|\.pwd\.lock|mtab)$", "made by the system's programs as they like"),
    (r".*/__pycache__(/|$)", "Python's bytecode"),
    (r".*/\.git/(index|logs(/.*)?|FETCH_HEAD|ORIG_HEAD)$|.*/(\.git/)?objects/pack(/|$)", "times and packing of git"),
)  # fmt: skip
_VOLATILE = re.compile("|".join(f"(?:{pattern})" for pattern, _ in VOLATILE))
# The time of a backup is in its name: path.PROCESS.DATE@TIME~
_BACKUP = re.compile(r"\.\d+\.\d{4}-\d\d-\d\d@\d\d:\d\d:\d\d~$")
# The third field of an account is the day of its password's last change (shadow(5)): what one tool did is remembered
# for days, and the hosts' own accounts are as old as their image.
_DAY = re.compile(r"^([^:\n]*:[^:\n]*):[1-9]\d*:", re.MULTILINE)
# crontab(1) writes at the head of what it installs from which file, and when.
_CRONTABS, _INSTALLED = "/var/spool/cron/crontabs/", re.compile(r"^# \(\S+ installed on [^\n]*\)$", re.MULTILINE)


def steady(changes: dict[str, Any]) -> dict[str, Any]:
    """Without volatile paths, days of password changes and times of crontabs; backups have names without a time."""
    tree = {_BACKUP.sub(".WHEN~", path): about for path, about in changes["tree"].items() if not _VOLATILE.match(path)}
    shadow = tree.get("/etc/shadow")
    if shadow and "text" in shadow:
        tree["/etc/shadow"] = {**shadow, "text": _DAY.sub(r"\1:DAY:", shadow["text"]), "sha256": "of another text"}
    for path, about in tree.items():
        if path.startswith(_CRONTABS) and "text" in about:
            text = _INSTALLED.sub("# (FILE installed on DAY)", about["text"])
            tree[path] = {**about, "text": text, "size": len(text), "sha256": "of another text"}
    return {**changes, "tree": tree}
