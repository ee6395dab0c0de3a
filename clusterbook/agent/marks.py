"""Marks of notified handlers, kept on the host until the handler ran, so a run that died loses none."""

from __future__ import annotations

import hashlib
import json
import os


class Marks:
    """One small file a handler, in the agent's state directory, under the play's key."""

    def __init__(self, directory: str, play: str) -> None:
        """directory: the agent's state directory; play: Program.key."""
        self._directory = os.path.join(directory, "pending", _digest(play))
        self._play = play

    def names(self) -> set[str]:
        """Handlers that are still to run."""
        found: set[str] = set()
        try:
            entries = os.listdir(self._directory)
        except OSError:
            return found
        for entry in entries:
            try:
                with open(os.path.join(self._directory, entry), encoding="utf-8") as file:
                    found.add(str(json.load(file)["handler"]))
            except (OSError, ValueError, KeyError):
                continue
        return found

    def add(self, name: str) -> bool:
        """Write a mark before the change is applied; False when it was there already."""
        path = self._path(name)
        if os.path.exists(path):
            return False
        os.makedirs(self._directory, mode=0o700, exist_ok=True)
        temporary = path + ".new"
        with open(temporary, "w", encoding="utf-8") as file:
            json.dump({"play": self._play, "handler": name}, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        return True

    def remove(self, name: str) -> None:
        """The handler ran."""
        try:
            os.unlink(self._path(name))
        except FileNotFoundError:
            return

    def _path(self, name: str) -> str:
        return os.path.join(self._directory, _digest(name))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:24]
