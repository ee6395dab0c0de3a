"""Gather every installed package."""

from __future__ import annotations

import shutil
from typing import Any, Dict, List

from clusterbook.modules.contract import Arguments, ModuleFailed, Outcome, Parameter
from clusterbook.modules.system import System
from clusterbook.modules.system.packages import STATUS

MANAGERS = ("apk", "apt", "auto", "dnf", "dnf5", "openbsd_pkg", "pacman", "pkg", "pkg5", "pkg_info", "pkgng", "portage",
            "rpm", "yum", "zypper")
RPM = ("dnf", "dnf5", "rpm", "yum", "zypper")
NAME = "ansible.builtin.package_facts"
KIND = "query"
DESCRIPTION = "Gather every installed package."
PARAMETERS = {
    "manager": Parameter("list", "Package manager to ask.", default=["auto"], elements="str",
                         choices=MANAGERS),
    "strategy": Parameter("str", "Which managers to ask.", default="first", choices=("first", "all")),
}


def run(arguments: Arguments, system: System) -> Outcome:
    """ansible_facts.packages: name -> list of version, arch, source …"""
    refused = [name for name in arguments["manager"] if name not in ("apt", "auto", *RPM)]
    if refused and shutil.which(refused[0]):
        raise ModuleFailed(f"Failed to retrieve packages with {refused[0]}: Unable to list packages of this kind",
                           next_step="Use apt, rpm or auto.")
    if refused:
        raise ModuleFailed(
            f"Requested package manager {refused[0]} was not usable by this module", next_step="Use apt, rpm or auto."
        )
    managers = ["rpm" if name in RPM else "apt" for name in arguments["manager"] if name != "auto"] or [
        "apt" if system.files.stat(STATUS) is not None else "rpm"]
    packages: Dict[str, List[Dict[str, Any]]] = {}
    for number, manager in enumerate(managers):
        try:
            own = (of_rpm if manager == "rpm" else of_apt)(system)
        except (ModuleFailed, OSError):
            if number + 1 == len(managers) and not packages:
                raise
            continue  # the next one may answer
        for name, found in own.items():
            packages.setdefault(name, []).extend(found)
        if arguments["strategy"] == "first":
            break
    if system.predicting and getattr(system.packages, "changes", None):
        system.doubts.append("packages are changed by steps that have not been applied")
    return Outcome(values={"ansible_facts": {"packages": packages}})


def of_rpm(system: System) -> Dict[str, List[Dict[str, Any]]]:
    """What rpm has."""
    packages: Dict[str, List[Dict[str, Any]]] = {}
    done = system.query(["rpm", "-qa", "--qf", "%{NAME}\t%{VERSION}\t%{RELEASE}\t%{EPOCH}\t%{ARCH}\n"])
    if done.returncode:
        raise ModuleFailed(f"rpm does not answer: {done.stderr.strip()}", {"rc": done.returncode})
    for words in (line.split("\t") for line in done.stdout.splitlines()):
        packages.setdefault(words[0], []).append({
            "name": words[0], "version": words[1], "release": words[2],
            "epoch": None if words[3] == "(none)" else int(words[3]), "arch": words[4], "source": "rpm"})
    return packages


def of_apt(system: System) -> Dict[str, List[Dict[str, Any]]]:
    """What dpkg has."""
    packages: Dict[str, List[Dict[str, Any]]] = {}
    for key, package in system.packages.all().items():
        if package.installed and ":" in key:
            packages.setdefault(package.name, []).append({
                "name": package.name, "version": package.version, "arch": package.architecture,
                "category": package.section, "origin": "", "source": "apt"})
    return packages
