"""Debian packages."""

from __future__ import annotations

import fnmatch
import os
import re
import time
from typing import Any, Dict, List, Optional, Tuple

from clusterbook.modules import apt_sources
from clusterbook.modules.contract import Arguments, Change, ModuleFailed, Parameter, State
from clusterbook.modules.system import System
from clusterbook.modules.system.packages import Package

NAME = "ansible.builtin.apt"
KIND = "state"
DESCRIPTION = "Install, upgrade and remove Debian packages."
PARAMETERS = {
    "name": Parameter("list", "Packages: NAME, NAME=VERSION, NAME:ARCHITECTURE, or a pattern with *.",
                      elements="str", aliases=("package", "pkg")),
    "state": Parameter("str", "What shall be.", default="present",
                       choices=("absent", "build-dep", "fixed", "latest", "present")),
    "update_cache": Parameter("bool", "Fetch the lists of packages first.", aliases=("update-cache",)),
    "cache_valid_time": Parameter("int", "Seconds for which fetched lists are good enough.", default=0),
    **apt_sources.UPDATE_PARAMETERS,
    "install_recommends": Parameter("bool", "Install what packages recommend.", aliases=("install-recommends",)),
    "purge": Parameter("bool", "Remove configuration files too.", default=False),
    "autoremove": Parameter("bool", "Remove dependencies that nothing needs.", default=False),
    "autoclean": Parameter("bool", "Drop old package files.", default=False),
    "clean": Parameter("bool", "Drop all package files.", default=False),
    "upgrade": Parameter("str", "Upgrade everything.", default="no", choices=("dist", "full", "no", "safe", "yes")),
    "default_release": Parameter("str", "Release to prefer.", aliases=("default-release",)),
    "deb": Parameter("path", "Package file of the host, or its address."),
    "only_upgrade": Parameter("bool", "Upgrade what is installed, install nothing new.", default=False),
    "allow_downgrade": Parameter("bool", "Accept older versions.", default=False,
                                 aliases=("allow-downgrade", "allow-downgrades", "allow_downgrades")),
    "allow_change_held_packages": Parameter("bool", "Change held packages too.", default=False),
    "allow_unauthenticated": Parameter("bool", "Accept unsigned packages.", default=False,
                                       aliases=("allow-unauthenticated",)),
    "force": Parameter("bool", "The three above together.", default=False),
    "fail_on_autoremove": Parameter("bool", "Fail rather than remove another package.", default=False),
    "dpkg_options": Parameter("str", "Options for dpkg.", default="force-confdef,force-confold"),
    "policy_rc_d": Parameter("int", "Exit code of policy-rc.d meanwhile; 101 keeps services from starting."),
    "lock_timeout": Parameter("int", "Seconds to wait for another program's lock.", default=60),
    "force_apt_get": Parameter("bool", "Accepted; apt-get is always used.", default=False),
    "auto_install_module_deps": Parameter("bool", "Accepted; nothing else is needed.", default=True),
}
MUTUALLY_EXCLUSIVE = (("deb", "name"), ("deb", "upgrade"))
REQUIRED_ONE_OF = (("autoremove", "autoclean", "clean", "deb", "name", "update_cache", "upgrade"),)
# What apt says of what is in none of the lists that it has.
NOWHERE = re.compile(
    r"^E: (Unable to locate package .*|Package .* has no installation candidate|Version .* was not found)$",
    re.MULTILINE,
)
STAMPS = ("/var/lib/apt/periodic/update-success-stamp", "/var/lib/apt/lists/partial", "/var/lib/apt/lists")
Difference = Tuple[str, str, Optional[str], Optional[str]]
UPGRADES = {"yes": "upgrade", "safe": "upgrade", "full": "dist-upgrade", "dist": "dist-upgrade"}


def observe(arguments: Arguments, system: System) -> State:
    """Which packages are not as wanted. `done` collects what apply did."""
    state: State = {"update": False, "packages": [], "simulated": [], "done": {}, "now": time.time(), "old_files": []}
    state["cache_time"] = cache_time(system)
    if arguments["deb"]:
        state["packages"] = deb_changes(arguments, system)
    elif arguments["name"]:
        state["packages"] = package_changes(arguments, system)
    if needs_update(arguments, state):
        state["update"] = True
    if system.predicting and not arguments["deb"]:
        refuse_what_nobody_has(arguments, state, system)
    if arguments["upgrade"] != "no":
        state["simulated"] = simulate(system, [UPGRADES[arguments["upgrade"]]])
    elif arguments["autoremove"] and not arguments["name"] and not arguments["deb"]:
        state["simulated"] = simulate(system, ["autoremove", *(["--purge"] if arguments["purge"] else [])])
    if arguments["autoclean"] and not arguments["name"]:
        told = system.query(["apt-get", "-s", "autoclean"], environment={"LC_ALL": "C"}).stdout
        state["old_files"] = re.findall(r"^Del (\S+ \S+)", told, re.MULTILINE)
    return state


def cache_time(system: System) -> float:
    """When the lists were last fetched, in seconds since the epoch; 0 when never."""
    for path in STAMPS:
        if os.path.exists(path):  # asked directly: no step or pending package makes these lists older
            return os.stat(path).st_mtime
    return 0.0


def needs_update(arguments: Arguments, state: State) -> bool:
    """Whether lists are fetched: asked for, too old, and of use (all is installed: of none)."""
    if not (arguments["update_cache"] or (arguments["cache_valid_time"] and arguments["update_cache"] is None)):
        return False
    if arguments["name"] and arguments["state"] in ("present", "absent") and not state["packages"]:
        return False
    age = state["now"] - state["cache_time"]
    return not arguments["cache_valid_time"] or age > arguments["cache_valid_time"] or age < 0


def package_changes(arguments: Arguments, system: System) -> List[Difference]:
    """(what to tell apt, package, version now, version wanted) of each package that is not as wanted."""
    candidates: Dict[str, str] = {}
    if arguments["state"] == "latest":
        candidates = system.packages.candidates([name.split("=")[0] for name in names(arguments)])
    found: List[Difference] = []
    for item in names(arguments):
        name, _, version = item.partition("=")
        matches = matching(name, system)
        if arguments["state"] == "absent":
            found += [(p.name if "*" in name else name, p.name, p.version, None) for p in matches
                      if p.installed or (arguments["purge"] and p.status == "config-files")]
            continue
        have = next((p for p in matches if p.installed), None) or system.packages.installed(name)
        if have is None:
            if not arguments["only_upgrade"]:
                found.append((item, name, None, version or candidates.get(name, "")))
        elif version and not fnmatch.fnmatchcase(have.version, version):
            found.append((item, name, have.version, version))
        elif candidates.get(name, have.version) != have.version and have.name == name.split(":")[0]:
            found.append((item, name, have.version, candidates[name]))
    return found


def refuse_what_nobody_has(arguments: Arguments, state: State, system: System) -> None:
    """ModuleFailed for a package that apt could not install now: a plan says so where nothing can change that before.

    Lists that are fetched by this or an earlier step, or by a command that a plan leaves out, may have it; and lists
    that never were fetched say nothing.
    """
    wanted = [item for item, _, _, _ in state["packages"]]
    known = bool(state["cache_time"]) and not state["update"] and not system.packages.lists_may_change
    if not wanted or not known or arguments["state"] in ("absent", "build-dep") or system.left_out:
        return
    words = ["-s", "-q", *options(arguments), "install", *wanted]
    done = system.query(["apt-get", *words], environment={"LC_ALL": "C.UTF-8"})
    found = NOWHERE.findall(done.stderr)
    if done.returncode and found:
        step = "Correct the name, or add the archive that has it and fetch its lists (update_cache) in an earlier step."
        raise ModuleFailed(f"apt has nothing to install: {'; '.join(found)}", {"rc": done.returncode}, step)


def names(arguments: Arguments) -> List[str]:
    """The packages as written, with the operators apt knows brought into one form."""
    return [re.sub(r"\s*==?\s*", "=", name.strip()) for name in arguments["name"] if name.strip()]


def matching(name: str, system: System) -> List[Package]:
    """Packages that dpkg knows under a name or a pattern."""
    if not any(letter in name for letter in "*?["):
        found = system.packages.all().get(name) or system.packages.known(name)
        return [found] if found else []
    return [package for key, package in system.packages.all().items() if ":" not in key and fnmatch.fnmatch(key, name)]


def deb_changes(arguments: Arguments, system: System) -> List[Difference]:
    """The package in a file, when it is not installed in this or a newer version."""
    path = arguments["deb"]
    if "://" in path:
        path = fetch_deb(path, arguments, system)
    done = system.query(["dpkg-deb", "-f", path, "Package", "Version"])
    fields = dict(line.split(": ", 1) for line in done.stdout.splitlines() if ": " in line)
    if done.returncode or "Package" not in fields:
        raise ModuleFailed(f"deb is {arguments['deb']!r}, which is no package: {done.stderr.strip()}")
    have = system.packages.installed(fields["Package"])
    version = fields["Version"]
    if have is not None and (have.version == version or (
            not arguments["allow_downgrade"] and system.packages.newer(have.version, "gt", version))):
        return []
    return [(os.path.abspath(path), fields["Package"], have.version if have else None, version)]


def fetch_deb(url: str, arguments: Arguments, system: System) -> str:
    """Download a package file once a run into the temporary directory."""
    from clusterbook.modules import web

    base = {**{key: item.default for key, item in web.WEB_PARAMETERS.items()}, "url": url}
    import tempfile

    path = os.path.join(tempfile.mkdtemp(prefix="clusterbook-apt-"), os.path.basename(url))
    with web.ask(base) as response, open(path, "wb") as file:
        if response.status >= 400:
            raise ModuleFailed(f"{url} answers {response.status} {response.reason}")
        for block in web.blocks(response, lambda count: None):
            file.write(block)
    return path


def simulate(system: System, words: List[str]) -> List[Tuple[str, str, str]]:
    """What apt-get would install, upgrade and remove: (Inst or Remv, package, the rest)."""
    done = system.query(["apt-get", "-s", "-q", *words], environment={"LC_ALL": "C.UTF-8"})
    if done.returncode:
        raise ModuleFailed(f"'apt-get -s {' '.join(words)}' failed: {done.stderr.strip()}", {"rc": done.returncode})
    lines = [line.split(" ", 2) for line in done.stdout.splitlines() if line.startswith(("Inst ", "Remv "))]
    return [(line[0], line[1], line[2] if len(line) > 2 else "") for line in lines]


def diff(arguments: Arguments, state: State) -> List[Change]:
    """Packages that are not as wanted; lists alone count as a change when nothing else was asked for."""
    changes = [Change(f"package {name}", before, "absent" if arguments["state"] == "absent" else after or "installed")
               for _, name, before, after in state["packages"]]
    for kind, name, rest in state["simulated"]:
        old = re.search(r"\[([^]]+)\]", rest)
        new = re.search(r"\(([^ )]+)", rest)
        changes.append(Change(f"package {name}", old.group(1) if old else None,
                              "absent" if kind == "Remv" else new.group(1) if new else "installed"))
    if state["update"] and not changes:
        age = "never fetched" if not state["cache_time"] else f"{int(state['now'] - state['cache_time'])} s old"
        changes.append(Change("lists of packages", age, "fetched"))
    if arguments["clean"] and not arguments["name"]:
        changes.append(Change("package files", None, "dropped"))
    changes += [Change("package file", name, None) for name in state["old_files"]]
    return changes


def apply(arguments: Arguments, state: State, system: System) -> None:
    """Fetch the lists, then install, upgrade or remove in one run of apt-get."""
    done = state["done"]
    if state["update"]:
        apt_sources.update(arguments, system)
        done["cache_updated"] = True
        if arguments["state"] == "latest" and arguments["name"] and not system.predicting:
            state["packages"] = package_changes(arguments, system)
        if arguments["upgrade"] != "no" and not system.predicting:
            state["simulated"] = simulate(system, [UPGRADES[arguments["upgrade"]]])
    words: List[str] = []
    becomes = {name: arguments["state"] != "absent" for _, name, _, _ in state["packages"]}
    if state["packages"] and arguments["state"] == "absent":
        words = ["purge" if arguments["purge"] else "remove"]
    elif state["packages"]:
        words = ["build-dep" if arguments["state"] == "build-dep" else "install"]
    elif state["simulated"]:
        words = [UPGRADES[arguments["upgrade"]] if arguments["upgrade"] != "no" else "autoremove"]
        becomes = {name: kind == "Inst" for kind, name, _ in state["simulated"]}
    if words:
        words += [*options(arguments), *(item[0] for item in state["packages"])]
        with_policy(arguments, state, system, words, becomes)
    for name in ("clean", "autoclean"):
        if arguments[name]:
            system.packages.apt([name], {})


def options(arguments: Arguments) -> List[str]:
    """The words that the parameters mean to apt-get."""
    force = arguments["force"]
    found = [f"-oDpkg::Options::=--{word.strip()}" for word in arguments["dpkg_options"].split(",") if word.strip()]
    if arguments["install_recommends"] is not None:
        found.append(f"-oAPT::Install-Recommends={'yes' if arguments['install_recommends'] else 'no'}")
    switches = {
        "--auto-remove": arguments["autoremove"], "--purge": arguments["purge"] and arguments["autoremove"],
        "--only-upgrade": arguments["only_upgrade"], "--no-remove": arguments["fail_on_autoremove"],
        "--allow-downgrades": arguments["allow_downgrade"] or force,
        "--allow-change-held-packages": arguments["allow_change_held_packages"] or force,
        "--allow-unauthenticated": arguments["allow_unauthenticated"] or force,
    }
    found += [word for word, wanted in switches.items() if wanted]
    found.append(f"-oDPkg::Lock::Timeout={arguments['lock_timeout']}")
    return found + (["-t", arguments["default_release"]] if arguments["default_release"] else [])


def with_policy(arguments: Arguments, state: State, system: System, words: List[str], becomes: Dict[str, bool]) -> None:
    """Run apt-get, with a policy-rc.d of our own meanwhile when one is asked for."""
    path, code = "/usr/sbin/policy-rc.d", arguments["policy_rc_d"]
    old = None
    if code is not None and not system.predicting:
        found = system.files.stat(path)
        old = system.files.read(path) if found else None
        from clusterbook.modules.system.files import Attributes

        system.files.write(path, f"#!/bin/sh\nexit {code}\n".encode(), Attributes(mode=0o755))
    try:
        done = system.packages.apt(words, becomes)
        state["done"].update(stdout=done.stdout, stderr=done.stderr)
    finally:
        if code is not None and not system.predicting:
            if old is None:
                system.files.remove(path)
            else:
                system.files.write(path, old)


def settled(arguments: Arguments, before: State, after: State) -> List[Change]:
    """What is left after apply: packages; fetching lists and dropping files leave nothing to look at."""
    return diff({**arguments, "clean": False}, {**after, "update": False})


def returns(arguments: Arguments, before: State, after: State) -> Dict[str, Any]:
    """Ansible's keys."""
    done = before["done"]
    values: Dict[str, Any] = {"cache_updated": done.get("cache_updated", False),
                              "cache_update_time": int(after["cache_time"])}
    if "stdout" in done:
        values.update(stdout=done["stdout"], stderr=done["stderr"], stdout_lines=done["stdout"].splitlines(),
                      stderr_lines=done["stderr"].splitlines())
    return values
