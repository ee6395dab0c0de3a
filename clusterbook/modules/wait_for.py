"""Wait for a port, a file or a time."""

from __future__ import annotations

import os
import re
import socket
import time
from typing import Any, Callable, Dict, Optional

from clusterbook.modules.contract import Arguments, ModuleFailed, Outcome, Parameter
from clusterbook.modules.ownership import path_state, path_values
from clusterbook.modules.system import System

NAME = "ansible.builtin.wait_for"
KIND = "action"
DESCRIPTION = "Wait for a port, a file or a time."
PARAMETERS = {
    "host": Parameter("str", "Whom to connect to.", default="127.0.0.1"),
    "port": Parameter("int", "Port to look at."),
    "path": Parameter("path", "File to look at."),
    "state": Parameter("str", "What to wait for.", default="started",
                       choices=("absent", "drained", "present", "started", "stopped")),
    "search_regex": Parameter("str", "Text that the file or the connection must show."),
    "timeout": Parameter("int", "Seconds to wait at most.", default=300),
    "connect_timeout": Parameter("int", "Seconds that one connection may take.", default=5),
    "delay": Parameter("int", "Seconds before the first look.", default=0),
    "sleep": Parameter("int", "Seconds between looks.", default=1),
    "msg": Parameter("str", "Message when it does not happen."),
    "exclude_hosts": Parameter("list", "Peers whose connections do not count.", elements="str"),
    "active_connection_states": Parameter(
        "list", "Connections that count as open.", elements="str",
        default=["ESTABLISHED", "FIN_WAIT1", "FIN_WAIT2", "SYN_RECV", "SYN_SENT", "TIME_WAIT"]),
}
MUTUALLY_EXCLUSIVE = (("port", "path"),)
STATES = {"ESTABLISHED": "01", "SYN_SENT": "02", "SYN_RECV": "03", "FIN_WAIT1": "04", "FIN_WAIT2": "05",
          "TIME_WAIT": "06"}


def run(arguments: Arguments, system: System) -> Outcome:
    """Look until it holds or the time is over."""
    started = time.monotonic()
    values: Dict[str, Any] = {"path": arguments["path"], "port": arguments["port"], "state": arguments["state"],
                              "search_regex": arguments["search_regex"], "match_groups": [], "match_groupdict": {}}
    if arguments["port"] is None and arguments["path"] is None and arguments["state"] != "drained":
        time.sleep(arguments["delay"] + arguments["timeout"])
        return Outcome(values={**values, "elapsed": int(time.monotonic() - started)})
    time.sleep(min(arguments["delay"], arguments["timeout"]))
    holds = condition(arguments, system, values)
    pause = min(0.05, float(arguments["sleep"]))
    while not holds():
        passed = time.monotonic() - started
        if passed >= arguments["timeout"]:
            values["elapsed"] = int(passed)
            raise ModuleFailed(arguments["msg"] or timeout_words(arguments), values)
        time.sleep(min(pause, max(arguments["timeout"] - passed, 0.01)))
        pause = min(pause * 2, float(arguments["sleep"]))
    values.update(about_path(arguments["path"], system) if arguments["path"] else {})
    return Outcome(values={**values, "elapsed": int(time.monotonic() - started)})


def check(arguments: Arguments, system: System) -> Outcome:
    """Waiting is left out, as Ansible does."""
    return Outcome(skipped=True, message="check mode does not wait")


def about_path(path: str, system: System) -> Dict[str, Any]:
    """Ansible's keys for a file that is there."""
    return path_values(path_state(path, {}, system, system.files.stat(path)))


def condition(arguments: Arguments, system: System, values: Dict[str, Any]) -> Callable[[], bool]:
    """What is looked at each time."""
    gone = arguments["state"] in ("absent", "stopped")
    if arguments["state"] == "drained":
        return lambda: drained(arguments)
    if arguments["path"] is not None:
        if gone:
            return lambda: system.files.stat(arguments["path"], True) is None
        return lambda: file_shows(arguments, system, values)
    if gone:
        return lambda: not port_answers({**arguments, "search_regex": None}, values)
    return lambda: port_answers(arguments, values)


def file_shows(arguments: Arguments, system: System, values: Dict[str, Any]) -> bool:
    """The file exists, with the text when one is asked for."""
    if system.files.stat(arguments["path"], True) is None:
        return False
    if arguments["search_regex"] is None:
        return True
    try:
        text = system.files.read(arguments["path"]).decode("utf-8", "replace")
    except OSError:
        return False
    return remember(re.search(arguments["search_regex"], text, re.MULTILINE), values)


def port_answers(arguments: Arguments, values: Dict[str, Any]) -> bool:
    """The port accepts a connection, and says the text when one is asked for."""
    limit = arguments["connect_timeout"]
    try:
        with socket.create_connection((arguments["host"], arguments["port"]), limit) as connection:
            if arguments["search_regex"] is None:
                return True
            connection.settimeout(limit)
            text, until = b"", time.monotonic() + limit
            while time.monotonic() < until:
                block = connection.recv(1024)
                if not block:
                    break
                text += block
                shown = text.decode("utf-8", "replace")
                if remember(re.search(arguments["search_regex"], shown, re.MULTILINE), values):
                    return True
    except OSError:
        pass
    return False


def remember(match: "Optional[re.Match[str]]", values: Dict[str, Any]) -> bool:
    """Keep the groups of a match."""
    if match is None:
        return False
    values.update(match_groups=list(match.groups()), match_groupdict=match.groupdict())
    return True


def drained(arguments: Arguments) -> bool:
    """No connection to the port is open, but for those of exclude_hosts."""
    states = {STATES.get(name, name) for name in arguments["active_connection_states"]}
    excluded = {address for name in arguments["exclude_hosts"] or () for address in addresses(name)}
    for path in ("/proc/net/tcp", "/proc/net/tcp6"):
        if not os.path.exists(path):
            continue
        with open(path, encoding="ascii") as file:
            for line in file.readlines()[1:]:
                words = line.split()
                port, remote = int(words[1].rpartition(":")[2], 16), words[2].rpartition(":")[0]
                if port == arguments["port"] and words[3] in states and remote not in excluded:
                    return False
    return True


def addresses(name: str) -> "set[str]":
    """A host's IPv4 addresses as /proc/net writes them."""
    try:
        found = {str(item[4][0]) for item in socket.getaddrinfo(name, None, socket.AF_INET)}
    except OSError:
        return set()
    return {socket.inet_aton(address)[::-1].hex().upper() for address in found}


def timeout_words(arguments: Arguments) -> str:
    """What did not happen."""
    limit = arguments["timeout"]
    if arguments["path"] is not None:
        gone = arguments["state"] in ("absent", "stopped")
        shows = f" with {arguments['search_regex']!r}" if arguments["search_regex"] else ""
        return f"waited {limit} s for {arguments['path']}{shows} to be {'absent' if gone else 'present'}"
    gone = arguments["state"] in ("absent", "drained", "stopped")
    return f"Timeout when waiting for {arguments['host']}:{arguments['port']}" + (" to stop" if gone else "")
