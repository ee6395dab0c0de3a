"""Marks of notified handlers, kept on the host until the handler ran, so a run that died loses none."""

from __future__ import annotations

import hashlib
import json
import os

from clusterbook.language.runtime import Refused
from clusterbook.modules.perform import operating_system_step, operating_system_words


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
        """Write a mark before the change is applied; False when it was there already.

        Raises Refused when it cannot be written: the change is not to be made then.
        """
        path = self._path(name)
        if os.path.exists(path):
            return False
        try:
            self._write(path, name)
        except OSError as error:
            error.filename = error.filename or path
            raise Refused(f"{operating_system_words(error)}. {operating_system_step(error)}".strip()) from None
        return True

    def _write(self, path: str, name: str) -> None:
        os.makedirs(self._directory, mode=0o700, exist_ok=True)
        temporary = path + ".new"
        with open(temporary, "w", encoding="utf-8") as file:
            json.dump({"play": self._play, "handler": name}, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)

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
