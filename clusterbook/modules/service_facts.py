"""Gather the state of every service."""

from __future__ import annotations

from typing import Dict

from clusterbook.modules.contract import Arguments, ModuleFailed, Outcome, Parameter
from clusterbook.modules.system import System

NAME = "ansible.builtin.service_facts"
KIND = "query"
DESCRIPTION = "Gather the state of every service."
PARAMETERS: Dict[str, Parameter] = {}
LIST = ("--no-pager", "--type", "service", "--all", "--plain", "--no-legend")


def run(arguments: Arguments, system: System) -> Outcome:
    """ansible_facts.services: name -> name, state, status, source."""
    services: Dict[str, Dict[str, str]] = {}
    units = system.query(["systemctl", "list-units", *LIST])
    files = system.query(["systemctl", "list-unit-files", *LIST])
    if units.returncode or files.returncode:
        raise ModuleFailed(f"systemd does not answer: {(units.stderr or files.stderr).strip()}")
    for line in units.stdout.splitlines():
        words = line.replace("●", " ").split()
        if len(words) > 3:
            state = "running" if words[3] == "running" else "stopped"
            status = words[1] if words[1] in ("not-found", "masked") else "unknown"
            if words[2] == "failed":
                status = "failed"
            services[words[0]] = {"name": words[0], "state": state, "status": status, "source": "systemd"}
    for line in files.stdout.splitlines():
        words = line.split()
        if len(words) > 1:
            fresh = {"name": words[0], "state": "stopped", "source": "systemd", "status": ""}
            entry = services.setdefault(words[0], fresh)
            if entry["status"] != "failed":
                entry["status"] = words[1]
    if system.predicting and getattr(system.units, "states", None):
        system.doubts.append("services are changed by steps that have not been applied")
    return Outcome(values={"ansible_facts": {"services": services}})
