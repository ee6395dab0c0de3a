"""Rules of the kernel's packet filter."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Tuple

from clusterbook.modules.contract import Arguments, Change, ModuleFailed, Parameter, State
from clusterbook.modules.system import System
from clusterbook.modules.system.commands import Completed

NAME = "ansible.builtin.iptables"
KIND = "state"
DESCRIPTION = "Rules, chains and policies of the kernel's packet filter; they last until the next boot."
LEVELS = (*"01234567", "emerg", "alert", "crit", "error", "warning", "notice", "info", "debug")
PARAMETERS = {
    "table": Parameter("str", "The table.", default="filter", choices=("filter", "mangle", "nat", "raw", "security")),
    "state": Parameter("str", "Whether the rule is there.", default="present", choices=("absent", "present")),
    "action": Parameter("str", "Where a new rule goes: at the end or at the start.", default="append",
                        choices=("append", "insert")),
    "rule_num": Parameter("str", "Number that an inserted rule gets."),
    "ip_version": Parameter("str", "Which protocol.", default="ipv4", choices=("both", "ipv4", "ipv6")),
    "chain": Parameter("str", "The chain."),
    "protocol": Parameter("str", "Protocol of the rule."),
    "source": Parameter("str", "Source address."),
    "destination": Parameter("str", "Destination address."),
    "tcp_flags": Parameter("dict", "TCP flags: flags to look at, flags_set of them that must be set."),
    "match": Parameter("list", "Extensions to match with.", default=[], elements="str"),
    "jump": Parameter("str", "What is done with a packet that matches."),
    "log_prefix": Parameter("str", "Start of a log line; means jump LOG."),
    "log_level": Parameter("str", "Level of a log line; means jump LOG.", choices=LEVELS),
    "gateway": Parameter("str", "For jump TEE: where a copy goes."),
    "in_interface": Parameter("str", "Interface that a packet came in by."),
    "out_interface": Parameter("str", "Interface that a packet leaves by."),
    "fragment": Parameter("str", "Later fragments only."),
    "goto": Parameter("str", "Chain to go on in, without coming back."),
    "set_counters": Parameter("str", "Counters of the new rule."),
    "set_dscp_mark": Parameter("str", "Mark of the packet's DSCP field; means jump DSCP."),
    "set_dscp_mark_class": Parameter("str", "The same by its class; means jump DSCP."),
    "source_port": Parameter("str", "Source port or range."),
    "destination_port": Parameter("str", "Destination port or range."),
    "destination_ports": Parameter("list", "Several destination ports.", default=[], elements="str"),
    "to_ports": Parameter("str", "Port to redirect to."),
    "to_destination": Parameter("str", "Address for jump DNAT."),
    "to_source": Parameter("str", "Address for jump SNAT."),
    "syn": Parameter("str", "Packets that open a connection.", default="ignore", choices=("ignore", "match", "negate")),
    "ctstate": Parameter("list", "States of the connection.", default=[], elements="str"),
    "src_range": Parameter("str", "Range of source addresses."),
    "dst_range": Parameter("str", "Range of destination addresses."),
    "match_set": Parameter("str", "Set of ipset that must match."),
    "match_set_flags": Parameter("str", "What of a packet is looked up in the set.",
                                 choices=("dst", "dst,dst", "dst,src", "src", "src,dst", "src,src")),
    "limit": Parameter("str", "Matches in a time, such as 3/minute."),
    "limit_burst": Parameter("str", "Matches before limit counts."),
    "uid_owner": Parameter("str", "User that sends; ! before it negates."),
    "gid_owner": Parameter("str", "Group that sends; ! before it negates."),
    "reject_with": Parameter("str", "Answer of jump REJECT."),
    "icmp_type": Parameter("str", "Kind of ICMP message."),
    "comment": Parameter("str", "Comment of the rule."),
    "flush": Parameter("bool", "Remove every rule of the chain, or of the table.", default=False),
    "policy": Parameter("str", "What a chain does with packets that no rule matches.",
                        choices=("ACCEPT", "DROP", "QUEUE", "RETURN")),
    "wait": Parameter("str", "Seconds to wait for the lock of another program."),
    "chain_management": Parameter("bool", "Make or remove the chain itself.", default=False),
    "numeric": Parameter("bool", "Accepted; rules are always compared without looking up names.", default=False),
}
MUTUALLY_EXCLUSIVE = (("set_dscp_mark", "set_dscp_mark_class"), ("flush", "policy"))
REQUIRED_TOGETHER = (("match_set", "match_set_flags"),)
PROGRAMS = {"ipv4": ("iptables",), "ipv6": ("ip6tables",), "both": ("iptables", "ip6tables")}
Option = Tuple[str, str, str]
# (parameter, option of iptables, extension that the option needs), in iptables' own order
OPTIONS: Tuple[Option, ...] = (
    ("protocol", "-p", ""), ("source", "-s", ""), ("destination", "-d", ""), ("match", "-m", ""), ("tcp_flags", "", ""),
    ("jump", "-j", ""), ("gateway", "--gateway", ""), ("log_prefix", "--log-prefix", ""),
    ("log_level", "--log-level", ""), ("to_destination", "--to-destination", ""), ("to_source", "--to-source", ""),
    ("goto", "-g", ""), ("in_interface", "-i", ""), ("out_interface", "-o", ""), ("fragment", "-f", ""),
    ("set_counters", "-c", ""), ("source_port", "--source-port", ""), ("destination_port", "--destination-port", ""),
    ("destination_ports", "--dports", "multiport"), ("to_ports", "--to-ports", ""), ("comment", "--comment", "comment"),
    ("set_dscp_mark", "--set-dscp", ""), ("set_dscp_mark_class", "--set-dscp-class", ""),
    ("ctstate", "--ctstate", "conntrack"), ("src_range", "--src-range", "iprange"),
    ("dst_range", "--dst-range", "iprange"), ("match_set", "--match-set", "set"), ("limit", "--limit", "limit"),
    ("limit_burst", "--limit-burst", "limit"), ("uid_owner", "--uid-owner", "owner"),
    ("gid_owner", "--gid-owner", "owner"), ("reject_with", "--reject-with", ""), ("icmp_type", "--icmp-type", ""),
)


def rule(arguments: Arguments) -> List[str]:
    """The words of the rule."""
    given = dict(arguments)
    if given["log_prefix"] or given["log_level"]:
        given["jump"] = given["jump"] or "LOG"
    if given["set_dscp_mark"] or given["set_dscp_mark_class"]:
        given["jump"] = given["jump"] or "DSCP"
    if given["reject_with"]:
        given["jump"] = given["jump"] or "REJECT"
    words: List[str] = []
    loaded = set(given["match"])
    for name, option, extension in OPTIONS:
        value = given[name]
        if value is None or value == [] or value is False:
            continue
        if extension and extension not in loaded:
            words += ["-m", extension]
            loaded.add(extension)
        words += option_words(name, option, value, given)
    if given["syn"] != "ignore":
        words += ["--syn"] if given["syn"] == "match" else ["!", "--syn"]
    return words


def option_words(name: str, option: str, value: Any, given: Mapping[str, Any]) -> List[str]:
    """The words of one parameter; ! before a value negates it."""
    if name == "tcp_flags":
        if "flags" not in value or "flags_set" not in value:
            raise ModuleFailed("tcp_flags needs flags and flags_set")
        return ["--tcp-flags", ",".join(value["flags"]), ",".join(value["flags_set"])]
    if name == "match":
        return [word for item in value for word in ("-m", item)]
    if name == "fragment":
        return [option]
    text = ",".join(value) if isinstance(value, list) else str(value)
    negated = ["!"] if text.startswith("!") else []
    words = [*negated, option, text.lstrip("! ")]
    return [*words, given["match_set_flags"]] if name == "match_set" else words


def ask(program: str, arguments: Arguments, words: List[str], system: System, change: bool = False) -> Completed:
    """Run iptables on the table."""
    wait = ["-w", arguments["wait"]] if arguments["wait"] else ["-w"]
    run = system.execute if change else system.query
    done = run([program, *wait, "-t", arguments["table"], *words], environment={"LC_ALL": "C.UTF-8"})
    if done.returncode == 127:
        raise ModuleFailed(f"{program} is not on this host", {"rc": 127}, "Install iptables in an earlier step.")
    return done


def observe(arguments: Arguments, system: System) -> State:
    """For each protocol: is the rule there, is the chain, which policy, are there rules to flush."""
    if arguments["chain"] is None and not arguments["flush"]:
        raise ModuleFailed("parameter 'chain' is missing", next_step="Add chain to the step, or flush: true.")
    return {program: seen(program, arguments, system) for program in PROGRAMS[arguments["ip_version"]]}


def seen(program: str, arguments: Arguments, system: System) -> State:
    """The state of one protocol."""
    chain = arguments["chain"]
    listed = ask(program, arguments, ["-S", *([chain] if chain else [])], system)
    lines = listed.stdout.splitlines()
    policy = next((line.split()[2] for line in lines if line.startswith("-P ")), None)
    there = chain is None or listed.returncode == 0
    words = rule(arguments)
    found = bool(words) and there and ask(program, arguments, ["-C", chain, *words], system).returncode == 0
    rules = [line for line in lines if line.startswith("-A ")]
    return {"chain": there, "policy": policy, "rule": found, "rules": rules}


def diff(arguments: Arguments, state: State) -> List[Change]:
    """What is not as wanted."""
    return [change for program in state for change in differing(program, arguments, state[program])]


def differing(program: str, arguments: Arguments, found: State) -> List[Change]:
    """What is not as wanted with one protocol."""
    name = f"{program} {arguments['chain'] or arguments['table']}"
    present = arguments["state"] == "present"
    if arguments["flush"]:
        return [Change(f"{name} rules", "\n".join(found["rules"]), "")] if found["rules"] else []
    if arguments["policy"]:
        same = found["policy"] == arguments["policy"]
        return [] if same else [Change(f"{name} policy", found["policy"], arguments["policy"])]
    words = rule(arguments)
    if arguments["chain_management"] and not words:
        return [] if found["chain"] == present else [
            Change(f"{name} chain", "present" if found["chain"] else None, "present" if present else None)]
    text = " ".join(words)
    return [] if found["rule"] == present else [
        Change(f"{name} rule", text if found["rule"] else None, text if present else None)]


def apply(arguments: Arguments, state: State, system: System) -> None:
    """One command for each protocol that differs."""
    for program, found in state.items():
        if not differing(program, arguments, found):
            continue
        for words in commands(arguments, found):
            done = ask(program, arguments, words, system, True)
            if done.returncode:
                raise ModuleFailed(f"'{program} {' '.join(words)}' failed: {done.stderr.strip()}",
                                   {"rc": done.returncode}, "Correct the rule; nothing of it is in force.")


def commands(arguments: Arguments, found: State) -> List[List[str]]:
    """What to tell iptables."""
    chain, words = arguments["chain"], rule(arguments)
    if arguments["flush"]:
        return [["-F", *([chain] if chain else [])]]
    if arguments["policy"]:
        return [["-P", chain, arguments["policy"]]]
    if arguments["state"] == "absent":
        return [["-D", chain, *words]] if words else [["-X", chain]]
    made = [["-N", chain]] if arguments["chain_management"] and not found["chain"] else []
    if not words:
        return made
    if arguments["action"] == "append":
        return [*made, ["-A", chain, *words]]
    return [*made, ["-I", chain, *([arguments["rule_num"]] if arguments["rule_num"] else []), *words]]


def returns(arguments: Arguments, before: State, after: State) -> Dict[str, Any]:
    """Ansible's keys."""
    keys = ("chain", "flush", "ip_version", "state", "table", "wait", "chain_management")
    return {**{key: arguments[key] for key in keys}, "rule": " ".join(rule(arguments))}
