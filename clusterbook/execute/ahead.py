"""What steps will surely ask for is sent ahead with the play, so that asking is the exception."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import takewhile
from typing import Any

from clusterbook.compile.plan import PlayPlan
from clusterbook.compile.walk import steps_of
from clusterbook.execute.answers import Answers
from clusterbook.execute.gates import Gates
from clusterbook.execute.services import Services
from clusterbook.execute.session import Refusal
from clusterbook.execute.signatures import AUTHORITIES
from clusterbook.language.elsewhere import elsewhere
from clusterbook.language.including import INCLUDES
from clusterbook.language.program import Step
from clusterbook.modules import certificate

LARGEST_TEMPLATE = 256 * 1024
# What is told of a directory; it compresses well.
LARGEST_DIRECTORY = 2 << 20
# Bytes below a directory that are looked at before the play begins, which takes a seventh of a second.
MOST_LOOKED_AT = 256 << 20


def ahead_of(plan: PlayPlan, services: Services) -> dict[str, Any]:
    """Answers to questions that name literal templates and files, or who signs: 'kind:step:name' -> value."""
    answers = Answers(plan, "", Gates(()), services, None, {})
    answers.files.most = MOST_LOOKED_AT
    steps = tuple(steps_of(plan.program))
    found: dict[str, Any] = {}
    if any(step.module == certificate.NAME for step in steps):
        found = {f"authority:None:{name}": services.authority(name) for name in AUTHORITIES}
    for step in takewhile(_leaves_files_alone, steps):
        kind = _question(step)
        name = step.arguments.get("src") if isinstance(step.arguments, Mapping) else None
        if not kind or not isinstance(name, str):
            continue
        try:
            value = answers({"ask": kind, "step": step.id, "name": name})
        except Refusal:
            continue  # the step may never run; if it does, it asks and is told why
        if step.id in answers.files.secretive:
            continue  # what is encrypted is opened when the step runs
        if len(str(value)) <= (LARGEST_DIRECTORY if value.get("below") else LARGEST_TEMPLATE):
            found[f"{kind}:{step.id}:{name}"] = value
    return found


def _leaves_files_alone(step: Step) -> bool:
    """Whether files of the local machine are the same after the step: later steps must see what it wrote."""
    known = step.module not in INCLUDES or step.body is not None
    return known and not elsewhere(step) and step.module != "ansible.builtin.fetch"


def _question(step: Step) -> str:
    if step.module == "ansible.builtin.template":
        return "template"
    if step.module == "ansible.builtin.copy" and not step.arguments.get("remote_src"):
        return "source"
    return ""
