"""Packages of rpm, by dnf."""

from __future__ import annotations

import fnmatch
import re
from typing import Any, Dict, List, Optional, Tuple

from clusterbook.modules.contract import Arguments, Change, ModuleFailed, Parameter, State
from clusterbook.modules.system import System
from clusterbook.modules.system.commands import Completed

NAME = "ansible.builtin.dnf"
KIND = "state"
DESCRIPTION = "Install, upgrade and remove packages of rpm."
PARAMETERS = {
    "name": Parameter("list", "Packages: names, NAME-VERSION, patterns with *, or rpm files of the host.",
                      elements="str", aliases=("pkg",), default=[]),
    "state": Parameter("str", "What shall be; present unless autoremove is set.",
                       choices=("absent", "installed", "latest", "present", "removed")),
    "list": Parameter("str", "Only tell: installed, available, updates, repos, or a name."),
    "allow_downgrade": Parameter("bool", "Accept older versions.", default=False),
    "allowerasing": Parameter("bool", "Remove packages that are in the way.", default=False),
    "autoremove": Parameter("bool", "Remove dependencies that nothing needs.", default=False),
    "best": Parameter("bool", "Take the newest version or fail."),
    "bugfix": Parameter("bool", "With latest: only updates that fix bugs.", default=False),
    "security": Parameter("bool", "With latest: only updates that close holes.", default=False),
    "cacheonly": Parameter("bool", "Use the lists that are there.", default=False),
    "conf_file": Parameter("str", "Configuration of dnf."),
    "disable_excludes": Parameter("str", "Forget the excludes of the configuration."),
    "disable_gpg_check": Parameter("bool", "Accept unsigned packages.", default=False),
    "disable_plugin": Parameter("list", "Plugins to leave out.", default=[], elements="str"),
    "enable_plugin": Parameter("list", "Plugins to use.", default=[], elements="str"),
    "disablerepo": Parameter("list", "Repositories to leave out.", default=[], elements="str"),
    "enablerepo": Parameter("list", "Repositories to use.", default=[], elements="str"),
    "exclude": Parameter("list", "Packages to leave out.", default=[], elements="str"),
    "download_only": Parameter("bool", "Fetch the packages, install nothing.", default=False),
    "download_dir": Parameter("str", "Where they are put."),
    "install_repoquery": Parameter("bool", "Accepted; nothing else is needed.", default=True),
    "install_weak_deps": Parameter("bool", "Install what packages recommend.", default=True),
    "installroot": Parameter("str", "Root of the system to work on.", default="/"),
    "lock_timeout": Parameter("int", "Accepted; dnf waits for its lock by itself.", default=30),
    "nobest": Parameter("bool", "The opposite of best."),
    "releasever": Parameter("str", "Release of the distribution."),
    "skip_broken": Parameter("bool", "Leave out what cannot be installed.", default=False),
    "sslverify": Parameter("bool", "Check servers' certificates.", default=True),
    "validate_certs": Parameter("bool", "Check servers' certificates.", default=True),
    "update_cache": Parameter("bool", "Fetch the lists first.", default=False, aliases=("expire-cache",)),
    "update_only": Parameter("bool", "With latest: upgrade what is installed, install nothing new.", default=False),
    "use_backend": Parameter("str", "Accepted; the dnf program of the host is used.", default="auto",
                             choices=("auto", "dnf", "dnf4", "dnf5", "yum", "yum4")),
}
MUTUALLY_EXCLUSIVE = (("best", "nobest"), ("name", "list"))
REQUIRED_ONE_OF = (("name", "list", "update_cache", "autoremove"),)
FORMAT = "%{NAME}\t%|EPOCH?{%{EPOCH}:}:{}|%{VERSION}-%{RELEASE}\t%{ARCH}\n"
Package = Tuple[str, str, str]
Difference = Tuple[str, str, Optional[str], Optional[str]]


def wanted_state(arguments: Arguments) -> str:
    """absent, present or latest."""
    state = arguments["state"] or ("absent" if arguments["autoremove"] else "present")
    return {"installed": "present", "removed": "absent"}.get(state, str(state))


def observe(arguments: Arguments, system: System) -> State:
    """(what to tell dnf, package, version now, version wanted) of what is not as wanted; what nothing needs."""
    state: State = {"packages": [], "unneeded": [], "listed": None, "output": ""}
    if arguments["list"]:
        return {**state, "listed": listed(arguments, system)}
    installed = every_package(arguments, system)
    if arguments["update_cache"] and not system.predicting:
        run(["makecache"], arguments, system, True)
    wanted = wanted_state(arguments)
    for name in arguments["name"]:
        if name.startswith("@"):
            raise ModuleFailed(f"name has {name!r}: groups are not supported", next_step="Name the packages.")
        state["packages"] += differing(name, wanted, installed, arguments, system)
    if wanted == "latest" and arguments["name"]:
        state["packages"] += upgrades(arguments, installed, system)
    if arguments["autoremove"]:
        state["unneeded"] = unneeded(arguments, system)
    return state


def every_package(arguments: Arguments, system: System) -> List[Package]:
    """(name, version, architecture) of every installed package."""
    root = [] if arguments["installroot"] == "/" else ["--root", arguments["installroot"]]
    done = system.query(["rpm", *root, "-qa", "--qf", FORMAT])
    if done.returncode:
        raise ModuleFailed(f"rpm does not answer: {done.stderr.strip()}", {"rc": done.returncode},
                           "This host has no packages of rpm: use module package or apt.")
    return [(words[0], words[1], words[2]) for words in (line.split("\t") for line in done.stdout.splitlines())
            if len(words) == 3]


def differing(
    name: str, wanted: str, installed: List[Package], arguments: Arguments, system: System
) -> List[Difference]:
    """A package that is missing, or there though it shall not be."""
    asked = name
    if name.endswith(".rpm"):
        done = system.query(["rpm", "-qp", "--qf", "%{NAME}-%{VERSION}-%{RELEASE}.%{ARCH}", name])
        if done.returncode:
            raise ModuleFailed(f"{name} is no package: {done.stderr.strip()}", {"rc": done.returncode})
        asked = done.stdout.strip()
    found = [package for package in installed if fits(asked, package)]
    if wanted == "absent":
        return [(asked if "*" not in name else package[0], package[0], package[1], None) for package in found]
    if found or provided(asked, arguments, system) or (arguments["update_only"] and wanted == "latest"):
        return []
    return [(name, asked, None, "")]


def fits(asked: str, package: Package) -> bool:
    """Whether a package is meant by name, name-version, name-version-release or with its architecture."""
    name, version, architecture = package
    bare = version.rpartition(":")[2]
    short = bare.rpartition("-")[0]
    forms = (name, f"{name}-{short}", f"{name}-{bare}", f"{name}-{version}")
    return any(fnmatch.fnmatchcase(form, asked) for one in forms for form in (one, f"{one}.{architecture}"))


def provided(name: str, arguments: Arguments, system: System) -> bool:
    """Whether an installed package provides a name or a file."""
    root = [] if arguments["installroot"] == "/" else ["--root", arguments["installroot"]]
    return system.query(["rpm", *root, "-q", "--whatprovides", name]).returncode == 0


def upgrades(
    arguments: Arguments, installed: List[Package], system: System
) -> List[Difference]:
    """Installed packages among those named that have newer versions."""
    names = [] if arguments["name"] == ["*"] else arguments["name"]
    done = run(["-q", "check-update", *names], arguments, system, False)
    if done.returncode not in (0, 100):
        raise ModuleFailed(f"dnf check-update failed: {done.stderr.strip()}", {"rc": done.returncode})
    found: List[Difference] = []
    for line in done.stdout.splitlines():
        match = re.match(r"(\S+)\.(\S+)\s+(\S+)\s+\S+\s*$", line)
        old = next((item for item in installed if match and item[0] == match[1] and item[2] == match[2]), None)
        if match and old:
            found.append((match[1], match[1], old[1], match[3]))
    return found


def unneeded(arguments: Arguments, system: System) -> List[str]:
    """Packages that dnf autoremove would remove."""
    done = run(["--assumeno", "autoremove"], arguments, system, False)
    part = done.stdout.partition("\nRemoving:")[2].partition("\nTransaction Summary")[0]
    return [line.split()[0] for line in part.splitlines() if line.startswith(" ") and len(line.split()) > 3]


def listed(arguments: Arguments, system: System) -> List[Dict[str, Any]]:
    """Ansible's results of `list`."""
    word = arguments["list"]
    if word == "installed":
        return [{"name": name, "version": version.rpartition("-")[0], "release": version.rpartition("-")[2],
                 "arch": arch, "yumstate": "installed"} for name, version, arch in every_package(arguments, system)]
    if word in ("repos", "repositories"):
        lines = run(["-q", "repolist"], arguments, system, False).stdout.splitlines()[1:]
        return [{"repoid": line.split()[0], "state": "enabled"} for line in lines if line.split()]
    words = {"updates": ["--upgrades"], "available": ["--available"]}.get(word, [word])
    lines = run(["-q", "list", *words], arguments, system, False).stdout.splitlines()
    found = [re.match(r"(\S+)\.(\S+)\s+(\S+)-(\S+)\s+(\S+)\s*$", line) for line in lines]
    return [{"name": match[1], "arch": match[2], "version": match[3], "release": match[4],
             "repo": match[5].lstrip("@"), "yumstate": "installed" if match[5].startswith("@") else "available"}
            for match in found if match]


def run(words: List[str], arguments: Arguments, system: System, change: bool) -> Completed:
    """dnf with the options that the parameters mean."""
    argv = ["dnf", *options(arguments), *words]
    done = (system.execute if change else system.query)(argv, environment={"LC_ALL": "C.UTF-8"})
    if change and done.returncode:
        said = "\n".join((done.stderr.strip() or done.stdout.strip()).splitlines()[-8:])
        raise ModuleFailed(f"'{' '.join(argv)}' failed: {said}", {"rc": done.returncode, "stdout": done.stdout,
                           "stderr": done.stderr}, "Read the message of dnf above.")
    return done


def options(arguments: Arguments) -> List[str]:
    """The words that the parameters mean to dnf."""
    words = ["-y"]
    for name, option in (("conf_file", "--config"), ("releasever", "--releasever"), ("download_dir", "--downloaddir"),
                         ("disable_excludes", "--disableexcludes")):
        words += [f"{option}={arguments[name]}"] if arguments[name] else []
    for name, option in (("disablerepo", "--disablerepo"), ("enablerepo", "--enablerepo"), ("exclude", "--exclude"),
                         ("disable_plugin", "--disableplugin"), ("enable_plugin", "--enableplugin")):
        words += [f"{option}={','.join(arguments[name])}"] if arguments[name] else []
    switches = {
        "--allowerasing": arguments["allowerasing"], "--nogpgcheck": arguments["disable_gpg_check"],
        "--cacheonly": arguments["cacheonly"], "--downloadonly": arguments["download_only"],
        "--bugfix": arguments["bugfix"], "--security": arguments["security"],
        "--skip-broken": arguments["skip_broken"], "--best": arguments["best"],
        "--nobest": arguments["nobest"] or arguments["best"] is False,
        "--setopt=install_weak_deps=False": not arguments["install_weak_deps"],
        "--setopt=sslverify=False": not (arguments["sslverify"] and arguments["validate_certs"]),
        f"--installroot={arguments['installroot']}": arguments["installroot"] != "/",
    }
    return words + [word for word, wanted in switches.items() if wanted]


def diff(arguments: Arguments, state: State) -> List[Change]:
    """Packages that are not as wanted."""
    absent = wanted_state(arguments) == "absent"
    changes = [Change(f"package {name}", before, None if absent else after or "installed")
               for _, name, before, after in state["packages"]]
    return changes + [Change(f"package {name}", "not needed", None) for name in state["unneeded"]]


def apply(arguments: Arguments, state: State, system: System) -> None:
    """One run of dnf for removing, one for installing, one for upgrading."""
    wanted = wanted_state(arguments)
    new = [item[0] for item in state["packages"] if item[2] is None]
    old = [item[0] for item in state["packages"] if item[2] is not None]
    said = []
    if wanted == "absent" and old:
        said.append(run(["remove", *dict.fromkeys(old)], arguments, system, True).stdout)
    if wanted != "absent" and new:
        said.append(run(["install", *new], arguments, system, True).stdout)
    if wanted == "latest" and old:
        said.append(run(["upgrade", *dict.fromkeys(old)], arguments, system, True).stdout)
    if arguments["autoremove"] and state["unneeded"]:
        said.append(run(["autoremove"], arguments, system, True).stdout)
    state["output"] = "\n".join(said)


def settled(arguments: Arguments, before: State, after: State) -> List[Change]:
    """What is left; packages that are only downloaded leave nothing to look at."""
    return [] if arguments["download_only"] else diff(arguments, {**after, "unneeded": []})


def returns(arguments: Arguments, before: State, after: State) -> Dict[str, Any]:
    """Ansible's keys."""
    if before["listed"] is not None:
        return {"results": before["listed"], "msg": ""}
    words = "Removed" if wanted_state(arguments) == "absent" else "Installed"
    done = [f"{words}: {name}" for _, name, _, _ in before["packages"]]
    return {"results": done, "rc": 0, "msg": "" if done or before["unneeded"] else "Nothing to do"}
