"""What a play sets for all of its hosts, and for each by files that this one chooses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from clusterbook.compile.context import Context
from clusterbook.compile.tasks import TaskCompiler
from clusterbook.language.program import Step
from clusterbook.language.stepping import INCLUDE_VARS
from clusterbook.model import Play, Task
from clusterbook.source import UnreadVariables


def variables_of(play: Play) -> tuple[Mapping[str, Any], ...]:
    """`vars` and the files of `vars_files`; those that hosts choose are empty."""
    layers = (play.variables, *play.vars_files)
    return tuple(layer for layer in layers if layer or isinstance(layer, UnreadVariables))


def files_of(play: Play, compiler: TaskCompiler, context: Context) -> tuple[tuple[int, Step], ...]:
    """Which of these are files that hosts choose, and the step that reads each."""
    found: list[tuple[int, Step]] = []
    for place, file in enumerate(variables_of(play)):
        if isinstance(file, UnreadVariables):
            task = Task("vars_files", INCLUDE_VARS, {"file": file.names}, {}, file.position)
            (step,) = compiler.handlers([task], context)  # like those no tags select it, and it is in no order
            compiler.steps[step.id] = replace(compiler.steps[step.id], handler=False, implied=True)
            found.append((place, step))
    return tuple(found)
