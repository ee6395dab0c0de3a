"""`--step`: before each task a person is asked whether it shall run, as by ansible-playbook.

Hosts are kept in step for that, also in plays that let them run ahead: the task goes to no host before the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from typing import Any

from clusterbook.compile.plan import StepInfo

META = "ansible.builtin.meta"
# The result, on every host, of a task that the person left out: it is neither reported nor registered.
PASSED_OVER: Mapping[str, Any] = {"passed_over": True}
Over = Callable[[], bool]


class TaskAsker:
    """Asks once for all hosts of a batch. Thread-safe; the threads of other hosts wait for the answer."""

    def __init__(self, ask: Callable[[str, Over], str]) -> None:
        """ask(text, over): what the person typed; anything once over() says that the run has ended."""
        self._ask = ask
        self._lock = Lock()
        self._answers: dict[tuple[int, ...], bool] = {}
        self._on = True

    def begin(self) -> None:
        """Another batch: its tasks are asked for anew."""
        self._answers.clear()

    def wants(self, place: Sequence[int], steps: Mapping[int, StepInfo], over: Over) -> bool:
        """Whether the task at this place of the play shall run. `meta` is not asked for."""
        key = tuple(place)
        with self._lock:
            info = steps.get(key[-1])
            if not self._on or info is None or info.module == META:
                return True
            if key not in self._answers:
                self._answers[key] = self._answer(info, over)
            return self._answers[key]

    def _answer(self, info: StepInfo, over: Over) -> bool:
        title = f"{info.role} : {info.name}" if info.role else info.name
        said = self._ask(f"Perform task: {title} (N)o/(y)es/(c)ontinue: ", over).strip().lower()
        if said in ("c", "continue"):
            self._on = False
        return said in ("y", "yes", "c", "continue")
