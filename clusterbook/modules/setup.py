"""Gather facts about the host."""

from __future__ import annotations

import fnmatch
from typing import Any, Callable, Dict, List, Mapping, Set, Tuple

from clusterbook.modules.contract import Arguments, ModuleFailed, Outcome, Parameter
from clusterbook.modules.facts import hardware, local, network, platform
from clusterbook.modules.system import System

NAME = "ansible.builtin.setup"
KIND = "query"
DESCRIPTION = "Gather facts about the host."
PARAMETERS = {
    "gather_subset": Parameter("list", "Which facts; !NAME leaves some out.", default=["all"], elements="str"),
    "filter": Parameter("list", "Patterns of the names to give back.", default=[], elements="str"),
    "gather_timeout": Parameter("int", "Accepted; nothing that is read can hang.", default=10),
    "fact_path": Parameter("path", "Directory of the host's own facts.", default="/etc/ansible/facts.d"),
}
MINIMAL = ("apparmor", "caps", "cmdline", "date_time", "distribution", "dns", "env", "fips", "local", "lsb", "pkg_mgr",
           "platform", "python", "selinux", "service_mgr", "ssh_pub_keys", "user")
HARDWARE = ("devices", "dmi", "hardware", "loadavg", "mounts", "memory", "processor", "uptime")
NETWORK = ("all_ipv4_addresses", "all_ipv6_addresses", "default_ipv4", "default_ipv6", "interfaces", "network")
_KEYS = ("dsa", "ecdsa", "ed25519", "rsa")
GROUPS: Mapping[str, Tuple[str, ...]] = {
    "min": MINIMAL, "hardware": HARDWARE, "network": NETWORK, "virtual": ("virtual",),
    "all": (*MINIMAL, *HARDWARE, *NETWORK, "virtual", "chroot"), "facter": (), "ohai": (),
    # Ansible's further words for them, and what there is nothing of here.
    **dict.fromkeys(("os_family", *(f"distribution_{name}" for name in ("major_version", "release", "version"))),
                    ("distribution",)),
    **dict.fromkeys(("architecture", "kernel", "machine", "machine_id", "system"), ("platform",)),
    **dict.fromkeys(("effective_group_ids", "effective_user_id", "real_user_id", "user_dir", "user_gecos", "user_gid",
                     "user_id", "user_shell", "user_uid"), ("user",)),
    **dict.fromkeys(("virtualization_role", "virtualization_tech_guest", "virtualization_tech_host",
                     "virtualization_type"), ("virtual",)),
    **dict.fromkeys(("ssh_host_pub_keys", *(f"ssh_host_key_{kind}_public" for kind in _KEYS)), ("ssh_pub_keys",)),
    **dict.fromkeys(("processor_cores", "processor_count"), ("processor",)),
    **dict.fromkeys(("system_capabilities", "system_capabilities_enforced"), ("caps",)),
    "is_chroot": ("chroot",), "python_version": ("python",),
    **dict.fromkeys(("fibre_channel_wwn", "iscsi", "nvme", "systemd"), ()),
}
Collector = Callable[[System], Dict[str, Any]]
COLLECTORS: Tuple[Tuple[Tuple[str, ...], Collector], ...] = (
    (("platform",), lambda system: platform.kernel()),
    (("distribution",), lambda system: platform.distribution()),
    (("lsb",), lambda system: platform.lsb()),
    (("pkg_mgr", "service_mgr"), lambda system: platform.managers()),
    (("user",), lambda system: platform.user()),
    (("env",), lambda system: platform.environment()),
    (("date_time",), lambda system: platform.date_time()),
    (("python",), lambda system: platform.python()),
    (("selinux", "apparmor", "fips"), lambda system: platform.security()),
    (("cmdline",), lambda system: platform.command_line()),
    (("ssh_pub_keys",), lambda system: platform.ssh_host_keys()),
    (("dns",), lambda system: network.name_servers()),
    (("virtual",), lambda system: platform.virtualization()),
    (("chroot",), lambda system: platform.chroot()),
    (("memory", "hardware"), lambda system: hardware.memory()),
    (("processor", "hardware"), lambda system: hardware.processor()),
    (("uptime", "loadavg", "hardware"), lambda system: hardware.uptime()),
    (("dmi", "hardware"), lambda system: hardware.firmware()),
    (("mounts", "hardware"), lambda system: hardware.mounts()),
    (("devices", "hardware"), lambda system: hardware.devices()),
    (NETWORK, network.network),
)


def run(arguments: Arguments, system: System) -> Outcome:
    """ansible_facts, each name with ansible_ before it."""
    chosen = wanted(arguments["gather_subset"])
    facts: Dict[str, Any] = {}
    for names, collect in COLLECTORS:
        if chosen.intersection(names):
            facts.update(collect(system))
    if "local" in chosen:
        facts.update(local.local(arguments["fact_path"], system))
    named = {f"ansible_{name}": value for name, value in facts.items()}
    named.update(gather_subset=arguments["gather_subset"], module_setup=True)
    return Outcome(values={"ansible_facts": filtered(named, arguments["filter"])})


def wanted(subsets: List[str]) -> Set[str]:
    """The collectors that gather_subset names; without a positive word all, and the minimal ones unless !min."""
    known = {*GROUPS, *GROUPS["all"]}
    added: Set[str] = set()
    removed: Set[str] = set()
    words = [subset.strip() for subset in subsets]
    for word in words:
        name = word.lstrip("!")
        if name not in known:
            raise ModuleFailed(f"gather_subset has {name!r}, expected some of {', '.join(sorted(known))}")
        members = set(GROUPS.get(name, (name,)))
        if word == "!all":
            members -= set(MINIMAL)
        (removed if word.startswith("!") else added).update(members)
    if not any(not word.startswith("!") for word in words):
        added = set(GROUPS["all"])
    if "!min" not in words:
        added |= set(MINIMAL) - {word[1:] for word in words if word.startswith("!") and word[1:] in MINIMAL}
    explicit = {word for word in words if not word.startswith("!") and word not in ("all",)}
    kept = {member for word in explicit for member in GROUPS.get(word, (word,))}
    return (added - removed) | (kept & added)


def filtered(facts: Dict[str, Any], patterns: List[str]) -> Dict[str, Any]:
    """The facts whose names match, with or without ansible_."""
    if not patterns or patterns == ["*"]:
        return facts
    every = [*patterns, *(f"ansible_{pattern}" for pattern in patterns)]
    return {name: value for name, value in facts.items() if any(fnmatch.fnmatch(name, item) for item in every)}
