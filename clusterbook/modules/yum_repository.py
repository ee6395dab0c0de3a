"""Repositories of rpm packages."""

from __future__ import annotations

import os
from typing import Any, Dict, List, Optional

from clusterbook.modules.contract import Arguments, Change, ModuleFailed, Parameter, State
from clusterbook.modules.ownership import FILE_PARAMETERS, attribute_changes, path_state
from clusterbook.modules.system import System

NAME = "ansible.builtin.yum_repository"
KIND = "state"
DESCRIPTION = "Write and remove a repository of rpm packages."
TEXTS = {
    "bandwidth": "Bytes a second.", "cost": "Weight against other repositories.",
    "deltarpm_metadata_percentage": "Size of delta lists that is worth it.",
    "deltarpm_percentage": "Size of deltas that is worth it.", "gpgcakey": "Address of the CA's key.",
    "include": "Another file of configuration.", "metadata_expire": "How long lists are good.",
    "metalink": "Address of a metalink.", "mirrorlist": "Address of a list of mirrors.",
    "mirrorlist_expire": "How long that list is good.", "priority": "Rank among repositories.", "proxy": "Proxy.",
    "proxy_username": "User for the proxy.", "retries": "Tries to fetch a file.", "throttle": "Limit of the bandwidth.",
    "timeout": "Seconds to wait for a server.", "ui_repoid_vars": "Variables shown in its name.",
    "username": "User for the repository.",
}
SWITCHES = {
    "async": "Fetch in the background.", "countme": "Let the host be counted.", "enabled": "Whether it is used.",
    "enablegroups": "Whether its groups are used.", "gpgcheck": "Check signatures of packages.",
    "keepalive": "Keep connections.", "module_hotfixes": "Its packages beat modules.",
    "protect": "Its packages are not replaced.", "repo_gpgcheck": "Check the signature of its lists.",
    "s3_enabled": "Ask S3 for credentials.", "skip_if_unavailable": "Go on without it.",
    "ssl_check_cert_permissions": "Check modes of certificates.",
}
PARAMETERS = {
    "name": Parameter("str", "Its identifier.", required=True),
    "state": Parameter("str", "Whether it is there.", default="present", choices=("absent", "present")),
    "description": Parameter("str", "Its name for people."),
    "file": Parameter("str", "Name of the file, without .repo; by default the identifier."),
    "reposdir": Parameter("path", "Directory of such files.", default="/etc/yum.repos.d"),
    "baseurl": Parameter("list", "Its addresses.", elements="str"),
    "exclude": Parameter("list", "Packages to leave out.", elements="str", aliases=("excludepkgs",)),
    "includepkgs": Parameter("list", "The only packages to take.", elements="str"),
    "gpgkey": Parameter("list", "Addresses of its keys.", elements="str"),
    "failovermethod": Parameter("str", "Order of its addresses.", choices=("priority", "roundrobin")),
    "http_caching": Parameter("str", "What proxies may keep.", choices=("all", "none", "packages")),
    "ip_resolve": Parameter("str", "Which protocol.", choices=("4", "6", "IPv4", "IPv6", "whatever")),
    "keepcache": Parameter("str", "Whether packages are kept.", choices=("0", "1")),
    "metadata_expire_filter": Parameter("str", "For which commands lists run out.", choices=(
        "never", "read-only:future", "read-only:past", "read-only:present")),
    "sslcacert": Parameter("str", "CA of the server.", aliases=("ca_cert",)),
    "sslclientcert": Parameter("str", "Certificate to show.", aliases=("client_cert",)),
    "sslclientkey": Parameter("str", "Its key.", aliases=("client_key",)),
    "sslverify": Parameter("bool", "Check the server's certificate.", aliases=("validate_certs",)),
    "password": Parameter("str", "Password for the repository.", secret=True),
    "proxy_password": Parameter("str", "Password for the proxy.", secret=True),
    **{name: Parameter("str", words) for name, words in TEXTS.items()},
    **{name: Parameter("bool", words) for name, words in SWITCHES.items()},
    **FILE_PARAMETERS,
}
OWN = {"name", "state", "file", "reposdir", "description", *FILE_PARAMETERS}
SECRET = ("password", "proxy_password")


def observe(arguments: Arguments, system: System) -> State:
    """The file's sections as they are and as they shall be."""
    if arguments["state"] == "present" and not any(arguments[key] for key in ("baseurl", "metalink", "mirrorlist")):
        raise ModuleFailed("one of baseurl, metalink, mirrorlist is required", next_step="Add baseurl to the step.")
    if arguments["state"] == "present" and arguments["description"] is None:
        raise ModuleFailed("parameter 'description' is missing", next_step="Add description to the step.")
    path = os.path.join(arguments["reposdir"], f"{arguments['file'] or arguments['name']}.repo")
    found = system.files.stat(path, True)
    text = system.files.read(path).decode("utf-8", "replace") if found else None
    sections = parse(text or "")
    sections.pop(arguments["name"], None)
    if arguments["state"] == "present":
        sections[arguments["name"]] = options(arguments)
    state = path_state(path, arguments, system, found)
    return {**state, "before": text, "same": parse(text or "") == sections, "after": written(sections)}


def parse(text: str) -> Dict[str, Dict[str, str]]:
    """Sections by name; a line that is indented goes on with the one before."""
    sections: Dict[str, Dict[str, str]] = {}
    current: Optional[Dict[str, str]] = None
    last = ""
    for line in text.splitlines():
        if line[:1].isspace() and current is not None and last and line.strip():
            current[last] += "\n" + line.strip()
        elif line.startswith("["):
            current = sections.setdefault(line.strip().strip("[]"), {})
        elif "=" in line and current is not None and line[:1] not in "#;":
            last, _, value = (part.strip() for part in line.partition("="))
            current[last] = value
    return sections


def options(arguments: Arguments) -> Dict[str, str]:
    """The repository's own section."""
    values = {"name": str(arguments["description"])}
    for name in PARAMETERS:
        value = arguments[name]
        if name in OWN or value is None:
            continue
        if isinstance(value, bool):
            values[name] = str(int(value))
        else:
            joint = "\n" if name in ("baseurl", "gpgkey") else " "
            values[name] = joint.join(value) if isinstance(value, list) else str(value)
    return values


def written(sections: Dict[str, Dict[str, str]]) -> str:
    """The text of the file."""
    lines: List[str] = []
    for name in sorted(sections):
        lines.append(f"[{name}]")
        lines += [f"{key} = " + value.replace("\n", "\n  ") for key, value in sorted(sections[name].items())]
        lines.append("")
    return "\n".join(lines) + ("\n" if lines else "")


def diff(arguments: Arguments, state: State) -> List[Change]:
    """The file's text, owner, group and mode."""
    changes = []
    if not state["same"]:
        hidden = any(arguments[name] for name in SECRET)
        before, after = state["before"], state["after"] or None
        changes.append(Change("content", "(hidden)" if hidden else before, "(hidden)" if hidden else after))
    return [*changes, *(attribute_changes(arguments, state) if state["kind"] != "absent" and state["after"] else [])]


def apply(arguments: Arguments, state: State, system: System) -> None:
    """Write the file; one without repositories is removed."""
    if not state["after"]:
        system.files.remove(state["path"])
    elif state["same"]:
        system.files.attributes(state["path"], state["wanted"])
    else:
        system.files.write(state["path"], state["after"].encode(), state["wanted"])


def returns(arguments: Arguments, before: State, after: State) -> Dict[str, Any]:
    """Ansible's keys."""
    return {"repo": arguments["name"], "state": arguments["state"]}
