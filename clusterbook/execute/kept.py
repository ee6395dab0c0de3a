"""A play kept for a host that will run it with nobody to ask: its program, and the answers to all that it may ask.

agent/joining.py is who reads it, on the host.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from clusterbook.compile.plan import PlayPlan
from clusterbook.compile.walk import steps_of
from clusterbook.execute.ahead import ahead_of
from clusterbook.execute.answers import Answers
from clusterbook.execute.bundle import agent_bundle
from clusterbook.execute.gates import Gates
from clusterbook.execute.services import Services
from clusterbook.execute.session import Refusal
from clusterbook.execute.stub import launch_command
from clusterbook.language.program import Step, to_wire
from clusterbook.lookups.places import directories
from clusterbook.modules import certificate

FOLDERS = {"ansible.builtin.template": "templates", "ansible.builtin.copy": "files"}


def kept(play: PlayPlan, host: str, services: Services) -> dict[str, Any]:
    """The play for one host as plain data. Of secrets it has the names alone."""
    program = {"play": to_wire(play.program), "ahead": ahead_of(play, services)}
    bundle = agent_bundle()
    return {
        "digest": bundle.digest, "argv": launch_command(bundle.digest, None), "program": program,
        "host": to_wire(play.parts[host]), "steps": {str(number): step.name for number, step in play.steps.items()},
        "answers": dict(_answers(play, host, services)),
    }  # fmt: skip


def client_certificates(play: PlayPlan, host: str, services: Services) -> list[dict[str, Any]]:
    """Of the play's certificates those that name a client and nothing else: what a cluster signs by itself."""
    answers = Answers(play, host, Gates(()), services, None, {})
    found = []
    for step in _steps(play):
        if step.module == certificate.NAME and step.loop is None:
            arguments = answers.certificate(step)
            more = any(arguments.get(name) for name in ("organizations", "dns_names", "ip_addresses"))
            if arguments["authority"] == "cluster" and arguments["usages"] == ["client_auth"] and not more:
                wanted = {name: arguments[name] for name in ("path", "key_path", "common_name")}
                found.append({**wanted, "days": int(arguments.get("days") or 365)})
    return found


def _answers(play: PlayPlan, host: str, services: Services) -> Iterator[tuple[str, Any]]:
    """'kind:step:name' -> the answer, for every file that a step can name.

    Those are what it says, and where an expression does: what the inventory makes of it, and all of its role's folder.
    """
    answers = Answers(play, host, Gates(()), services, None, {})
    for step in _steps(play):
        for kind, name in _questions(play, step, answers):
            try:
                value = answers({"ask": kind, "step": step.id, "name": name})
            except Refusal:
                continue  # a file that is no text, or that is not there: who needs it is told so on the host
            yield f"{kind}:{step.id}:{name}", base64.b64encode(value).decode() if kind == "content" else value


def _questions(play: PlayPlan, step: Step, answers: Answers) -> Iterator[tuple[str, str]]:
    arguments = step.arguments if isinstance(step.arguments, Mapping) else {}
    if step.module not in FOLDERS or "src" not in arguments or arguments.get("remote_src"):
        return
    kinds = ("template",) if step.module == "ansible.builtin.template" else ("source", "content")
    literal = isinstance(arguments["src"], str)
    for name in [arguments["src"]] if literal else sorted({*_files(play, step), *answers.files.names(step)}):
        yield from ((kind, name) for kind in kinds)


def _files(play: PlayPlan, step: Step) -> list[str]:
    """Files of the folder in which the step's role keeps such."""
    folder = Path(directories(FOLDERS[step.module], play.steps[step.id].bases)[0])
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def _steps(play: PlayPlan) -> tuple[Step, ...]:
    return tuple(steps_of(play.program))
