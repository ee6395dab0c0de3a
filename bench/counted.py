"""The clusterbook command line with its round trips counted: `python -m bench.counted FILE provision …`.

A round trip is a message to a host that the sender waits for, or a question of a host that is answered from here.
Counts go into FILE when the command ends: {host: {kind: number}}.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Any

from clusterbook.cli import main
from clusterbook.execute.session import AgentSession, Answer, Take

COUNTS: dict[str, Counter[str]] = {}
LOCK = Lock()


class Counted(AgentSession):
    """A session that counts."""

    def hello(self, holder: Mapping[str, Any], lock: bool, keep: Mapping[str, Any]) -> dict[str, Any]:
        """Counts as one."""
        _count(self.host, "hello")
        return super().hello(holder, lock, keep)

    def play(self, program: Mapping[str, Any], host: Any, take: Take, answer: Answer) -> bool:
        """A play counts as one, each question inside it as one more."""
        _count(self.host, "play")
        return super().play(program, host, take, self._counting(answer))

    def call(self, call: Mapping[str, Any], key: str, answer: Answer) -> dict[str, Any]:
        """A delegated step."""
        _count(self.host, "call")
        return super().call(call, key, self._counting(answer))

    def _counting(self, answer: Answer) -> Answer:
        def counting(question: dict[str, Any]) -> Any:
            _count(self.host, str(question.get("ask")))
            return answer(question)

        return counting


def _count(host: str, kind: str) -> None:
    with LOCK:
        COUNTS.setdefault(host, Counter())[kind] += 1


def run(arguments: list[str]) -> None:
    """Run the command line in this process with counting sessions."""
    import clusterbook.execute.hosts as hosts

    target = Path(arguments.pop(0))
    hosts.AgentSession = Counted  # type: ignore[attr-defined]
    sys.argv = ["clusterbook", *arguments]
    try:
        main.main()
    finally:
        target.write_text(json.dumps(COUNTS))


if __name__ == "__main__":
    run(sys.argv[1:])
