"""The journal of a run: every event as one JSON line, on disk as it happens."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, TextIO

FILE = "events.jsonl"
# What is only of interest while it happens.
PASSING = ("start", "output", "progress")


class Journal:
    """Writes DIRECTORY/events.jsonl, 0600 in a 0700 directory. A sink of `execute.events.Events`."""

    def __init__(self, directory: Path) -> None:
        """directory: of this run; made when missing."""
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = directory / FILE
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._file: TextIO = os.fdopen(descriptor, "w", encoding="utf-8")

    def event(self, event: dict[str, Any]) -> None:
        """Write one event; a line is whole or absent after a crash of this process."""
        if event["type"] in PASSING:
            return
        self._file.write(json.dumps(event, ensure_ascii=False, default=str) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Sync to disk and close."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()


def read(directory: Path) -> list[dict[str, Any]]:
    """The events of a run; a torn last line is left out."""
    events = []
    for line in (directory / FILE).read_text(encoding="utf-8").splitlines():
        try:
            events.append(json.loads(line))
        except ValueError:
            break
    return events
