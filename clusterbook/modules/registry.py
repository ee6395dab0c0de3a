"""Which modules there are, by every name that a playbook may use. A module is loaded when it is first needed."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Dict, Mapping, Optional, Tuple

from clusterbook.modules.contract import Parameter, Specification

# short name -> file in this package
BUILTIN: Mapping[str, str] = {
    "copy": "copy", "template": "template", "file": "file", "stat": "stat", "command": "command", "shell": "shell",
    "systemd": "systemd", "systemd_service": "systemd", "service": "service", "apt": "apt", "package": "package",
    "get_url": "get_url", "uri": "uri", "user": "user", "group": "group",
    "lineinfile": "lineinfile", "blockinfile": "blockinfile", "replace": "replace", "slurp": "slurp", "ping": "ping",
    "wait_for": "wait_for", "setup": "setup", "gather_facts": "setup",
    "raw": "raw", "script": "script", "tempfile": "tempfile", "getent": "getent", "find": "find",
    "service_facts": "service_facts", "package_facts": "package_facts", "hostname": "hostname", "reboot": "reboot",
    "unarchive": "unarchive", "cron": "cron", "known_hosts": "known_hosts",
    "assemble": "assemble", "fetch": "fetch", "apt_repository": "apt_repository", "apt_key": "apt_key",
    "deb822_repository": "deb822_repository", "debconf": "debconf", "dpkg_selections": "dpkg_selections",
    "iptables": "iptables", "git": "git", "pip": "pip", "sysvinit": "sysvinit", "mount_facts": "mount_facts",
    "dnf": "dnf", "dnf5": "dnf", "yum": "dnf", "yum_repository": "yum_repository", "rpm_key": "rpm_key",
    "async_status": "async_status",
}
ANSIBLE_POSIX: Mapping[str, str] = {"sysctl": "sysctl", "mount": "mount", "authorized_key": "authorized_key"}
COMMUNITY_GENERAL: Mapping[str, str] = {
    "archive": "archive", "ini_file": "ini_file", "listen_ports_facts": "listen_ports_facts", "modprobe": "modprobe",
}
OWN: Mapping[str, str] = {"certificate": "certificate"}
COLLECTIONS: Mapping[str, Mapping[str, str]] = {
    "ansible.builtin": BUILTIN, "ansible.posix": ANSIBLE_POSIX, "community.general": COMMUNITY_GENERAL,
}


# What Ansible has and this runner has not: name -> what to do instead.
REFUSED: Mapping[str, str] = {
    "expect": "give the answers by options of the program, or by stdin of command",
    "subversion": "use git, or run svn by command with creates",
    "synchronize": "use copy (only what differs is sent), or run rsync by command with delegate_to: localhost",
}


def alternative(name: str) -> str:
    """What to do instead of a module that is refused; empty for others."""
    return REFUSED.get(name.rpartition(".")[2], "")


def canonical(name: str) -> Optional[str]:
    """The full name (ansible.builtin.copy) of any accepted one, None for others; our own modules have plain names."""
    if name in OWN:
        return name
    collection, _, short = name.rpartition(".")
    if collection == "ansible.legacy":
        collection = "ansible.builtin"
    if collection:
        known = short in COLLECTIONS.get(collection, {}) or name in flow_names()
        return f"{collection}.{short}" if known else None
    for prefix, modules in COLLECTIONS.items():
        if short in modules or f"{prefix}.{short}" in flow_names():
            return f"{prefix}.{short}"
    return None


def names() -> Tuple[str, ...]:
    """Every canonical name, flow modules too, sorted."""
    found = [f"{prefix}.{short}" for prefix, modules in COLLECTIONS.items() for short in modules]
    return tuple(sorted({*found, *OWN, *flow_names()}))


def load(name: str) -> ModuleType:
    """The Python module that implements a canonical name. KeyError for flow modules, which the interpreter runs."""
    prefix, _, short = name.rpartition(".")
    file = OWN[name] if name in OWN else COLLECTIONS[prefix][short]
    return importlib.import_module(f"clusterbook.modules.{file}")


def kind(module: str) -> str:
    """state, query or action, of a module by any of its names; empty for flow modules and unknown ones."""
    name = canonical(module)
    return "" if name is None or is_flow(name) else str(load(name).KIND)


def is_flow(name: str) -> bool:
    """Whether the interpreter itself runs this module (set_fact, include_tasks …)."""
    return name in flow_names()


def specification(name: str) -> Specification:
    """The table of a canonical name, to validate arguments with."""
    if is_flow(name):
        from clusterbook.modules import flow

        return flow.SPECIFICATIONS[name]
    module = load(name)
    return Specification(
        name, module.KIND, module.DESCRIPTION, module.PARAMETERS, getattr(module, "FREE_FORM", ""),
        getattr(module, "MUTUALLY_EXCLUSIVE", ()), getattr(module, "REQUIRED_TOGETHER", ()),
        getattr(module, "REQUIRED_ONE_OF", ()), getattr(module, "REQUIRED_IF", ()),
    )


def parameters(name: str) -> Mapping[str, Parameter]:
    """The parameters of a canonical name by their main names."""
    return specification(name).parameters


FLOW_NAMES = (
    "set_fact", "debug", "assert", "fail", "meta", "pause", "add_host", "group_by", "include_tasks", "include_role",
    "include_vars", "import_tasks", "import_role", "import_playbook", "validate_argument_spec", "set_stats",
    "wait_for_connection",
)


def flow_names() -> Dict[str, str]:
    """Canonical names of the interpreter's own modules."""
    return {f"ansible.builtin.{name}": name for name in FLOW_NAMES}
