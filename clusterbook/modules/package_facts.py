"""Gather every installed package."""

from __future__ import annotations

from typing import Any, Dict, List

from clusterbook.modules.contract import Arguments, Outcome, Parameter
from clusterbook.modules.system import System

NAME = "ansible.builtin.package_facts"
KIND = "query"
DESCRIPTION = "Gather every installed package."
PARAMETERS = {
    "manager": Parameter("list", "Package manager to ask.", default=["auto"], elements="str",
                         choices=("auto", "apt")),
    "strategy": Parameter("str", "Which managers to ask.", default="first", choices=("first", "all")),
}


def run(arguments: Arguments, system: System) -> Outcome:
    """ansible_facts.packages: name -> list of version, arch, source …"""
    packages: Dict[str, List[Dict[str, Any]]] = {}
    for key, package in system.packages.all().items():
        if package.installed and ":" in key:
            packages.setdefault(package.name, []).append({
                "name": package.name, "version": package.version, "arch": package.architecture,
                "category": package.section, "origin": "", "source": "apt"})
    if system.predicting and getattr(system.packages, "changes", None):
        system.doubts.append("packages are changed by steps that have not been applied")
    return Outcome(values={"ansible_facts": {"packages": packages}})
