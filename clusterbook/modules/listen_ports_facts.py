"""Gather which ports are listened on, and by whom: read from the kernel's tables, so that no program is needed."""

from __future__ import annotations

import contextlib
import os
import pwd
import socket
import time
from typing import Any, Dict, Iterator, Mapping, Optional, Tuple

from clusterbook.modules.contract import Arguments, Outcome, Parameter
from clusterbook.modules.system import System

NAME = "community.general.listen_ports_facts"
KIND = "query"
DESCRIPTION = "Gather which TCP and UDP ports are listened on, and by which programs."
PARAMETERS = {
    "command": Parameter("str", "Accepted; the kernel is asked itself.", choices=("netstat", "ss")),
    "include_non_listening": Parameter("bool", "Tell about connections, too, with state and foreign_address.",
                                       default=False),
}
# Of /proc/net/tcp; a socket of UDP that waits for anybody is closed to it.
STATES: Mapping[str, str] = {
    "01": "ESTABLISHED", "02": "SYN_SENT", "03": "SYN_RECV", "04": "FIN_WAIT1", "05": "FIN_WAIT2", "06": "TIME_WAIT",
    "07": "CLOSE", "08": "CLOSE_WAIT", "09": "LAST_ACK", "0A": "LISTEN", "0B": "CLOSING",
}  # fmt: skip
WAITING: Mapping[str, str] = {"tcp": "0A", "udp": "07"}
Holder = Tuple[int, str]


def run(arguments: Arguments, system: System) -> Outcome:
    """ansible_facts.tcp_listen and udp_listen: address, port, protocol, pid, name, user, stime."""
    holders = dict(sockets_of_processes())
    facts: Dict[str, Any] = {"tcp_listen": [], "udp_listen": []}
    for protocol, waiting in WAITING.items():
        for table in (protocol, f"{protocol}6"):
            for entry, state, inode in entries(table, protocol):
                more = {"state": STATES.get(state, ""), "foreign_address": entry.pop("foreign_address")}
                if state == waiting or arguments["include_non_listening"]:
                    found = {**entry, **holder(holders.get(inode)),
                             **(more if arguments["include_non_listening"] else {})}
                    facts[f"{protocol}_listen"].append(found)
    return Outcome(values={"ansible_facts": facts})


def entries(table: str, protocol: str) -> Iterator[Tuple[Dict[str, Any], str, str]]:
    """Each line of a table of /proc/net: what it says, its state, its inode. A kernel without IPv6 has none."""
    try:
        with open(f"/proc/net/{table}") as lines:
            rows = [line.split() for line in lines.readlines()[1:]]
    except OSError:
        return
    for row in rows:
        address, port = place(row[1])
        foreign, foreign_port = place(row[2])
        entry = {"address": address, "port": port, "protocol": protocol,
                 "foreign_address": f"{foreign}:{foreign_port or '*'}"}
        yield entry, row[3], row[9]


def place(text: str) -> Tuple[str, int]:
    """Address and port, of hexadecimal words in the order of the host's processor."""
    digits, _, port = text.partition(":")
    words = [int(digits[start:start + 8], 16).to_bytes(4, "little") for start in range(0, len(digits), 8)]
    family = socket.AF_INET if len(words) == 1 else socket.AF_INET6
    return socket.inet_ntop(family, b"".join(words)), int(port, 16)


def sockets_of_processes() -> Iterator[Tuple[str, Holder]]:
    """Inode of each socket -> pid and name of a process that has it, as far as this user may see."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/comm") as file:
                name = file.read().strip()
            numbers = os.listdir(f"/proc/{pid}/fd")
        except OSError:  # it ended, or belongs to another user
            continue
        for number in numbers:
            with contextlib.suppress(OSError):  # closed meanwhile
                link = os.readlink(f"/proc/{pid}/fd/{number}")
                if link.startswith("socket:["):
                    yield link[8:-1], (int(pid), name)


def holder(known: Optional[Holder]) -> Dict[str, Any]:
    """What the facts say of a process; pid 0 when nobody is seen to have the socket."""
    pid, name = known or (0, "")
    try:
        user = pwd.getpwuid(os.stat(f"/proc/{pid}").st_uid).pw_name
    except (OSError, KeyError):
        return {"pid": pid, "name": name, "user": "", "stime": ""}
    return {"pid": pid, "name": name, "user": user, "stime": started(pid)}


def started(pid: int) -> str:
    """When a process began, in the words of ps; empty when it ended meanwhile."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            ticks = int(file.read().rpartition(")")[2].split()[19])
        with open("/proc/stat") as file:
            boot = next(int(line.split()[1]) for line in file if line.startswith("btime"))
    except OSError:
        return ""
    return time.ctime(boot + ticks / os.sysconf("SC_CLK_TCK"))
