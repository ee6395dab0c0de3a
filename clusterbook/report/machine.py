"""Events as JSON lines on an output."""

from __future__ import annotations

import json
from typing import IO, Any

from clusterbook.journal import PASSING
from clusterbook.report.called import next_as_called


class JsonLines:
    """One event a line, as in the journal; the last one is the summary."""

    def __init__(self, output: IO[str]) -> None:
        """output: usually standard output."""
        self._output = output

    def event(self, event: dict[str, Any]) -> None:
        """Write one event."""
        if event["type"] not in PASSING:
            self._output.write(json.dumps(next_as_called(event), ensure_ascii=False, default=str) + "\n")
            self._output.flush()

    def close(self) -> None:
        """Nothing is left."""
