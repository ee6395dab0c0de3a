"""Commands: those for which there is a module, and those that cannot be repeated or fail unseen."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from clusterbook.compile.reach import words
from clusterbook.language.values import Template
from clusterbook.lint.findings import Finding
from clusterbook.lint.material import Material, Step, conditions

_COMMANDS = ("command", "shell", "raw", "script")
_ANY = re.compile("")
# program -> (what its words look like when a module does the same, the module).
INSTEAD: Mapping[str, tuple[re.Pattern[str], str]] = {
    **dict.fromkeys(("mkdir", "rmdir", "ln", "chmod", "chown", "chgrp", "touch", "rm"), (_ANY, "file")),
    **dict.fromkeys(("apt-get", "apt", "aptitude"),
                    (re.compile(r"\b(install|remove|purge|update|upgrade|dist-upgrade|autoremove)\b"), "apt")),
    **dict.fromkeys(("dnf", "yum"), (re.compile(r"\b(install|remove|update|upgrade|erase)\b"), "dnf")),
    **dict.fromkeys(("useradd", "usermod", "userdel", "adduser", "deluser", "chpasswd"), (_ANY, "user")),
    **dict.fromkeys(("groupadd", "groupmod", "groupdel", "addgroup"), (_ANY, "group")),
    **dict.fromkeys(("mount", "umount"), (re.compile(r"\S"), "mount")),
    **dict.fromkeys(("reboot", "shutdown"), (_ANY, "reboot")),
    **dict.fromkeys(("pip", "pip3"), (re.compile(r"\b(install|uninstall)\b"), "pip")),
    "systemctl": (re.compile(r"\b(start|stop|restart|reload|enable|disable|mask|unmask|daemon-reload)\b"),
                  "systemd_service"),
    "service": (re.compile(r"\b(start|stop|restart|reload)\b"), "service"),
    "cp": (_ANY, "copy, with remote_src"), "wget": (_ANY, "get_url"), "curl": (_ANY, "uri or get_url"),
    "git": (re.compile(r"\b(clone|pull)\b"), "git"), "unzip": (_ANY, "unarchive"),
    "tar": (re.compile(r"^-*[a-zA-Z]*x|--extract"), "unarchive"), "modprobe": (_ANY, "modprobe"),
    "sysctl": (re.compile(r"(^|\s)-w\b|="), "sysctl"), "hostnamectl": (re.compile("set-hostname"), "hostname"),
    "crontab": (re.compile(r"^(?!.*-l)"), "cron"), "sed": (re.compile(r"(^|\s)(-\w*i|--in-place)"), "replace"),
    "ssh-keyscan": (_ANY, "known_hosts"), "dpkg": (re.compile(r"(^|\s)(-i|--install|-r|-P)\b"), "apt"),
    "rpm": (re.compile(r"(^|\s)(-\w*[iUe]\w*|--install|--upgrade|--erase)\b"), "dnf"),
    "apt-key": (_ANY, "deb822_repository"), "add-apt-repository": (_ANY, "deb822_repository"),
    "iptables": (re.compile(r"(^|\s)-[AIDP]\b"), "iptables"),
}  # fmt: skip
_SHELL_SIGNS = re.compile(
    r"[|&;<>$`*?~\[\]{}()\n#!\\]|^\s*\w+=|^\s*(?:source|export|cd|set|if|for|while|test|type|ulimit|umask)\b"
)
_EXPRESSION = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_BEFORE = re.compile(r"^\s*(?:sudo\s+|env\s+|\w+=\S*\s+)*")


def check(material: Material) -> Iterator[Finding]:
    """All findings about commands."""
    results = {str(step.written["register"]) for step in material.steps if "register" in step.written}
    for step in material.steps:
        if step.module in _COMMANDS:
            text = command_line(step.arguments)
            yield from _module(step, text)
            yield from _shell(step, text)
            yield from _always_changes(step, results)


def command_line(arguments: Mapping[Any, Any]) -> str:
    """The command as one text; expressions are one word each."""
    found = arguments.get("cmd", arguments.get("_raw_params", arguments.get("argv", "")))
    parts = found if isinstance(found, list) else [found]
    text = " ".join(part.text if isinstance(part, Template) else str(part) for part in parts)
    return _EXPRESSION.sub("EXPRESSION", text).strip()


def _module(step: Step, text: str) -> Iterator[Finding]:
    if step.module == "script" or re.search(r"[|;&\n]", text):
        return
    program, _, rest = _BEFORE.sub("", text).partition(" ")
    pattern, module = INSTEAD.get(program.rpartition("/")[2], (None, ""))
    if pattern is not None and pattern.search(rest):
        yield Finding("command-instead-of-module", f"{program!r} is run as a command, but there is a module for it",
                      step.at(step.module_key), f"Use {module}: it changes only what differs.")  # fmt: skip


def _shell(step: Step, text: str) -> Iterator[Finding]:
    if step.module != "shell" or not text:
        return
    if not _SHELL_SIGNS.search(text) and "executable" not in step.arguments:
        yield Finding("command-instead-of-shell", "this shell runs one command and uses nothing of a shell",
                      step.at(step.module_key), "Use command: nothing in it is then read as shell code.")  # fmt: skip
    if re.search(r"(?<!\|)\|(?!\|)", text) and "pipefail" not in text and "failed_when" not in step.written:
        yield Finding("risky-shell-pipe", "when a command before the pipe fails, this task does not",
                      step.at(step.module_key),
                      "Begin with 'set -o pipefail' and add 'executable: /bin/bash'.")  # fmt: skip


def _always_changes(step: Step, results: set[str]) -> Iterator[Finding]:
    """A condition on an earlier step's result is a guard as well."""
    guarded = {"creates", "removes"} & set(step.arguments) or "changed_when" in step.written
    if step.handler or guarded or (step.inherited("check_mode") is False and "register" in step.written):
        return
    asked = [text.text for part in (step.written, *step.around) for text in conditions(part)]
    if any(set(words(text)) & results for text in asked):
        return
    yield Finding("always-changes", f"{step.module} counts as changed in every run", step.at(step.module_key),
                  "Add 'creates' or 'removes', or say by 'changed_when' how to tell ('false' if it only reads)."
                  )  # fmt: skip
