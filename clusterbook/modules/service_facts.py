"""Gather the state of every service."""

from __future__ import annotations

from typing import Dict, List

from clusterbook.modules.contract import Arguments, ModuleFailed, Outcome, Parameter
from clusterbook.modules.system import System

NAME = "ansible.builtin.service_facts"
KIND = "query"
DESCRIPTION = "Gather the state of every service."
PARAMETERS: Dict[str, Parameter] = {}
BAD = ("not-found", "masked", "failed")
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
            status = next((word for word in BAD if word in words[:4]), words[2])
            services[words[0]] = {"name": words[0], "state": state, "status": status, "source": "systemd"}
    installed = dict(line.split()[:2] for line in files.stdout.splitlines() if len(line.split()) > 1)
    states = active([name for name in installed if name not in services], system)
    for name, status in installed.items():
        fresh = {"name": name, "state": states.get(name, "unknown"), "status": "", "source": "systemd"}
        entry = services.setdefault(name, fresh)
        if entry["status"] not in BAD:
            entry["status"] = status
    if system.predicting and getattr(system.units, "states", None):
        system.doubts.append("services are changed by steps that have not been applied")
    return Outcome(values={"ansible_facts": {"services": services}})


def active(names: List[str], system: System) -> Dict[str, str]:
    """What systemd says of services that it has not loaded; nothing of templates, which are none."""
    asked = [name for name in names if "@." not in name]
    told = system.query(["systemctl", "show", "--property=ActiveState", "--", *asked]).stdout.split() if asked else []
    states = [word.partition("=")[2] for word in told]
    return dict(zip(asked, states)) if len(states) == len(asked) else {}
